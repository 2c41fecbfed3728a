"""The timeline: what changed between two looks is an event, and a long time stays bounded."""

from __future__ import annotations

from typing import Any

import pytest
from unit_pictures import GOOD

from ycsbpy.cluster.picture import StoreFacts
from ycsbpy.cluster.timeline import MAX_EVENTS, MAX_SAMPLES, REST_S, Sample, Timeline, look
from ycsbpy.errors import ClusterError


class Told:
    """A timeline on a clock of the test's."""

    def __init__(self) -> None:
        self.at_s = 0.0
        self.timeline = Timeline(now=lambda: self.at_s, wall=lambda: 1e9)

    def see(self, at_s: float, regions: int = 1, operators: int = 0, **stores: str) -> None:
        self.at_s = at_s
        named = stores or {"s1": "Up"}
        facts = tuple(StoreFacts(int(name[1:]), f"h:{name[1:]}", state) for name, state in named.items())
        self.timeline.add(Sample(0.0, facts, regions, operators))

    @property
    def events(self) -> list[tuple[float, str]]:
        return [(event.at_s, event.text) for event in self.timeline.events]


def test_nothing_happened() -> None:
    told = Told()
    for second in range(30):
        told.see(second)
    assert told.events == []
    assert [sample.at_s for sample in told.timeline.samples] == list(range(30))


def test_a_wave_of_splits_is_one_event_and_a_later_one_another() -> None:
    told = Told()
    for second, regions in enumerate([1, 2, 2, 4, 4, 4, 4, 4, 4, 4, 5]):
        told.see(second, regions)
    assert told.events == [(1, "1 Region split into 4"), (10, "4 Regions split into 5")]


def test_merges() -> None:
    told = Told()
    told.see(0, 5)
    told.see(1, 3)
    assert told.events == [(1, "5 Regions are merged into 3")]


def test_stores_come_change_and_go() -> None:
    told = Told()
    told.see(0, s1="Up")
    told.see(1, s1="Up", s4="Up")
    told.see(2, s1="Up", s4="Offline")
    told.see(3, s1="Up", s4="Tombstone")
    told.see(4, s1="Up")
    assert told.events == [
        (1, "store 4 joined (h:4)"),
        (2, "store 4 is Offline"),
        (3, "store 4 is Tombstone"),
        (4, "store 4 is gone"),
    ]


def test_balance_is_done_when_nothing_was_under_way_for_long_enough() -> None:
    told = Told()
    for second, operators in enumerate([0, 2, 0, 1, 0, *[0] * int(REST_S)]):
        told.see(second, operators=operators)
    assert told.events == [(4, "balance done: PD moves nothing any more")]
    told.see(100)
    assert len(told.events) == 1


def test_a_balance_is_not_done_as_long_as_a_store_that_joined_is_not_up() -> None:
    told = Told()
    told.see(0, s1="Up")
    told.see(0.5, operators=1, s1="Up")
    for second in range(1, 40):
        told.see(second, s1="Up", s4="Down" if second < 20 else "Up")
    assert told.events == [
        (1, "store 4 joined (h:4)"),
        (20, "store 4 is Up"),
        (21, "balance done: PD moves nothing any more"),
    ]


def test_a_store_that_joins_and_gets_nothing_is_no_balance() -> None:
    told = Told()
    told.see(0, s1="Up")
    for second in range(1, 40):
        told.see(second, s1="Up", s4="Up")
    assert told.events == [(1, "store 4 joined (h:4)")]


def test_moves_between_two_looks_are_a_balance_too() -> None:
    told = Told()
    for second, held in enumerate([(6, 0), (3, 3), *[(3, 3)] * 12]):
        told.at_s = second
        told.timeline.add(Sample(0.0, tuple(StoreFacts(n, "h", regions=count) for n, count in enumerate(held)), 6, 0))
    assert told.events == [(2, "balance done: PD moves nothing any more")]


def test_a_long_time_gets_coarser_and_not_longer() -> None:
    told = Told()
    for second in range(5 * MAX_SAMPLES):
        told.see(second, regions=second)
    samples = told.timeline.samples
    assert len(samples) <= MAX_SAMPLES + 1
    assert (samples[0].at_s, samples[-1].at_s) == (0, 5 * MAX_SAMPLES - 1)
    assert [sample.at_s for sample in samples] == sorted({sample.at_s for sample in samples})
    assert len(told.events) <= MAX_EVENTS


def test_until_a_moment() -> None:
    told = Told()
    for second in range(10):
        told.see(second, 1 + second // 8)
    told.at_s = 9.5
    told.timeline.mark("step", "over")
    earlier = told.timeline.until(8.5)
    assert [sample.at_s for sample in earlier.samples] == list(range(9))
    assert [event.text for event in earlier.events] == ["1 Region split into 2"]
    assert told.events[-1] == (9.5, "over")


def test_of_a_picture() -> None:
    sample = Sample.of(GOOD)
    assert (sample.regions, sample.operators, [store.id for store in sample.stores]) == (1, 0, [1, 2, 3])
    assert sample.to_json()["stores"][0] == {
        "id": 1, "address": "127.0.0.1:20161", "state": "Up", "regions": 1, "leaders": 0, "size_mib": 0, "score": 0.0,
    }  # fmt: skip


class Pd:
    def __init__(self, **answers: Any) -> None:
        self.answers = {"stores": {"stores": []}, "region": {"count": 3}, "operators": [], **answers}

    def get(self, path: str) -> Any:
        return self.answers[path.rpartition("/")[2]]


def test_a_look_takes_pds_counts() -> None:
    shape = {"store": {"id": 4, "address": "a:1", "state_name": "Up"}, "status": {"region_count": 7, "leader_count": 2}}
    sample = look(Pd(stores={"stores": [shape]}, operators=["one", "two"]))  # type: ignore[arg-type]
    assert (sample.regions, sample.operators) == (3, 2)
    assert (sample.stores[0].regions, sample.stores[0].leaders) == (7, 2)
    assert look(Pd(operators=None)).operators == 0  # type: ignore[arg-type]


@pytest.mark.parametrize("answers", [{"region": "no"}, {"stores": "no"}, {"stores": {"stores": [{}]}}])
def test_a_shape_that_is_not_known_is_an_error(answers: dict[str, Any]) -> None:
    with pytest.raises(ClusterError, match="shape that is not known"):
        look(Pd(**answers))  # type: ignore[arg-type]
