"""The native engine: one phase of a workload against TiKV, on OS threads that never take the GIL (Linux only).

The control plane is the caller's: it answers ``questions`` (which Region holds this key?) until the phase is over.
"""

from collections.abc import Sequence
from typing import TypeAlias, final

from ycsbpy._native.generators import OperationSource
from ycsbpy._native.recording import Recorder, SampleQueue

# A Region: id, start, end, conf_ver, version, peers as (id, store, role), the leading peer's id, store addresses.
_Described: TypeAlias = tuple[int, bytes, bytes, int, int, list[tuple[int, int, int]], int, list[tuple[int, bytes]]]

HAS_TLS: bool
"""Whether this build has TLS."""

@final
class Engine:
    """One phase. Draws from ``source``, whose counters of inserts it shares.

    ``threads`` OS threads at most share ``clients`` clients and ``connections`` connections to each store.
    ``batch_limit`` is the most commands in one message. ``domain`` is one of the generators'. ``count`` operations,
    ``None`` for no end. ``period`` is the time between two intended starts in nanoseconds as (numerator, denominator),
    ``None`` for as fast as it goes. Times are nanoseconds of ``time.monotonic_ns()``; ``deadline_ns`` -1 is none.
    ``timeout_ns`` is what an operation may take. With ``repeats_writes`` an insert whose answer was lost is sent again.
    Every operation is put down in ``samples`` as it ends; threads wait while they are full.

    An empty ``column_family`` is the default one; ``ttl`` is in seconds, 0 for ever. ``api_version`` is
    ``kvrpcpb.APIVersion``'s number; from 2 on ``key_prefix`` and ``key_end`` hold the keyspace's prefix, and Regions
    are told with their bounds decoded. With a ``batch_size`` of more than 1 an operation has so many rows, all of the
    kind that the mix chose for its first one: ``count`` and ``period`` are of rows, what is begun and recorded is of
    operations, and the last one has only the rows that are left. ``recorded_as`` has for each kind the number under
    which it is counted.

    ``tls`` has the contents of the files of ``tikv.ca``, ``tikv.cert`` and ``tikv.key``; without the first there is no
    TLS, without the second no certificate of one's own.

    Raises ``ValueError`` for batches where the workload scans, ``RuntimeError`` with one line for certificates that
    cannot be used and where ``HAS_TLS`` is false.
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
        column_family: bytes = b"",
        api_version: int = 0,
        keyspace_id: int = 0,
        ttl: int = 0,
        samples: SampleQueue | None = None,
        batch_size: int = 1,
        recorded_as: Sequence[int] = (0, 1, 2, 3, 4, 5),
        tls: tuple[bytes, bytes, bytes] = (b"", b"", b""),
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
        """Move what was recorded since the last time into a recorder of all kinds and outcomes. Raises ``ValueError``
        for one that has not all of the kinds."""

    @property
    def running(self) -> bool: ...
    @property
    def broken(self) -> str:
        """What ended a thread that should not have ended; empty if nothing did."""
