"""The native engine: one phase of a workload against TiKV, on OS threads that never take the GIL (Linux only).

The control plane is the caller's: it answers ``questions`` (which Region holds this key?) until the phase is over.
"""

from typing import TypeAlias, final

from ycsbpy._native.generators import OperationSource
from ycsbpy._native.recording import Recorder, SampleQueue

# A Region: id, start, end, conf_ver, version, peers as (id, store, role), the leading peer's id, store addresses.
_Described: TypeAlias = tuple[int, bytes, bytes, int, int, list[tuple[int, int, int]], int, list[tuple[int, bytes]]]

@final
class Engine:
    """One phase. Draws from ``source``, whose counters of inserts it shares.

    ``threads`` OS threads at most share ``clients`` clients and ``connections`` connections to each store.
    ``batch_limit`` is the most commands in one message. ``domain`` is one of the generators'. ``count`` operations,
    ``None`` for no end. ``period`` is the time between two intended starts in nanoseconds as (numerator, denominator),
    ``None`` for as fast as it goes. Times are nanoseconds of ``time.monotonic_ns()``; ``deadline_ns`` -1 is none.
    ``timeout_ns`` is what an operation may take. With ``repeats_writes`` an insert whose answer was lost is sent again.
    Every operation is put down in ``samples`` as it ends; threads wait while they are full.
    """

    def __init__(
        self,
        source: OperationSource,
        *,
        threads: int,
        clients: int,
        connections: int,
        batch_limit: int,
        domain: int,
        count: int | None,
        period: tuple[int, int] | None,
        origin_ns: int,
        deadline_ns: int,
        timeout_ns: int,
        repeats_writes: bool,
        key_prefix: bytes,
        key_end: bytes,
        api_version: int = 0,
        ttl: int = 0,
        samples: SampleQueue | None = None,
    ) -> None: ...
    def know(self, region: _Described) -> None:
        """Tell all threads of a Region, before the start."""

    def start(self) -> None:
        """Start the threads."""

    def stop(self, *, at_once: bool = False) -> None:
        """Begin nothing more; ``at_once`` also gives up what is in flight."""

    def questions(self, wait_ns: int) -> list[tuple[int, bytes]]:
        """(thread, key) of Regions that are wanted, waiting so long for the first; empty also when all is over."""

    def answer(self, thread: int, key: bytes, region: _Described | None, problem: str = "") -> None:
        """Answer a question; ``None`` where the Region could not be had, and why."""

    def join(self) -> None:
        """Wait for the threads to end."""

    def totals(self) -> dict[str, int | str]:
        """``begun``, ``requests`` (that operations have sent), ``recorded``, ``errors``, ``violations`` and the first
        ``violation``, ``ended_ns`` (the last operation's), ``worst_lag_ns`` (of a start behind its intended one)."""

    def loads(self) -> list[tuple[int, int, int]]:
        """Of each thread that has ended, in nanoseconds: how long it lived, had a processor, and waited for one."""

    def errors(self) -> list[tuple[int, int, str, int, str]]:
        """Kind, outcome, name, how many, an example."""

    def attempts(self) -> dict[str, int]:
        """What attempts met that were then repeated, or ended their operation, by name."""

    def merge_into(self, recorder: Recorder) -> None:
        """Move what was recorded since the last time into a recorder of all kinds and outcomes."""

    @property
    def running(self) -> bool: ...
    @property
    def broken(self) -> str:
        """What ended a thread that should not have ended; empty if nothing did."""
