"""What one phase of a run did, as a value: counts that add up, latencies, errors. Immutable, mergeable, free of I/O.

*Series.* Operations that succeeded are in the series of their kind (``READ``); those that did not are kept apart
(``READ-NOT_FOUND``, ``READ-FAILED``, ``READ-UNKNOWN``), because an error that comes back in 50 µs would flatter the
rest. ``TOTAL`` merges the successful ones. Each series has service times (sent → answered) and, in a paced run,
response times (intended start → answered); the second is what a user of the database would have felt.
"""

from __future__ import annotations

from dataclasses import dataclass, field, fields
from typing import TYPE_CHECKING

from ycsbpy.clock import NS_PER_SECOND
from ycsbpy.measure.histogram import percentiles
from ycsbpy.ops import OpKind, Outcome

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from ycsbpy._native.recording import LatencyCounts

__all__ = [
    "PERCENTILES",
    "Accounting",
    "Attempts",
    "ClientLoad",
    "ErrorCount",
    "Interval",
    "LatencyStats",
    "Series",
    "Summary",
    "WindowStats",
    "merge_errors",
    "series_name",
]

PERCENTILES = (50.0, 90.0, 95.0, 99.0, 99.9, 99.99)
TOTAL = "TOTAL"


def series_name(kind: int, outcome: int) -> str:
    """``READ``, ``READ-FAILED``, …"""
    name = OpKind(kind).name
    return name if outcome == Outcome.OK else f"{name}-{Outcome(outcome).name}"


@dataclass(frozen=True, slots=True)
class Accounting:
    """Where every planned operation went.

    ``planned = ok + not_found + failed + unknown + dropped + not_started`` holds for each phase, also an interrupted
    one. *dropped*: its time in the schedule came and no client was free until the end. *not_started*: the end (of
    time, or by Ctrl-C) came first.
    """

    planned: int = 0
    ok: int = 0
    not_found: int = 0
    failed: int = 0
    unknown: int = 0
    dropped: int = 0
    not_started: int = 0

    @property
    def done(self) -> int:
        """Operations that were started; each of them has ended in one of four ways."""
        return self.ok + self.not_found + self.failed + self.unknown

    @property
    def adds_up(self) -> bool:
        return self.planned == self.done + self.dropped + self.not_started

    def __add__(self, other: Accounting) -> Accounting:
        return Accounting(**{f.name: getattr(self, f.name) + getattr(other, f.name) for f in fields(self)})


@dataclass(frozen=True, slots=True)
class Attempts:
    """What operations sent, apart from how they ended: one operation may be several requests (a read-modify-write, a
    scan through Regions), and a request may be sent again. ``failed`` counts attempts that did not bring what was
    asked for, by error; an operation that was told so twice and then succeeded is two there, and ``ok``.
    """

    requests: int
    failed: Mapping[str, int] = field(default_factory=dict)

    def __add__(self, other: Attempts) -> Attempts:
        names = sorted({*self.failed, *other.failed})
        failed = {name: self.failed.get(name, 0) + other.failed.get(name, 0) for name in names}
        return Attempts(self.requests + other.requests, failed)


CLIENT_BOUND = 0.9
"""Share of its time that a thread of the client can be busy before the client counts as the limit."""


@dataclass(frozen=True, slots=True)
class ClientLoad:
    """How busy the client's own threads were: of the busiest one, shares of its time, 0 to 1.

    ``cpu`` is on a processor; ``waiting`` is able to run and waiting for one (the scheduler's lag; other programs had
    it). A thread that is neither waits for the cluster, or for an operation's time to come.
    """

    threads: int
    cpu: float
    waiting: float

    @classmethod
    def of(cls, threads: Iterable[tuple[int, int, int]]) -> ClientLoad | None:
        """From nanoseconds lived, had and waited of each thread; ``None`` where there was none of any length."""
        lived = [one for one in threads if one[0] > 0]
        if not lived:
            return None
        shares = [(cpu / whole, waited / whole) for whole, cpu, waited in lived]
        return cls(len(lived), *max(shares, key=sum))

    @property
    def is_limit(self) -> bool:
        """Whether the client, or its machine, kept the run from being faster: the busiest thread had nothing left."""
        return self.cpu + self.waiting >= CLIENT_BOUND

    def merged(self, other: ClientLoad) -> ClientLoad:
        busier = max(self, other, key=lambda one: one.cpu + one.waiting)
        return ClientLoad(self.threads + other.threads, busier.cpu, busier.waiting)


@dataclass(frozen=True, slots=True)
class LatencyStats:
    """A histogram boiled down; all latencies in nanoseconds, percentiles by rank in percent."""

    count: int
    mean_ns: float
    min_ns: int
    max_ns: int
    percentiles_ns: Mapping[float, int]

    @classmethod
    def of(cls, counts: LatencyCounts, ranks: Iterable[float] = PERCENTILES) -> LatencyStats:
        """For results: percentiles by the ``hdrhistogram`` package."""
        return cls(counts.total, _mean(counts), counts.min_ns, counts.max_ns, percentiles(counts, ranks))

    @classmethod
    def quick(cls, counts: LatencyCounts, ranks: Iterable[float] = PERCENTILES) -> LatencyStats:
        """For windows while a run goes on: the same numbers, found natively in microseconds instead of milliseconds,
        for which the event loop would stand still and make the latencies that it measures."""
        found = {rank: min(counts.value_at_percentile(rank), counts.max_ns) for rank in ranks}
        return cls(counts.total, _mean(counts), counts.min_ns, counts.max_ns, found)


def _mean(counts: LatencyCounts) -> float:
    return counts.sum_ns / counts.total if counts.total else 0.0


@dataclass(frozen=True, slots=True)
class Series:
    """The latencies of one kind of operation with one outcome (or ``TOTAL``). ``response`` is there in paced runs."""

    name: str
    service: LatencyCounts
    response: LatencyCounts | None = None

    @property
    def count(self) -> int:
        return self.service.total

    def merged(self, other: Series) -> Series:
        service = self.service.copy()
        service.add(other.service)
        if self.response is None or other.response is None:
            return Series(self.name, service, None)
        response = self.response.copy()
        response.add(other.response)
        return Series(self.name, service, response)


@dataclass(frozen=True, slots=True)
class ErrorCount:
    """How often operations of a kind ended in one error; ``example`` is the message of the first."""

    kind: str
    outcome: str
    error: str
    count: int
    example: str = ""


@dataclass(frozen=True, slots=True)
class Interval:
    """One window of a run: from and to in nanoseconds since the phase began, its series, and the series so far."""

    start_ns: int
    end_ns: int
    window: Mapping[str, Series]
    total: Mapping[str, Series]

    @property
    def seconds(self) -> float:
        return (self.end_ns - self.start_ns) / NS_PER_SECOND


@dataclass(frozen=True, slots=True)
class WindowStats:
    """What is kept of a window after it has been shown: nanoseconds since the phase began, and service-time figures (of
    response times under ``Intended-<series>``)."""

    start_ns: int
    end_ns: int
    stats: Mapping[str, LatencyStats]

    @property
    def seconds(self) -> float:
        return (self.end_ns - self.start_ns) / NS_PER_SECOND


@dataclass(frozen=True, slots=True)
class Summary:
    """The result of one phase.

    ``elapsed_ns`` runs from the phase's start to the end of its last operation; ``cpu_ns`` is what this process (user
    and system, all threads) used meanwhile. ``stopped_by`` is empty for a phase that did all it had planned, else
    ``time limit`` or ``interrupt``. ``attempts`` and ``client_load`` are there where somebody counts them (the
    native engine; attempts also where inserts are tried again). With a ``batch`` of more than 1 each operation is a
    call for up to so many records.
    """

    phase: str
    started_wall_ns: int
    elapsed_ns: int
    cpu_ns: int
    clients: int
    target: float | None
    accounting: Accounting
    by_kind: Mapping[str, Accounting]
    series: Mapping[str, Series]
    errors: tuple[ErrorCount, ...] = ()
    stopped_by: str = ""
    integrity_violations: int = 0
    integrity_example: str = ""
    attempts: Attempts | None = None
    client_load: ClientLoad | None = None
    batch: int = 1
    windows: tuple[WindowStats, ...] = field(default=(), repr=False)

    @property
    def seconds(self) -> float:
        return self.elapsed_ns / NS_PER_SECOND

    @property
    def throughput(self) -> float:
        """Successful operations a second."""
        return self.accounting.ok / self.seconds if self.elapsed_ns else 0.0

    def merged(self, other: Summary) -> Summary:
        """The same phase on two generators at once, as one: counts added, the longer time, histograms merged
        exactly."""
        series = dict(self.series)
        for name, theirs in other.series.items():
            series[name] = series[name].merged(theirs) if name in series else theirs
        kinds = {
            kind: self.by_kind.get(kind, Accounting()) + other.by_kind.get(kind, Accounting())
            for kind in sorted({*self.by_kind, *other.by_kind})
        }
        return Summary(
            phase=self.phase,
            started_wall_ns=min(self.started_wall_ns, other.started_wall_ns),
            elapsed_ns=max(self.elapsed_ns, other.elapsed_ns),
            cpu_ns=self.cpu_ns + other.cpu_ns,
            clients=self.clients + other.clients,
            target=None if self.target is None or other.target is None else self.target + other.target,
            accounting=self.accounting + other.accounting,
            by_kind=kinds,
            series=series,
            errors=merge_errors(self.errors, other.errors),
            stopped_by=self.stopped_by or other.stopped_by,
            integrity_violations=self.integrity_violations + other.integrity_violations,
            integrity_example=self.integrity_example or other.integrity_example,
            batch=max(self.batch, other.batch),
            client_load=self.client_load.merged(other.client_load)
            if self.client_load is not None and other.client_load is not None
            else None,
            attempts=None if self.attempts is None or other.attempts is None else self.attempts + other.attempts,
        )


def merge_errors(*parts: Iterable[ErrorCount]) -> tuple[ErrorCount, ...]:
    """Add up counts of the same kind, outcome and error; the most frequent first."""
    found: dict[tuple[str, str, str], ErrorCount] = {}
    for part in parts:
        for one in part:
            key = (one.kind, one.outcome, one.error)
            old = found.get(key)
            count = one.count + (old.count if old else 0)
            found[key] = ErrorCount(*key, count, (old.example if old else "") or one.example)
    return tuple(sorted(found.values(), key=lambda one: (-one.count, one.kind, one.error)))
