"""What Grafana's Region panel shows, kept in memory: Regions and leaders of each store over time, and what happened.

Samples come from PD's own counts; events are what changed between two of them, so the two cannot disagree. A long
time is kept by leaving out every second sample when there are too many: the picture stays as wide as it was and gets
coarser. Nothing here asks or sleeps but ``Sampling``, a thread that looks again and again.
"""

from __future__ import annotations

import threading
import time
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from ycsbpy.cluster.picture import StoreFacts, stores_of
from ycsbpy.errors import ClusterError
from ycsbpy.wording import counted

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import TracebackType
    from typing import Self

    from ycsbpy.cluster.pdhttp import PdHttp
    from ycsbpy.cluster.picture import Picture

__all__ = ["Event", "Sample", "Sampling", "Timeline", "look"]

MAX_SAMPLES = 1_800
MAX_EVENTS = 200
REST_S = 10.0
"""So long nothing may be under way before it is said that PD is done."""
ONE_WAVE_S = 5.0
"""Splits that follow each other within that time are one event."""


@dataclass(frozen=True, slots=True)
class Sample:
    """One look. ``at_s`` is seconds since the timeline began; ``regions`` is how many there are."""

    at_s: float
    stores: tuple[StoreFacts, ...]
    regions: int
    operators: int

    @classmethod
    def of(cls, picture: Picture, at_s: float = 0.0) -> Sample:
        """A sample of a whole picture."""
        stores = tuple(sorted(picture.stores.values(), key=lambda one: one.id))
        return cls(at_s, stores, len(picture.regions), len(picture.operators))

    def to_json(self) -> dict[str, Any]:
        """As the report and the page have it."""
        return {
            "at_s": round(self.at_s, 3),
            "regions": self.regions,
            "operators": self.operators,
            "stores": [store.to_json() for store in self.stores],
        }


@dataclass(frozen=True, slots=True)
class Event:
    """Something that happened: ``split``, ``merge``, ``store``, ``balance``, or ``step`` (of a walk)."""

    at_s: float
    kind: str
    text: str


def look(pd: PdHttp) -> Sample:
    """Ask PD for the counts alone, which stays cheap with many Regions. Raises ``ClusterError``.

    The number of Regions is that of ``/stats/region``, which is PD's own; the others are of ``/stores``.
    """
    stores = stores_of(pd.get("/stores"))
    stats = pd.get("/stats/region")
    operators = pd.get("/operators")
    if not isinstance(stats, dict):
        raise ClusterError("PD answers in a shape that is not known: /stats/region")
    return Sample(0.0, stores, int(stats.get("count", 0)), len(operators or []))


class Timeline:
    """Samples and events in order. May be added to by one thread and read by others: what is handed out is a copy."""

    def __init__(self, now: Callable[[], float] = time.monotonic, wall: Callable[[], float] = time.time) -> None:
        self._now = now
        self._began = now()
        self.started_at = wall()
        """Seconds since 1970."""
        self._samples: list[Sample] = []
        self._events: list[Event] = []
        self._lock = threading.Lock()
        self._busy = False
        self._coming: set[int] = set()
        self._rest_since: float | None = None
        self._last_split_s = float("-inf")

    @property
    def samples(self) -> tuple[Sample, ...]:
        with self._lock:
            return tuple(self._samples)

    @property
    def events(self) -> tuple[Event, ...]:
        with self._lock:
            return tuple(self._events)

    def now_s(self) -> float:
        """Seconds since it began."""
        return self._now() - self._began

    def add(self, sample: Sample) -> None:
        """Add a look that was taken now."""
        sample = replace(sample, at_s=self.now_s())
        with self._lock:
            if self._samples:
                self._notice(self._samples[-1], sample)
            self._samples.append(sample)
            if len(self._samples) > MAX_SAMPLES:
                del self._samples[1:-1:2]

    def mark(self, kind: str, text: str) -> None:
        """Add an event that PD cannot know, such as the beginning of a step."""
        with self._lock:
            self._event(Event(self.now_s(), kind, text))

    def until(self, at_s: float) -> Timeline:
        """The same, up to a moment."""
        earlier = Timeline()
        earlier.started_at = self.started_at
        earlier._samples = [one for one in self.samples if one.at_s <= at_s]
        earlier._events = [one for one in self.events if one.at_s <= at_s]
        return earlier

    def to_json(self) -> dict[str, Any]:
        """Everything."""
        return {
            "started_at": self.started_at,
            "samples": [one.to_json() for one in self.samples],
            "events": [{"at_s": round(one.at_s, 3), "kind": one.kind, "text": one.text} for one in self.events],
        }

    # ---- what changed ----

    def _notice(self, before: Sample, after: Sample) -> None:
        if before.regions and after.regions > before.regions:
            self._split(before.regions, after)
        elif after.regions and after.regions < before.regions:
            self._event(Event(after.at_s, "merge", f"{before.regions} Regions are merged into {after.regions}"))
        had = {one.id: one for one in before.stores}
        for store in after.stores:
            old = had.pop(store.id, None)
            if old is None:
                self._event(Event(after.at_s, "store", f"store {store.id} joined ({store.address})"))
                self._coming.add(store.id)
            elif old.state != store.state:
                self._event(Event(after.at_s, "store", f"store {store.id} is {store.state}"))
        for gone in had.values():
            self._event(Event(after.at_s, "store", f"store {gone.id} is gone"))
        self._notice_rest(before, after)

    def _split(self, before: int, after: Sample) -> None:
        """One event for a wave of splits, at its beginning, which says how far it went."""
        last = next((one for one in reversed(self._events) if one.kind == "split"), None)
        if last is not None and after.at_s - self._last_split_s <= ONE_WAVE_S:
            words = last.text.rpartition(" ")[0]
            self._events[self._events.index(last)] = replace(last, text=f"{words} {after.regions}")
        else:
            self._event(Event(after.at_s, "split", f"{counted(before, 'Region')} split into {after.regions}"))
        self._last_split_s = after.at_s

    def _notice_rest(self, before: Sample, after: Sample) -> None:
        """Operators may begin and end between two looks; replicas that are elsewhere then were moved all the same."""
        held = [{store.id: store.regions for store in each.stores} for each in (before, after)]
        coming = bool(self._coming)  # what was done before a store comes is not done when it does
        self._coming -= {one.id for one in after.stores if one.up} | (held[0].keys() - held[1].keys())
        moved = any(held[0][store] != count for store, count in held[1].items() if store in held[0])
        if after.operators or (before.regions == after.regions and moved):
            self._busy, self._rest_since = True, None
        elif coming:
            self._rest_since = None
        elif self._busy:
            if self._rest_since is None:
                self._rest_since = after.at_s
            elif after.at_s - self._rest_since >= REST_S:
                self._event(Event(self._rest_since, "balance", "balance done: PD moves nothing any more"))
                self._busy, self._rest_since = False, None

    def _event(self, event: Event) -> None:
        self._events.append(event)
        self._events.sort(key=lambda one: one.at_s)
        del self._events[:-MAX_EVENTS]


class Sampling:
    """Looks at PD every so many seconds, in a thread of its own. A PD that is away is asked again."""

    def __init__(self, pd: PdHttp, timeline: Timeline, every_s: float = 1.0) -> None:
        self._pd = pd
        self._timeline = timeline
        self._every_s = every_s
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._run, name="looks at PD", daemon=True)

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.end()

    def start(self) -> None:
        """Begin."""
        self._thread.start()

    def end(self, *, wait: bool = True) -> None:
        """Stop looking, after the look that is under way; may be called again."""
        self._ended.set()
        if wait:
            self._thread.join()

    def _run(self) -> None:
        while not self._ended.is_set():
            with suppress(ClusterError):
                self._timeline.add(look(self._pd))
            self._ended.wait(self._every_s)
