"""What a leader knows of a node, state by state."""

from __future__ import annotations

from ycsbpy.minicluster.raft.progress import Inflights, Progress, ProgressState


def test_a_probe_waits_for_its_answer() -> None:
    progress = Progress(2, 5, 4)
    progress.sent(6)
    assert progress.is_paused()
    assert progress.maybe_update(6)
    assert not progress.is_paused()
    assert (progress.matched, progress.next_index) == (6, 7)


def test_replication_runs_ahead_as_far_as_the_window() -> None:
    progress = Progress(2, 5, 2)
    progress.become_replicate()
    progress.sent(5)
    progress.sent(6)
    assert progress.next_index == 7
    assert progress.is_paused()
    progress.inflights.free_to(5)
    assert not progress.is_paused()


def test_a_rejection_moves_back_and_an_overtaken_one_does_not() -> None:
    progress = Progress(2, 9, 4)
    assert progress.maybe_decrease(8, 3, 0)
    assert progress.next_index == 4
    assert not progress.maybe_decrease(8, 2, 0)
    progress.maybe_update(5)
    progress.become_replicate()
    assert not progress.maybe_decrease(4, 3, 0)
    assert progress.maybe_decrease(7, 6, 0)
    assert progress.next_index == 6


def test_after_a_snapshot_it_is_expected_to_end_there() -> None:
    progress = Progress(2, 3, 4)
    progress.become_snapshot(20)
    assert progress.is_paused()
    progress.become_probe()
    assert (progress.state, progress.next_index) == (ProgressState.PROBE, 21)


def test_inflights_are_freed_in_order() -> None:
    inflights = Inflights(3)
    for index in (1, 4, 9):
        inflights.add(index)
    assert inflights.full()
    inflights.free_to(4)
    assert len(inflights) == 1
    inflights.free_first()
    inflights.free_first()
    assert len(inflights) == 0
