"""The native engine against a cluster that fails on command, over real sockets; and against its twin on asyncio."""

from __future__ import annotations

import asyncio
import csv
import math
import sys
import threading
from typing import TYPE_CHECKING, Any

import grpc
import pytest
from scripted_cluster import ScriptedCluster, run

from ycsbpy._native.generators import DOMAIN_LOAD, OperationSource, encode_row
from ycsbpy.clock import SystemClock
from ycsbpy.config import WorkloadSettings, make_config
from ycsbpy.drivers.registry import driver_class
from ycsbpy.drivers.tikv_raw import RawTikvDriver
from ycsbpy.measure.summary import Accounting, Attempts, LatencyStats
from ycsbpy.measure.taps import Taps
from ycsbpy.ops import Operation, OpKind
from ycsbpy.report.rawlines import RawLines
from ycsbpy.runner.phases import run_phase
from ycsbpy.runner.plan import PhasePlan
from ycsbpy.runner.stop import StopSignal
from ycsbpy.workload.base import Phase
from ycsbpy.workload.core import CoreWorkload

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from ycsbpy.measure.summary import Summary

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="the engine is for Linux")

SEED = 7
RECORDS = 60
WRITES = ("RawPut", "RawDelete")


class Rig:
    """A scripted cluster, a workload, and a driver for it."""

    def __init__(self, cluster: ScriptedCluster, name: str = "native", **properties: Any) -> None:
        values: dict[str, Any] = {"recordcount": RECORDS, "operationcount": 200, "fieldcount": 2, "fieldlength": 8}
        values |= {"requestdistribution": "uniform", "readproportion": 0, "updateproportion": 0}
        values |= {key.replace("_", "."): value for key, value in properties.items()}
        self.config = make_config({**values, "tikv.pd": cluster.pd, "tikv.timeout": values.get("tikv.timeout", 5)})
        self.cluster = cluster
        self.workload = CoreWorkload.from_config(self.config, SEED)
        self.name = name

    async def run(
        self,
        phase: Phase = Phase.LOAD,
        count: int | None = RECORDS,
        prepare: Callable[[], None] = lambda: None,
        **plan: Any,
    ) -> Summary:
        """``prepare`` is called when the driver is open: its own first requests meet no faults."""
        driver = driver_class(self.name).from_config(self.config)
        assert isinstance(driver, RawTikvDriver)
        await driver.open()
        self.cluster.requests.clear()
        prepare()
        stop, taps = plan.pop("stop", None), plan.pop("taps", None)
        clock = SystemClock()
        try:
            return await run_phase(
                PhasePlan(phase=phase, count=count, **{"clients": 8, **plan}),
                self.workload,
                driver,
                clock,
                stop=stop,
                taps=taps,
            )
        finally:
            clock.close()
            await driver.close()


def loaded(**properties: Any) -> dict[bytes, bytes]:
    """What a load puts into the store."""
    values = {"recordcount": RECORDS, "fieldcount": 2, "fieldlength": 8, "readproportion": 1, **properties}
    settings = WorkloadSettings.from_config(make_config(values))
    source = OperationSource(seed=SEED, **settings.source_arguments())
    rows = {}
    for number in range(RECORDS):
        operation = source.draw(DOMAIN_LOAD, number)
        assert operation.values is not None
        rows[b"usertable:" + operation.key] = encode_row(operation.values, {"field0": 0, "field1": 1})
    return rows


def test_a_load_writes_what_was_drawn() -> None:
    async def test() -> None:
        async with ScriptedCluster() as cluster:
            summary = await Rig(cluster, readproportion=1).run()
            assert summary.accounting == Accounting(planned=RECORDS, ok=RECORDS)
            assert cluster.data == loaded()
            assert cluster.count("RawPut") == RECORDS

    run(test())


MIXES: dict[str, dict[str, Any]] = {
    "read": {"readproportion": 1},
    "update": {"updateproportion": 1},
    "scan": {"scanproportion": 1, "maxscanlength": 20},
    "insert": {"insertproportion": 0.5, "readproportion": 0.5},
    "modify": {"readmodifywriteproportion": 1, "writeallfields": True},
    "delete": {"deleteproportion": 0.2, "readproportion": 0.8},
    "all fields": {"updateproportion": 0.5, "readproportion": 0.5, "writeallfields": True},
}


@pytest.mark.parametrize("mix", MIXES)
def test_it_does_what_the_coroutines_do(mix: str) -> None:
    """One client, the same seed: the same requests in the same order, the same rows in the end, the same counts."""

    async def one(name: str) -> tuple[list[tuple[str, int]], dict[bytes, bytes], dict[str, Accounting]]:
        async with ScriptedCluster(splits=(b"usertable:user4", b"usertable:user7")) as cluster:
            rig = Rig(cluster, name, **MIXES[mix])
            cluster.data.update(loaded())
            summary = await rig.run(Phase.RUN, 150, clients=1)
            assert summary.accounting.adds_up
            return list(cluster.requests), dict(cluster.data), dict(summary.by_kind)

    async def test() -> None:
        native, other = await one("native"), await one("tikv-python")
        assert native[1] == other[1]
        assert native[2] == other[2]
        if mix != "scan":  # the libraries ask for rows in pages of their own
            assert native[0] == other[0]

    run(test())


def test_a_scan_goes_on_through_all_regions() -> None:
    async def test() -> None:
        async with ScriptedCluster(splits=(b"usertable:user3", b"usertable:user5", b"usertable:user8")) as cluster:
            cluster.data.update(loaded())
            cluster.data[b"usertable;of another table"] = b"no row"
            rig = Rig(cluster, scanproportion=1, minscanlength=100, maxscanlength=100)
            summary = await rig.run(Phase.RUN, 30)
            assert summary.accounting == Accounting(planned=30, ok=30)

    run(test())


# Which fault the first request meets, what the write ends in when a load may repeat it, and when a run may not.
DEAD = ("OK", "OK")
LOST = ("OK", "UNKNOWN")
FAULTS: dict[str, tuple[dict[str, Any], tuple[str, str]]] = {
    "not the leader": ({"region_error": "not_leader"}, DEAD),
    "epoch": ({"region_error": "epoch_not_match"}, DEAD),
    "not there": ({"region_error": "region_not_found"}, LOST),
    "other keys": ({"region_error": "key_not_in_region"}, DEAD),
    "busy": ({"region_error": "server_is_busy"}, DEAD),
    "another store": ({"region_error": "store_not_match"}, DEAD),
    "another peer": ({"region_error": "mismatch_peer_id"}, DEAD),
    "disk full": ({"region_error": "disk_full"}, DEAD),
    "stale": ({"region_error": "stale_command", "applied": True}, LOST),
    "undetermined": ({"region_error": "undetermined_result", "applied": True}, LOST),
    "words only": ({"region_error": "message_only", "applied": True}, LOST),
    "too large": ({"region_error": "raft_entry_too_large"}, ("FAILED", "FAILED")),
    "key too large": ({"error": "max key size exceeded, size: 9000, limit: 8192"}, ("FAILED", "FAILED")),
    "an error after it was applied": ({"error": "oh", "applied": True}, ("UNKNOWN", "UNKNOWN")),
    "cut": ({"cut": True, "applied": True}, LOST),
    "stream ended": ({"status": grpc.StatusCode.UNAVAILABLE, "applied": True}, LOST),
}


@pytest.mark.parametrize("fault", FAULTS)
@pytest.mark.parametrize("phase", [Phase.LOAD, Phase.RUN], ids=["load", "run"])
def test_writes_meet_a_fault(fault: str, phase: Phase) -> None:
    scripted, outcomes = FAULTS[fault]
    expected = outcomes[phase != Phase.LOAD]

    async def test() -> None:
        async with ScriptedCluster() as cluster:
            rig = Rig(cluster, insertproportion=1)
            cluster.inject("RawPut", **scripted)
            summary = await rig.run(phase, 1, clients=1)
            accounting = summary.accounting
            assert accounting.adds_up
            assert (accounting.ok, accounting.failed, accounting.unknown) == tuple(
                int(expected == name) for name in ("OK", "FAILED", "UNKNOWN")
            ), summary.errors
            if expected != "OK":
                assert [(e.kind, e.outcome, e.count) for e in summary.errors] == [("INSERT", expected, 1)]

    run(test())


def test_a_busy_store_is_left_alone_for_as_long_as_it_says() -> None:
    """The pause of its own before a second attempt is a tenth of a second at the most."""

    async def test() -> None:
        async with ScriptedCluster() as cluster:
            rig = Rig(cluster, insertproportion=1)
            cluster.inject("RawPut", region_error="server_is_busy", backoff_ms=700)
            summary = await rig.run(Phase.RUN, 1, clients=1)
            assert summary.accounting == Accounting(planned=1, ok=1)
            first, second = cluster.times
            assert second - first >= 0.7
            assert summary.attempts == Attempts(2, {"server_is_busy": 1})

    run(test())


def test_a_store_that_names_a_long_time_does_not_prolong_the_operation() -> None:
    async def test() -> None:
        async with ScriptedCluster() as cluster:
            rig = Rig(cluster, insertproportion=1, tikv_timeout=1)
            cluster.inject("RawPut", region_error="server_is_busy", backoff_ms=2**63, times=100)
            summary = await rig.run(Phase.RUN, 1, clients=1)
            assert summary.accounting == Accounting(planned=1, failed=1)
            assert [(e.outcome, e.error) for e in summary.errors] == [("FAILED", "server_is_busy")]
            assert summary.attempts == Attempts(1, {"server_is_busy": 1})

    run(test())


def test_attempts_are_counted_apart_from_operations() -> None:
    async def test() -> None:
        async with ScriptedCluster() as cluster:
            cluster.data.update(loaded())
            rig = Rig(cluster, updateproportion=1)

            def trouble() -> None:
                cluster.inject("RawGet", region_error="region_not_found", times=2)
                cluster.inject("RawPut", region_error="epoch_not_match")

            summary = await rig.run(Phase.RUN, 20, trouble, clients=1)
            assert summary.accounting == Accounting(planned=20, ok=20)
            assert summary.attempts == Attempts(43, {"epoch_not_match": 1, "region_not_found": 2})
            assert len(cluster.requests) == 43

    run(test())


def test_many_clients_meet_many_faults_and_all_is_accounted_for() -> None:
    async def test() -> None:
        async with ScriptedCluster(stores=2, splits=(b"usertable:user5",)) as cluster:
            cluster.data.update(loaded())
            rig = Rig(cluster, readproportion=0.5, updateproportion=0.5)
            for scripted, _ in FAULTS.values():
                cluster.inject("RawPut", **scripted)
                if "cut" not in scripted and not scripted.get("error"):
                    cluster.inject("RawGet", **scripted)
            summary = await rig.run(Phase.RUN, 400, clients=32)
            assert summary.accounting.adds_up
            assert summary.accounting.planned == 400
            assert sum(e.count for e in summary.errors) == summary.accounting.failed + summary.accounting.unknown
            assert summary.accounting.ok > 300

    run(test())


def test_a_leader_that_moves_and_a_region_that_splits_are_followed() -> None:
    async def test() -> None:
        async with ScriptedCluster(stores=2) as cluster:
            cluster.data.update(loaded())
            rig = Rig(cluster, readproportion=0.5, updateproportion=0.5)
            asked = 0

            def disturb() -> None:
                nonlocal asked
                asked += 1
                if asked == 50:
                    cluster.move_leader(0, 2)
                elif asked == 100:
                    cluster.split(b"usertable:user5")
                elif asked == 150:
                    cluster.move_leader(1, 1)

            cluster.on_request = disturb
            summary = await rig.run(Phase.RUN, 300, clients=8)
            assert summary.accounting == Accounting(planned=300, ok=300)
            assert {store for _, store in cluster.requests} == {1, 2}

    run(test())


def test_no_answer_is_waited_for_until_the_time_is_over() -> None:
    async def test() -> None:
        async with ScriptedCluster() as cluster:
            cluster.data.update(loaded())
            rig = Rig(cluster, readproportion=0.5, updateproportion=0.5, tikv_timeout=0.5)

            def silence() -> None:
                cluster.inject("RawPut", silence=True, applied=True)
                cluster.inject("RawGet", silence=True)

            summary = await rig.run(Phase.RUN, 60, silence, clients=4)
            assert summary.accounting.adds_up
            assert (summary.accounting.failed, summary.accounting.unknown) == (1, 1)
            assert {(e.outcome, e.error) for e in summary.errors} == {("FAILED", "timeout"), ("UNKNOWN", "timeout")}

    run(test())


def test_a_store_that_is_gone_fails_what_was_never_sent() -> None:
    async def test() -> None:
        async with ScriptedCluster() as cluster:
            rig = Rig(cluster, insertproportion=1, tikv_timeout=1)

            def gone() -> None:
                cluster.on_request = lambda: None
                stopping.append(asyncio.ensure_future(cluster.relays[1].stop()))

            def prepare() -> None:
                cluster.on_request = gone

            stopping: list[asyncio.Future[None]] = []
            summary = await rig.run(Phase.RUN, 5, prepare, clients=1)
            assert summary.accounting.adds_up
            assert summary.accounting.failed >= 3
            assert "store_unreachable" in {e.error for e in summary.errors}
            await asyncio.gather(*stopping)
            await cluster.relays[1].start()

    run(test())


@pytest.mark.parametrize("forced", [False, True])
def test_a_stop_ends_it_with_the_report_of_what_was_done(forced: bool) -> None:
    async def test() -> None:
        async with ScriptedCluster() as cluster:
            cluster.data.update(loaded())
            rig = Rig(cluster, readproportion=1) if forced else Rig(cluster, readproportion=0.5, updateproportion=0.5)
            stop = StopSignal()
            loop = asyncio.get_running_loop()

            def prepare() -> None:
                cluster.on_request = after_some
                if forced:
                    cluster.inject("RawGet", silence=True, times=10**6)
                    cluster.inject("RawPut", silence=True, times=10**6)

            def after_some() -> None:
                if len(cluster.requests) == (4 if forced else 200):
                    loop.call_soon(stop.request)
                    if forced:
                        loop.call_soon(stop.request)

            summary = await rig.run(Phase.RUN, 10**6, prepare, clients=4, stop=stop)
            assert summary.accounting.adds_up
            assert summary.stopped_by == "interrupt"
            assert summary.accounting.not_started > 0
            if forced:
                assert summary.accounting.failed == 4
                assert summary.errors[0].error == "interrupted"
            else:
                assert summary.accounting.ok >= 90
                assert not summary.errors

    run(test())


def test_the_time_limit_ends_it() -> None:
    async def test() -> None:
        async with ScriptedCluster() as cluster:
            cluster.data.update(loaded())
            for target in (None, 50.0):
                rig = Rig(cluster, readproportion=1)
                summary = await rig.run(Phase.RUN, 10**6, clients=4, seconds=0.3, target=target)
                assert summary.accounting.adds_up
                assert summary.stopped_by == "time limit"
                assert summary.accounting.ok > 0

    run(test())


def test_a_rate_is_kept_and_both_latencies_are_there() -> None:
    async def test() -> None:
        async with ScriptedCluster() as cluster:
            cluster.data.update(loaded())
            summary = await Rig(cluster, readproportion=1).run(Phase.RUN, 100, clients=8, target=400.0)
            assert summary.accounting == Accounting(planned=100, ok=100)
            series = summary.series["READ"]
            assert series.response is not None
            assert series.response.total == series.service.total == 100
            assert series.response.sum_ns >= series.service.sum_ns
            assert summary.elapsed_ns >= 99 / 400 * 1e9

    run(test())


def test_waiting_counts_one_stall(tmp_path: Path) -> None:
    """1,000 a second for 3 s, a store that stands still for 0.6 s: those due meanwhile waited up to 0.6 s.

    Each operation's intended start is on the schedule to the microsecond, whatever the machine does beside; a machine
    that is busy can only make the waits longer.
    """
    period_us, count, stall_s = 1000, 3000, 0.6

    async def test() -> Summary:
        raw = RawLines(f"{tmp_path}/raw.csv", as_go_ycsb=False)
        async with ScriptedCluster() as cluster:
            cluster.data.update(loaded())

            def stand_still() -> None:
                if len(cluster.requests) == count // 3:
                    threading.Event().wait(stall_s)  # the server's loop, not the engine's threads

            cluster.on_request = stand_still
            rig = Rig(cluster, readproportion=1, tikv_timeout=30)
            summary = await rig.run(Phase.RUN, count, clients=16, target=1e6 / period_us, taps=Taps(raw.queue))
        raw.close()
        return summary

    summary = asyncio.run(test())
    assert summary.accounting == Accounting(planned=count, ok=count)
    lines = read_csv(tmp_path / "raw.csv")
    responses = sorted(int(line["response_us"]) for line in lines)
    intended = sorted(int(line["timestamp_us"]) + int(line["latency_us"]) - int(line["response_us"]) for line in lines)
    assert all(abs(at - intended[0] - n * period_us) <= 4 for n, at in enumerate(intended))
    series = summary.series["READ"].response
    assert series is not None
    stats = LatencyStats.of(series, (90, 99))
    for percent, least_s in ((90, stall_s / 2), (99, stall_s * 0.95)):
        counted = stats.percentiles_ns[percent] / 1000
        assert counted == pytest.approx(responses[math.ceil(count * percent / 100) - 1], rel=0.002)
        assert counted >= 0.98 * least_s * 1e6
    assert 0.98 * stall_s * 1e9 <= summary.series["READ"].service.max_ns


def test_wrong_data_is_found() -> None:
    async def test() -> None:
        async with ScriptedCluster() as cluster:
            rig = Rig(cluster, readproportion=1, dataintegrity=True, requestdistribution="sequential")
            assert (await rig.run()).accounting.ok == RECORDS
            (first, value), (second, _), *_ = sorted(cluster.data.items())
            cluster.data[first] = value[:-1] + bytes([value[-1] ^ 1])
            del cluster.data[second]
            summary = await rig.run(Phase.RUN, RECORDS)
            assert summary.integrity_violations == 2
            assert summary.accounting == Accounting(planned=RECORDS, ok=RECORDS - 2, failed=2)

    run(test())


def test_a_value_that_is_no_row_is_a_failure() -> None:
    async def test() -> None:
        async with ScriptedCluster() as cluster:
            cluster.data.update(dict.fromkeys(loaded(), b"\x08\x00\x02\xff"))
            summary = await Rig(cluster, readproportion=0.5, scanproportion=0.5).run(Phase.RUN, 40)
            assert summary.accounting.failed == 40
            assert {e.error for e in summary.errors} == {"bad_row"}

    run(test())


def test_batches_are_no_larger_than_allowed_and_may_be_one() -> None:
    async def test() -> None:
        for size in (1, 3):
            async with ScriptedCluster() as cluster:
                rig = Rig(cluster, readproportion=1, tikv_batchsize=size)
                assert (await rig.run(clients=16)).accounting.ok == RECORDS
                assert cluster.data == loaded()

    run(test())


def test_all_connections_are_used_and_messages_are_not_of_one_command() -> None:
    """Few clients for many connections: what is ready together goes together, and the next goes elsewhere."""

    async def test() -> None:
        async with ScriptedCluster() as cluster:
            rig = Rig(cluster, readproportion=1, tikv_conncount=4, native_threads=1)
            most = 0

            def look() -> None:
                nonlocal most
                most = max(most, cluster.relays[1].connections)

            cluster.on_request = look
            assert (await rig.run(clients=8)).accounting.ok == RECORDS
            assert most >= 4
            assert cluster.batches[0] == 8
            assert len(cluster.batches) < RECORDS

    run(test())


def test_a_workload_of_ones_own_goes_to_the_coroutines() -> None:
    """It decides each operation in Python; the driver takes single calls."""

    class Mine(CoreWorkload):
        def draw(self, phase: Phase, number: int) -> Operation:
            drawn = super().draw(phase, number)
            return Operation(drawn.number, OpKind.READ, drawn.key, key_number=drawn.key_number)

    async def test() -> None:
        async with ScriptedCluster() as cluster:
            cluster.data.update(loaded())
            rig = Rig(cluster, updateproportion=1)
            rig.workload = Mine.from_config(rig.config, SEED)
            summary = await rig.run(Phase.RUN, 20)
            assert summary.accounting.ok == 20
            assert {name for name, _ in cluster.requests} == {"RawGet"}

    run(test())


def test_a_pd_that_comes_back_is_found_again() -> None:
    """Regions that are not known are asked for again until there is an answer."""

    async def test() -> None:
        async with ScriptedCluster(splits=(b"usertable:user5",)) as cluster:
            cluster.data.update(loaded())
            rig = Rig(cluster, readproportion=1, tikv_timeout=10)

            def hide() -> None:
                if len(cluster.requests) == 40:
                    cluster.bootstrapped = False
                    cluster.split(b"usertable:user3")
                    asyncio.get_running_loop().call_later(0.3, show)

            def show() -> None:
                cluster.bootstrapped = True

            cluster.on_request = hide
            summary = await rig.run(Phase.RUN, 200, clients=4)
            assert summary.accounting == Accounting(planned=200, ok=200)

    run(test())


def read_csv(path: Path) -> list[dict[str, str]]:
    with path.open(newline="") as file:
        return list(csv.DictReader(file))


def test_every_operation_is_put_down(tmp_path: Path) -> None:
    """As many lines as operations of each kind and outcome, none twice, with the latencies that were counted."""

    async def test() -> None:
        raw = RawLines(f"{tmp_path}/raw.csv", as_go_ycsb=False)
        async with ScriptedCluster() as cluster:
            rig = Rig(cluster, updateproportion=0.5, readproportion=0.5, native_threads=2, tikv_conncount=2)
            cluster.data.update(dict(list(loaded().items())[: RECORDS // 2]))
            summary = await rig.run(Phase.RUN, 10_000, clients=16, target=50_000, taps=Taps(raw.queue))
        raw.close()
        lines = read_csv(tmp_path / "raw.csv")
        assert len(lines) == summary.accounting.done == 10_000
        for kind, counts in summary.by_kind.items():
            for outcome in ("OK", "NOT_FOUND"):
                found = [line for line in lines if (line["operation"], line["outcome"]) == (kind, outcome)]
                assert len(found) == getattr(counts, outcome.lower())
                series = summary.series[kind if outcome == "OK" else f"{kind}-{outcome}"]
                assert series.response is not None
                for column, latencies in (("latency_us", series.service), ("response_us", series.response)):
                    assert max(int(line[column]) for line in found) == latencies.max_ns // 1000
                    assert min(int(line[column]) for line in found) == latencies.min_ns // 1000

    run(test())
