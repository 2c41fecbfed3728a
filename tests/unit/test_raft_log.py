"""The log's marks, and writes that are under way while the log changes."""

from __future__ import annotations

import pytest
from raft.network import entries

from ycsbpy.minicluster.raft import CompactedError, LogCorruptionError, MemoryStorage, Snapshot
from ycsbpy.minicluster.raft.log import RaftLog


def log_of(*terms: int, cache_bytes: int = 1 << 20) -> tuple[RaftLog, MemoryStorage]:
    storage = MemoryStorage()
    storage.append(entries(*terms))
    return RaftLog(storage, cache_bytes), storage


def test_entries_are_read_from_storage_and_memory_alike() -> None:
    log, _ = log_of(1, 1)
    log.append(entries(2, 2, first=3))
    assert [one.term for one in log.slice(1, 5)] == [1, 1, 2, 2]
    assert [one.index for one in log.slice(2, 4)] == [2, 3]
    assert [log.term(index) for index in range(7)] == [0, 1, 1, 2, 2, 0, 0]


def test_what_was_compacted_is_gone() -> None:
    log, storage = log_of(1, 1, 2)
    storage.compact(2)
    with pytest.raises(CompactedError, match="entry 1 is compacted; the first is 3"):
        log.slice(1, 4)
    assert log.term(2) == 1
    assert not log.matches(1, 1)


def test_a_gap_is_refused() -> None:
    log, _ = log_of(1)
    with pytest.raises(LogCorruptionError, match="a gap between 1 and 3"):
        log.append(entries(1, first=3))


def test_only_what_is_committed_and_durable_is_applied() -> None:
    log, _ = log_of()
    log.append(entries(1, 1, 1))
    log.hand_over(1, 1)
    log.commit_to(2)
    assert not log.has_committed()
    log.persisted_to(1)
    assert [one.index for one in log.next_committed(1 << 20)] == [1, 2]
    with pytest.raises(LogCorruptionError):
        log.applied_to(3)
    log.applied_to(2)
    assert not log.has_committed()


def test_the_report_of_a_replaced_write_counts_for_what_still_stands() -> None:
    log, _ = log_of()
    log.append(entries(1, 1, 1))
    log.hand_over(1, 1)
    assert log.maybe_append(1, 1, 0, entries(2, 2, first=2))
    log.persisted_to(1)
    assert log.persisted == 1
    handed, _ = log.hand_over(2, 2)
    assert [(one.index, one.term) for one in handed] == [(2, 2), (3, 2)]
    log.persisted_to(2)
    assert log.persisted == 3


def test_a_snapshot_replaces_everything_once_it_is_durable() -> None:
    log, storage = log_of(1, 1)
    log.append(entries(1, first=3))
    log.hand_over(1, 1)
    snapshot = Snapshot(9, 3)
    log.restore(snapshot)
    log.persisted_to(1)
    assert log.persisted < 9
    assert (log.last_index(), log.first_index(), log.last_term()) == (9, 10, 3)
    assert log.hand_over(2, 3) == ([], snapshot)
    storage.apply_snapshot(snapshot)
    log.persisted_to(2)
    assert log.persisted == 9
    assert log.snapshot is None
    log.applied_to(9)


def test_where_logs_may_agree() -> None:
    log, _ = log_of(1, 1, 3, 3, 5)
    assert log.find_conflict_by_term(5, 4) == (4, 3)
    assert log.find_conflict_by_term(9, 2) == (2, 1)
    assert log.find_conflict_by_term(5, 0) == (0, 0)


@pytest.mark.parametrize("cache_bytes", [0, 1 << 20])
def test_the_cache_is_kept_for_replicas_that_lag_as_far_as_it_may(cache_bytes: int) -> None:
    log, storage = log_of(cache_bytes=cache_bytes)
    log.append(entries(1, 1, 1, 1))
    storage.append(log.hand_over(1, 1)[0])
    log.persisted_to(1)
    log.commit_to(4)
    log.next_committed(1 << 20)
    log.applied_to(4)
    log.release(2)
    assert log.offset == (3 if cache_bytes else 5)
    assert [one.index for one in log.slice(1, 5)] == [1, 2, 3, 4]
