"""Batches in the native engine: many rows in one operation, cut by Region, each part tried again by itself."""

from __future__ import annotations

import asyncio
import sys
from collections import Counter
from typing import TYPE_CHECKING, Any

import pytest
from scripted_cluster import ScriptedCluster

from ycsbpy._native.generators import DOMAIN_LOAD, DOMAIN_RUN, decode_row, encode_row
from ycsbpy.ops import OpKind, Outcome

if sys.platform != "linux":
    pytest.skip("the engine is for Linux", allow_module_level=True)

from enginekit import Ended, run_engine, source_of

if TYPE_CHECKING:
    from collections.abc import Callable

RECORDS = 60
SPLITS = (b"usertable:user3", b"usertable:user5", b"usertable:user8")
OK = Outcome.OK


def loaded(**properties: Any) -> dict[bytes, bytes]:
    """What a load puts into the store."""
    source = source_of(insertproportion=1, **properties)
    rows = {}
    for number in range(RECORDS):
        operation = source.draw(DOMAIN_LOAD, number)
        assert operation.values is not None
        rows[b"usertable:" + operation.key] = encode_row(operation.values, {"field0": 0, "field1": 1})
    return rows


def run(
    properties: dict[str, Any],
    prepare: Callable[[ScriptedCluster], None] = lambda _: None,
    *,
    splits: tuple[bytes, ...] = SPLITS,
    stores: int = 1,
    **arguments: Any,
) -> tuple[Ended, ScriptedCluster]:
    async def test() -> tuple[Ended, ScriptedCluster]:
        async with asyncio.timeout(60), ScriptedCluster(splits=splits, stores=stores) as cluster:
            prepare(cluster)
            return await asyncio.to_thread(run_engine, cluster.pd, source_of(**properties), **arguments), cluster

    return asyncio.run(test())


def test_a_load_writes_what_was_drawn_and_the_last_batch_is_what_is_left() -> None:
    ended, cluster = run({"insertproportion": 1}, splits=(), batch_size=7)
    assert cluster.data == loaded()
    assert ended.counts == {(OpKind.INSERT, OK): 9}
    assert ended.totals["begun"] == 9
    assert sorted(len(request.pairs) for request in cluster.seen) == [4, *[7] * 8]
    assert {name for name, _ in cluster.requests} == {"RawBatchPut"}


def test_a_batch_is_cut_by_region() -> None:
    ended, cluster = run({"insertproportion": 1}, batch_size=RECORDS, clients=1)
    assert cluster.data == loaded()
    assert ended.counts == {(OpKind.INSERT, OK): 1}
    assert len(cluster.requests) == 4
    assert {request.context.region_id for request in cluster.seen} == {100, 101, 102, 103}


def test_a_batch_is_cut_where_one_request_would_be_too_much() -> None:
    ended, cluster = run({"insertproportion": 1, "recordcount": 2000}, splits=(), batch_size=2000, count=2000)
    assert ended.counts == {(OpKind.INSERT, OK): 1}
    assert sorted(len(request.pairs) for request in cluster.seen) == [464, 512, 512, 512]
    large = {"insertproportion": 1, "recordcount": 8, "fieldlength": 200_000}
    ended, cluster = run(large, splits=(), batch_size=8, count=8)
    assert [len(request.pairs) for request in cluster.seen] == [2] * 4
    assert len(cluster.data) == 8


MIXES: dict[str, tuple[OpKind, set[str]]] = {
    "read": (OpKind.READ, {"RawBatchGet"}),
    "update": (OpKind.UPDATE, {"RawBatchGet", "RawBatchPut"}),
    "readmodifywrite": (OpKind.READ_MODIFY_WRITE, {"RawBatchGet", "RawBatchPut"}),
    "insert": (OpKind.INSERT, {"RawBatchPut"}),
    "delete": (OpKind.DELETE, {"RawBatchDelete"}),
}


@pytest.mark.parametrize("mix", MIXES)
def test_runs_do_whole_batches_of_each_kind(mix: str) -> None:
    kind, requests = MIXES[mix]
    ended, cluster = run(
        {f"{mix}proportion": 1},
        lambda cluster: cluster.data.update(loaded()),
        domain=DOMAIN_RUN,
        count=40,
        batch_size=8,
        recorded_as=(6, 7, 8, 3, 4, 5),
    )
    number = {OpKind.READ: 6, OpKind.UPDATE: 7, OpKind.INSERT: 8}.get(kind, int(kind))
    assert ended.counts == {(number, OK): 5}
    assert {name for name, _ in cluster.requests} == requests
    assert len(cluster.data) == {"insert": RECORDS + 40, "delete": RECORDS - 40}.get(mix, RECORDS)


def test_an_update_changes_its_fields_and_keeps_the_others() -> None:
    """Also those of another update of the same record in the same batch."""
    before, count = loaded(), 1200
    _, cluster = run(
        {"updateproportion": 1},
        lambda cluster: cluster.data.update(before),
        domain=DOMAIN_RUN,
        count=count,
        batch_size=600,
        clients=1,
    )
    source = source_of(updateproportion=1)
    expected = {key: decode_row(row, ["field0", "field1"]) for key, row in before.items()}
    for number in range(count):
        operation = source.draw(DOMAIN_RUN, number)
        assert operation.values is not None
        expected[b"usertable:" + operation.key].update(operation.values)
    found = {key: decode_row(row, ["field0", "field1"]) for key, row in cluster.data.items()}
    assert found == expected
    drawn = [source.draw(DOMAIN_RUN, number).key for number in range(count)]
    assert max(Counter(drawn).values()) > 2  # some records are changed several times in one batch


def test_a_row_that_is_missing_stays_missing_and_the_others_are_changed() -> None:
    gone = sorted(loaded())[::2]

    def prepare(cluster: ScriptedCluster) -> None:
        cluster.data.update(loaded())
        for key in gone:
            del cluster.data[key]

    ended, cluster = run({"updateproportion": 1}, prepare, domain=DOMAIN_RUN, count=50, batch_size=50)
    assert ended.counts == {(OpKind.UPDATE, Outcome.NOT_FOUND): 1}
    assert not set(gone) & set(cluster.data)
    assert any(cluster.data[key] != row for key, row in loaded().items() if key in cluster.data)


def test_only_the_part_that_failed_is_tried_again() -> None:
    def prepare(cluster: ScriptedCluster) -> None:
        cluster.inject("RawBatchPut", region_error="server_is_busy")

    ended, cluster = run({"insertproportion": 1}, prepare, batch_size=RECORDS)
    assert cluster.data == loaded()
    assert ended.counts == {(OpKind.INSERT, OK): 1}
    assert len(cluster.requests) == 5
    assert ended.attempts == {"server_is_busy": 1}


def test_a_part_whose_region_has_split_is_cut_again() -> None:
    def prepare(cluster: ScriptedCluster) -> None:
        waiting = [b"usertable:user6", b"usertable:user2"]

        def split() -> None:
            if waiting:
                cluster.split(waiting.pop())

        cluster.on_request = split

    ended, cluster = run({"insertproportion": 1}, prepare, splits=(b"usertable:user5",), batch_size=RECORDS, clients=1)
    assert cluster.data == loaded()
    assert ended.counts == {(OpKind.INSERT, OK): 1}
    assert ended.attempts == {"epoch_not_match": 2}


def test_leaders_elsewhere_are_found() -> None:
    def prepare(cluster: ScriptedCluster) -> None:
        cluster.data.update(loaded(dataintegrity=True))
        for index in range(len(cluster.regions)):
            cluster.inject("RawBatchGet", region_error="region_not_found")
            cluster.move_leader(index, 1 + index % 2)

    ended, cluster = run(
        {"readproportion": 1, "dataintegrity": True},
        prepare,
        stores=2,
        domain=DOMAIN_RUN,
        count=300,
        batch_size=30,
    )
    assert ended.counts == {(OpKind.READ, OK): 10}
    assert ended.totals["violations"] == 0
    assert {store for _, store in cluster.requests} == {1, 2}


FAULTS: dict[str, tuple[dict[str, Any], Outcome, Outcome]] = {
    # what one of four parts meets → the outcome of the whole; and of a batch of one part
    "refused": ({"region_error": "raft_entry_too_large"}, Outcome.UNKNOWN, Outcome.FAILED),
    "an error after it was applied": ({"error": "oh", "applied": True}, Outcome.UNKNOWN, Outcome.UNKNOWN),
    "stale": ({"region_error": "stale_command", "applied": True}, Outcome.UNKNOWN, Outcome.UNKNOWN),
    "cut": ({"cut": True, "applied": True}, Outcome.UNKNOWN, Outcome.UNKNOWN),
    "silence": ({"silence": True}, Outcome.UNKNOWN, Outcome.UNKNOWN),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_a_write_has_failed_only_where_none_of_it_can_have_been_written(fault: str) -> None:
    scripted, of_four, alone = FAULTS[fault]
    for splits, expected in ((SPLITS, of_four), ((), alone)):
        ended, _ = run(
            {"insertproportion": 1},
            lambda cluster: cluster.inject("RawBatchPut", **scripted),
            splits=splits,
            batch_size=RECORDS,
            timeout_ns=1_000_000_000,
        )
        assert ended.counts == {(OpKind.INSERT, expected): 1}, ended.errors
        assert [(kind, outcome, count) for kind, outcome, _, count, _ in ended.errors] == [(OpKind.INSERT, expected, 1)]


def test_inserts_of_a_run_are_read_only_when_they_are_there() -> None:
    """With the latest records asked for most: none is missing, although parts fail now and then."""

    def prepare(cluster: ScriptedCluster) -> None:
        cluster.data.update(loaded())
        for _ in range(20):
            cluster.inject("RawBatchPut", region_error="raft_entry_too_large")

    ended, _ = run(
        {"insertproportion": 0.5, "readproportion": 0.5, "requestdistribution": "latest"},
        prepare,
        domain=DOMAIN_RUN,
        count=3000,
        batch_size=10,
        clients=8,
    )
    assert ended.counts[OpKind.READ, Outcome.NOT_FOUND] == 0
    assert ended.counts[OpKind.INSERT, OK] > 100
    assert sum(ended.counts.values()) == 300


def test_data_that_is_wrong_is_said() -> None:
    def prepare(cluster: ScriptedCluster) -> None:
        cluster.data.update(loaded(dataintegrity=True))
        key = sorted(cluster.data)[7]
        row = decode_row(cluster.data[key], ["field0", "field1"])
        cluster.data[key] = encode_row({**row, "field1": b"wrong..."}, {"field0": 0, "field1": 1})
        del cluster.data[sorted(cluster.data)[9]]

    ended, _ = run({"readproportion": 1, "dataintegrity": True}, prepare, domain=DOMAIN_RUN, count=600, batch_size=600)
    assert ended.counts == {(OpKind.READ, Outcome.FAILED): 1}
    assert ended.totals["violations"] >= 2
    assert [name for _, _, name, _, _ in ended.errors] == ["wrong_data"]


def test_scans_are_not_batched() -> None:
    with pytest.raises(ValueError, match="a scan"):
        run({"scanproportion": 0.5, "readproportion": 0.5}, batch_size=2)


def test_time_to_live_and_column_family_are_sent_with_everything() -> None:
    options: dict[str, Any] = {"ttl": 300, "column_family": b"lock"}
    for batch_size in (1, 20):
        _, cluster = run({"insertproportion": 1}, splits=(), batch_size=batch_size, **options)
        assert {request.cf for request in cluster.seen} == {"lock"}
        assert {request.ttl for request in cluster.seen} == {300}
        assert batch_size == 1 or {tuple(request.ttls) for request in cluster.seen} == {(300,)}
    for mix in ("read", "update", "delete", "scan"):
        for batch_size in (1, 5) if mix != "scan" else (1,):
            _, cluster = run(
                {f"{mix}proportion": 1},
                lambda cluster: cluster.data.update(loaded()),
                domain=DOMAIN_RUN,
                count=20,
                batch_size=batch_size,
                **options,
            )
            assert {request.cf for request in cluster.seen} == {"lock"}
