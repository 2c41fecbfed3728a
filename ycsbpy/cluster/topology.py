"""What a playground is asked for and what there is: values, without I/O, which are also its state file and its answers.

``Spec`` is the request: how many stores, over which backend, on which ports. ``Topology`` is the answer: the processes
and addresses of a playground that runs, or ran. ``Display`` adds what PD says of the stores at one moment. All of them
go through JSON there and back, since the processes that speak of them are several.
"""

from __future__ import annotations

import dataclasses
import enum
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self, TypeVar

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["Display", "Instance", "Phase", "Role", "Row", "Spec", "Topology"]


class Role(enum.StrEnum):
    """What a process is, by the names that ``tiup playground display`` has for it."""

    PD = "pd"
    TIKV = "tikv"


class Phase(enum.StrEnum):
    """Where a playground is in its life; what ended without saying so is found out by its lock, not from here."""

    STARTING = "starting"
    RUNNING = "running"
    STOPPING = "stopping"
    STOPPED = "stopped"


@dataclass(frozen=True, slots=True)
class Spec:
    """What a playground is to be. Everything has a default; ports that are ``None`` are found.

    ``backend`` is ``auto``, ``tiup``, ``binaries`` or ``minicluster``. ``tag`` names the playground and keeps its data
    for the next start; ``data_dir`` keeps them too, in a folder of the user's choice. Without both the data go with
    the playground. ``region_split_size`` is in bytes; 0 leaves it to the store. ``version`` is TiUP's. ``wait_s`` is
    how long the cluster may take to be ready.
    """

    backend: str = "auto"
    kv: int = 3
    pd_port: int | None = None
    kv_port: int | None = None
    host: str = "127.0.0.1"
    kv_config: Path | None = None
    pd_config: Path | None = None
    region_split_size: int = 0
    tag: str = ""
    data_dir: Path | None = None
    monitor: bool = True
    version: str = ""
    tiup: str = ""
    bin_dir: Path | None = None
    pd_binpath: Path | None = None
    kv_binpath: Path | None = None
    wait_s: float = 120.0

    def to_json(self) -> dict[str, Any]:
        """As JSON; paths as text."""
        return {name: str(value) if isinstance(value, Path) else value for name, value in _fields(self).items()}

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> Self:
        """From ``to_json``'s answer."""
        paths = {"kv_config", "pd_config", "data_dir", "bin_dir", "pd_binpath", "kv_binpath"}
        known = _known(cls, value)
        values: dict[str, Any] = {
            name: Path(one) if name in paths and one is not None else one for name, one in known.items()
        }
        return cls(**values)


@dataclass(frozen=True, slots=True)
class Instance:
    """One process of a cluster.

    ``start`` is when it started as the system tells it, which with ``pid`` names one process and no other.
    ``started_at`` is in seconds since 1970. ``address`` is host:port for clients, ``status_address`` where it serves
    ``/metrics``, ``peer_address`` where PD's own peers would reach it. ``store_id`` is 0 for PD, and where it is not
    known yet. ``ended`` is how the process went,
    ``exit status 1`` or ``signal 9``, and empty while it runs.
    """

    name: str
    role: Role
    pid: int
    start: str = ""
    started_at: float = 0.0
    address: str = ""
    status_address: str = ""
    peer_address: str = ""
    log: str = ""
    store_id: int = 0
    ended: str = ""

    def to_json(self) -> dict[str, Any]:
        """As JSON."""
        return _fields(self)

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> Self:
        """From ``to_json``'s answer."""
        return _with_role(cls, value)


@dataclass(frozen=True, slots=True)
class Topology:
    """A playground: who owns it, over what, and its processes.

    ``why`` is one line that says why this backend. ``endpoints`` are PD's, host:port. ``dashboard`` is the address of
    the page that shows the Regions, where there is one. ``pid``, ``start`` and ``boot_id`` name the owning process.
    """

    tag: str
    backend: str
    phase: Phase = Phase.STARTING
    why: str = ""
    endpoints: tuple[str, ...] = ()
    dashboard: str = ""
    prometheus: str = ""
    data_dir: str = ""
    keeps_data: bool = False
    pid: int = 0
    start: str = ""
    boot_id: str = ""
    started_at: float = 0.0
    instances: tuple[Instance, ...] = field(default=())

    @property
    def stores(self) -> tuple[Instance, ...]:
        """The store processes."""
        return tuple(one for one in self.instances if one.role is Role.TIKV)

    def to_json(self) -> dict[str, Any]:
        """As JSON."""
        return {**_fields(self), "instances": [one.to_json() for one in self.instances]}

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> Self:
        """From ``to_json``'s answer. Raises ``KeyError``, ``TypeError`` or ``ValueError`` for what is none."""
        known = _known(cls, value)
        return cls(
            **{
                **known,
                "phase": Phase(known["phase"]),
                "endpoints": tuple(known["endpoints"]),
                "instances": tuple(Instance.from_json(one) for one in known["instances"]),
            }
        )


@dataclass(frozen=True, slots=True)
class Row:
    """One line of ``display``: a process, and, for a store, what PD says of it (``state`` is PD's ``state_name``)."""

    name: str
    role: Role
    pid: int
    uptime_s: float
    ended: str = ""
    address: str = ""
    status_address: str = ""
    store_id: int = 0
    state: str = ""
    regions: int | None = None
    leaders: int | None = None

    def to_json(self) -> dict[str, Any]:
        """As JSON."""
        return _fields(self)

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> Self:
        """From ``to_json``'s answer."""
        return _with_role(cls, value)


@dataclass(frozen=True, slots=True)
class Display:
    """The playground at one moment. ``problem`` says why PD's part is missing, where it is."""

    topology: Topology
    rows: tuple[Row, ...]
    problem: str = ""

    def to_json(self) -> dict[str, Any]:
        """As JSON."""
        return {
            "topology": self.topology.to_json(),
            "rows": [row.to_json() for row in self.rows],
            "problem": self.problem,
        }

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> Self:
        """From ``to_json``'s answer."""
        rows = tuple(Row.from_json(row) for row in value["rows"])
        return cls(Topology.from_json(value["topology"]), rows, value["problem"])


Made = TypeVar("Made")


def _fields(value: Any) -> dict[str, Any]:
    return {one.name: getattr(value, one.name) for one in dataclasses.fields(value)}


def _with_role(cls: type[Made], value: Mapping[str, Any]) -> Made:
    known = _known(cls, value)
    return cls(**{**known, "role": Role(known["role"])})


def _known(cls: type[Any], value: Mapping[str, Any]) -> dict[str, Any]:
    """The fields that this version knows: a state file of a newer one is read as far as it goes."""
    names = {one.name for one in dataclasses.fields(cls)}
    return {name: one for name, one in value.items() if name in names}
