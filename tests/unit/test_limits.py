"""Store limits: PD's fifteen a minute are one every four seconds."""

from __future__ import annotations

from ycsbpy.minicluster.placement.limits import StoreLimits, cost

S = 1_000_000_000


def test_one_every_four_seconds() -> None:
    limits = StoreLimits(15, 15)
    starts = []
    for tick in range(200):
        now = tick * S // 10
        if limits.available(1, "add-peer", now):
            limits.take(1, "add-peer", now, cost(96))
            starts.append(tick / 10)
    assert starts == [0, 4, 8, 12, 16]


def test_small_regions_cost_a_fifth() -> None:
    assert [cost(size) for size in (0, 19, 20, 500)] == [0.2, 0.2, 1.0, 1.0]


def test_stores_and_directions_are_apart() -> None:
    limits = StoreLimits(15, 15)
    limits.take(1, "add-peer", 0, 1)
    assert not limits.available(1, "add-peer", 0)
    assert limits.available(1, "remove-peer", 0)
    assert limits.available(2, "add-peer", 0)


def test_rates_are_set_for_one_or_for_all() -> None:
    limits = StoreLimits(15, 15)
    limits.set(60, "add-peer", 1)
    assert (limits.rate(1, "add-peer"), limits.rate(2, "add-peer"), limits.rate(1, "remove-peer")) == (60, 15, 15)
    limits.set(200)
    assert {limits.rate(store, kind) for store in (1, 2) for kind in limits.TYPES} == {200}
    limits.set(60, None, 1)
    limits.forget(1)
    assert limits.rate(1, "remove-peer") == 200


def test_without_a_limit_nothing_is_counted() -> None:
    limits = StoreLimits(1e8, 15)
    for _ in range(1000):
        limits.take(1, "add-peer", 0, 1)
    assert limits.available(1, "add-peer", 0)
