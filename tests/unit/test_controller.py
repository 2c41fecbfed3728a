"""Operators under way: one for each Region, step by step, until done or given up."""

from __future__ import annotations

import itertools
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest
from placementkit import apply, region

from ycsbpy.minicluster.model import Epoch, Role
from ycsbpy.minicluster.placement.controller import OperatorController
from ycsbpy.minicluster.placement.limits import StoreLimits
from ycsbpy.minicluster.placement.operators import Kind, Operator, Priority, Status, move, transfer_leader
from ycsbpy.minicluster.placement.steps import AddLearner, Step

if TYPE_CHECKING:
    from ycsbpy.minicluster.pd.regiontree import RegionInfo

S = 1_000_000_000
V = Role.VOTER


class Rig:
    def __init__(self) -> None:
        self.sent: list[Step] = []
        self.controller = OperatorController(lambda _info, step: self.sent.append(step), StoreLimits(15, 15))
        self.info = region("1* 2 3")

    def move(self, priority: Priority = Priority.MEDIUM) -> Operator:
        return move(
            self.info,
            "test",
            {1: V, 2: V, 4: V},
            kind=Kind.REGION,
            priority=priority,
            new_id=itertools.count(9001).__next__,
        )

    def report(self, info: RegionInfo, now: int = 0) -> None:
        self.info = info
        self.controller.heartbeat(info, now)


@pytest.fixture
def rig() -> Rig:
    return Rig()


def test_the_next_step_is_sent_when_the_one_before_is_seen_done(rig: Rig) -> None:
    operator = rig.move()
    assert rig.controller.add(operator, rig.info, 0)
    for number, step in enumerate(operator.steps):
        assert rig.sent[-1] == step
        assert len(rig.sent) == number + 1
        rig.report(apply(rig.info, step))
    assert operator.status is Status.SUCCESS
    assert not rig.controller.running
    assert list(rig.controller.records) == [operator]
    assert rig.controller.events == {("test", "create"): 1, ("test", "finish"): 1}


def test_a_new_replica_is_waited_for_until_it_has_the_data(rig: Rig) -> None:
    operator = rig.move()
    rig.controller.add(operator, rig.info, 0)
    arrived = apply(rig.info, operator.steps[0])
    new = arrived.region.peer_on(4)
    assert new is not None
    rig.report(replace(arrived, pending_peers=(new,)))
    assert len(rig.sent) == 1
    rig.report(arrived)
    assert rig.sent[1:] == [operator.steps[1]]


def test_an_unasked_for_change_ends_it(rig: Rig) -> None:
    operator = rig.move()
    rig.controller.add(operator, rig.info, 0)
    rig.report(replace(rig.info, region=replace(rig.info.region, epoch=Epoch(6, 1))))
    assert operator.status is Status.CANCEL


def test_a_step_that_has_become_impossible_ends_it(rig: Rig) -> None:
    operator = transfer_leader(rig.info, "test", 2)
    rig.controller.add(operator, rig.info, 0)
    peers = tuple(peer for peer in rig.info.region.peers if peer.store_id != 2)
    rig.report(replace(rig.info, region=replace(rig.info.region, peers=peers)))
    assert operator.status is Status.CANCEL
    assert operator.reason == "peer 2002 is no voter"


def test_a_lost_command_is_sent_again(rig: Rig) -> None:
    rig.controller.add(rig.move(), rig.info, 0)
    rig.controller.tick(lambda _: rig.info, S)
    assert len(rig.sent) == 1
    rig.controller.tick(lambda _: rig.info, 3 * S)
    assert [type(step) for step in rig.sent] == [AddLearner, AddLearner]


@pytest.mark.parametrize(
    ("state", "reached", "besides", "sent"),
    [
        ("1* 2 3", 1, 0, 1),  # the command may have been lost with the old stream
        ("1* 2 3", 2, 0, 0),  # another store: this one has what was sent to it
        ("1 2* 3", 1, 0, 0),  # it does not lead the Region any more,
        ("1 2* 3", 2, 0, 1),  # and who does has not been told yet
        ("1 2 3", 1, 0, 0),  # nobody leads
        ("1* 2 3", 1, 2, 0),  # the Region has reported, and was answered
        ("1* 2 3", 1, 6, 1),  # another one has
        ("gone", 1, 0, 0),
    ],
)
def test_what_is_sent_again_when_there_is_a_new_way_to_a_store(
    rig: Rig, state: str, reached: int, besides: int, sent: int
) -> None:
    rig.controller.add(rig.move(), rig.info, 0)
    info = None if state == "gone" else region(state)
    rig.controller.store_reached_anew(reached, lambda _: info, S, besides=besides)
    assert [type(step) for step in rig.sent[1:]] == [AddLearner] * sent
    rig.controller.tick(lambda _: rig.info, 2 * S + 1)  # by then it is only sent if it has not just been
    assert len(rig.sent) == 2


def test_nothing_is_sent_again_while_the_data_is_on_its_way(rig: Rig) -> None:
    operator = rig.move()
    rig.controller.add(operator, rig.info, 0)
    arrived = apply(rig.info, operator.steps[0])
    new = arrived.region.peer_on(4)
    assert new is not None
    waiting = replace(arrived, pending_peers=(new,))
    rig.report(waiting)
    rig.controller.store_reached_anew(1, lambda _: waiting, S)
    assert len(rig.sent) == 1
    rig.controller.store_reached_anew(1, lambda _: arrived, S)  # a report that came before the stream was replaced
    assert rig.sent[1:] == [operator.steps[1]]


@pytest.mark.parametrize(("mib", "minutes"), [(96, 10), (200, 20)])
def test_what_takes_too_long_is_given_up(rig: Rig, mib: int, minutes: int) -> None:
    rig.info = region("1* 2 3", size=mib)
    operator = rig.move()
    rig.controller.add(operator, rig.info, 0)
    rig.controller.tick(lambda _: rig.info, minutes * 60 * S - 1)
    assert rig.controller.running
    rig.controller.tick(lambda _: rig.info, minutes * 60 * S + 1)
    assert operator.status is Status.TIMEOUT


def test_a_region_that_is_gone_needs_nothing(rig: Rig) -> None:
    operator = rig.move()
    rig.controller.add(operator, rig.info, 0)
    rig.controller.tick(lambda _: None, 1)
    assert operator.status is Status.CANCEL


def test_one_for_each_region_the_more_urgent_first(rig: Rig) -> None:
    first, second, urgent = rig.move(), rig.move(), rig.move(Priority.HIGH)
    assert rig.controller.add(first, rig.info, 0)
    assert not rig.controller.add(second, rig.info, 0)
    assert rig.controller.add(urgent, rig.info, 0)
    assert first.status is Status.REPLACE
    assert rig.controller.running == {2: urgent}


def test_one_made_for_an_older_epoch_is_not_started(rig: Rig) -> None:
    operator = rig.move()
    newer = replace(rig.info, region=replace(rig.info.region, epoch=Epoch(5, 2)))
    assert not rig.controller.add(operator, newer, 0)
    assert not rig.sent


def test_moving_takes_from_the_limits_of_both_stores(rig: Rig) -> None:
    rig.controller.add(rig.move(), rig.info, 0)
    limits = rig.controller.limits
    assert not limits.available(4, "add-peer", 0)
    assert not limits.available(3, "remove-peer", 0)
    assert limits.available(3, "add-peer", 0)


def test_what_is_under_way_is_told_until_it_is_done(rig: Rig) -> None:
    operator = rig.move()
    rig.controller.add(operator, rig.info, 0)
    assert rig.controller.influence()[0] == {4: 96, 3: -96}
    rig.report(apply(rig.info, operator.steps[0]))
    assert rig.controller.influence()[0] == {3: -96}


def test_it_can_be_cancelled(rig: Rig) -> None:
    operator = rig.move()
    rig.controller.add(operator, rig.info, 0)
    assert rig.controller.cancel(2, 1)
    assert not rig.controller.cancel(2, 1)
    assert operator.status is Status.CANCEL
