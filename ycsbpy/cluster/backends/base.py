"""The contract of a backend: what starts a cluster's processes, adds stores to it, takes stores out, and ends it.

A backend is used by one owner, the playground's process, from one thread at a time; only ``stop`` may be called while
another call is under way, which then fails. It blocks: waiting is for processes. What it starts, it starts in the
``Site``'s estate, so that nothing survives the owner, however the owner ends.

Whether the cluster is healthy is not a backend's business: that is asked of PD, and so of any cluster.
"""

from __future__ import annotations

import threading
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol

from ycsbpy.errors import ClusterError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from ycsbpy.cluster.ports import PortBook
    from ycsbpy.cluster.process import Estate
    from ycsbpy.cluster.topology import Instance, Spec, Topology

__all__ = ["Backend", "Found", "Site"]


@dataclass(frozen=True, slots=True)
class Found:
    """Whether a backend can be used on this machine, and why (not): one line that ``--backend auto`` prints."""

    there: bool
    why: str


@dataclass(frozen=True)
class Site:
    """Where a backend builds: what was asked for, what there was before, and what belongs to the owner.

    ``data`` is the folder for the processes' files, which exists. ``before`` is the topology of the same playground
    when it ran last, whose ports are to be the same again; ``None`` at the first start. ``ports`` gives out ports that
    no other playground of this user has. ``say`` takes lines for the user. ``stopping`` is set when the owner was told
    to end: whoever waits has to look at it.
    """

    spec: Spec
    estate: Estate
    data: Path
    say: Callable[[str], None]
    ports: PortBook
    before: Topology | None = None
    stopping: threading.Event = field(default_factory=threading.Event)

    def folder(self, name: str) -> Path:
        """Make the folder of one process; it goes in the end if the playground was never up.

        Raises ``ClusterError`` if it cannot be made, or is there and not from this playground.
        """
        path = self.data / name
        known = self.before is not None and any(one.name == name for one in self.before.instances)
        try:
            path.mkdir(exist_ok=known)
        except FileExistsError:
            raise ClusterError(f"{path} is there already, and not from a playground that ran here") from None
        except OSError as error:
            raise ClusterError(f"cannot write in {self.data}: {error.strerror}") from None
        if self.before is None:
            self.estate.own(path)
        return path


class Backend(Protocol):
    """One way to have a cluster. All calls raise ``ClusterError``, one line, when they cannot do what they are for."""

    name: str

    @property
    def endpoints(self) -> tuple[str, ...]:
        """PD's addresses, host:port; known once ``start`` has returned."""

    def start(self) -> None:
        """Start PD and the stores, and return when every store is Up and every Region has a leader.

        What was started when it fails is left to ``stop``.
        """

    def scale_out(self, kv: int) -> Sequence[Instance]:
        """Add stores; return them when they are Up.

        When not all can be had, ``ClusterError`` says how many joined; those stay, and nothing stays of the others.
        """

    def scale_in(self, instance: Instance) -> str:
        """Begin to take a store out: PD moves its Regions away first. Returns what TiUP answers.

        Raises ``ClusterError`` when PD refuses, for instance because too few stores would be left.
        """

    def instances(self) -> Sequence[Instance]:
        """The processes, PD first, as they are now."""

    def look_after(self) -> None:
        """Called every second or so: stop stores that are Tombstone, notice and report processes that ended."""

    def stop(self, grace_s: float) -> None:
        """Stop all processes, those that have not ended after ``grace_s`` by force. Never raises."""
