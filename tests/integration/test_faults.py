"""Three stores under a load of unique values while processes die, stop and come back: nothing acknowledged is lost."""

from __future__ import annotations

import json
import os
import signal
import time
import urllib.request
from typing import TYPE_CHECKING, Any

import pytest
import tikv
from pdhelp import pd_get
from processes import no_traceback, until
from rawclient import RawClient, region_error
from writers import Writers

from ycsbpy.minicluster import MiniCluster
from ycsbpy.proto import kvrpcpb_pb2 as kvrpcpb

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from ycsbpy.proto import metapb_pb2 as metapb


@pytest.fixture
def three() -> Iterator[MiniCluster]:
    """Three stores, replicated."""
    with MiniCluster(region_heartbeat_s=1.0) as cluster:
        cluster.wait_replicated()
        yield cluster
        no_traceback(cluster)


def regions(cluster: MiniCluster) -> list[dict[str, Any]]:
    """The Regions as PD knows them."""
    found: list[dict[str, Any]] = pd_get(cluster.pd_address, "/regions")["regions"]
    return found


def leader(cluster: MiniCluster) -> int:
    """The place, among the stores, of the one that leads the first Region."""
    store_id = regions(cluster)[0]["leader"]["store_id"]
    return next(place for place, store in enumerate(cluster.stores) if store.id == store_id)


def healed(cluster: MiniCluster, writers: Writers) -> None:
    """All is replicated again, and everything that was acknowledged is there."""
    cluster.wait_replicated(60.0)
    assert len(writers.acknowledged) > 100
    assert writers.missing() == []


@pytest.mark.parametrize("who", ["leader", "follower"])
def test_a_store_is_killed_and_comes_back(three: MiniCluster, who: str) -> None:
    with Writers(three) as writers:
        writers.go_on()
        victim = (leader(three) + (who == "follower")) % 3
        moment = time.monotonic()
        three.kill_store(victim)
        writers.go_on()
        three.restart_store(victim)
        writers.go_on()
    # Within two seconds on a quiet machine, which a machine that runs tests is not.
    assert writers.gap_after(moment) < 15
    healed(three, writers)


def test_two_of_three_are_killed(three: MiniCluster) -> None:
    with Writers(three) as writers:
        writers.go_on()
        for place in (0, 1):
            three.kill_store(place)
        for place in (0, 1):
            three.restart_store(place)
        writers.go_on()
    healed(three, writers)


def test_pd_is_killed(three: MiniCluster) -> None:
    with Writers(three) as writers:
        writers.go_on()
        assert three.pd is not None
        three.pd.kill()
        writers.go_on()  # who knows the leader needs no PD
        three.restart_pd()
        writers.go_on()
        victim = leader(three)
        three.kill_store(victim)
        writers.go_on()
        three.restart_store(victim)
    healed(three, writers)


def test_a_store_is_stopped_for_ten_seconds(three: MiniCluster) -> None:
    """The leader's: another takes over meanwhile, and the one that wakes up does not take itself for the leader."""
    with Writers(three) as writers, RawClient(three.pd_address) as client:
        writers.go_on()
        before = client.context(b"stopped")
        assert region_error(client.store("RawPut", before, key=b"stopped", value=b"old"))[0] == ""
        pid = three.stores[leader(three)].process.pid
        os.kill(pid, signal.SIGSTOP)
        try:
            moment = time.monotonic()
            assert until(lambda: put_by_another(client, before.peer, b"stopped", b"new"), 60.0)
            read = kvrpcpb.RawGetRequest(context=before, key=b"stopped").SerializeToString()
            to_the_stopped = client.store_channel(before.peer.store_id).unary_unary("/tikvpb.Tikv/RawGet")
            asked = to_the_stopped.future(read, timeout=60)
            writers.go_on(within_s=60.0)
            assert until(lambda: time.monotonic() > moment + 10.0)
        finally:
            os.kill(pid, signal.SIGCONT)
        answer = kvrpcpb.RawGetResponse.FromString(asked.result())
        assert answer.HasField("region_error") or answer.value == b"new"
        writers.go_on(within_s=60.0)
    healed(three, writers)
    assert all(store.process.returncode is None for store in three.stores)


def put_by_another(client: RawClient, than: metapb.Peer, key: bytes, value: bytes) -> bool:
    """Whether a Peer other than this one leads by now, and has taken a write."""
    context = client.context(key)
    if context.peer.id in (0, than.id):
        return False
    return region_error(client.store("RawPut", context, key=key, value=value))[0] == ""


def test_a_store_is_killed_while_a_snapshot_comes_in() -> None:
    with MiniCluster(stores=2, region_heartbeat_s=1.0) as cluster:
        with Writers(cluster, clients=8, value_bytes=20_000) as writers:
            writers.go_on(1500, within_s=90.0)
            (added,) = cluster.add_stores(1)
            log = added.process.log
            assert until(lambda: "a replica is made here" in log.read_text(), 30.0)
            cluster.kill_store(2)
            cluster.restart_store(2)
            writers.go_on(200)
        healed(cluster, writers)
        no_traceback(cluster)


def test_all_are_restarted_on_their_data(tmp_path: Path) -> None:
    with MiniCluster(data_dir=tmp_path, split_keys=[b"user1", b"user2"], region_heartbeat_s=1.0) as cluster:
        cluster.wait_replicated()
        with Writers(cluster) as writers:
            writers.go_on(300)
        before = {store.id for store in cluster.stores}
        cluster.wait_replicated()
    with MiniCluster(data_dir=tmp_path, region_heartbeat_s=1.0) as cluster:
        assert {store.id for store in cluster.stores} == before
        cluster.wait_replicated(60.0)
        assert len(regions(cluster)) == 3
        again = Writers(cluster)
        again.acknowledged = writers.acknowledged
        assert again.missing() == []
        with tikv.RawClient(cluster.endpoints) as client:
            client.put(b"after", b"all")
    no_traceback(cluster)  # and none while they stopped


def test_regions_split_while_they_are_written_to() -> None:
    with MiniCluster(region_split_size=1 << 20, split_check_s=0.2, region_heartbeat_s=0.5) as cluster:
        cluster.wait_replicated()
        with Writers(cluster, clients=8, value_bytes=10_000) as writers:
            writers.go_on(800, within_s=90.0)
            assert until(lambda: len(regions(cluster)) >= 3, 30.0)
            writers.go_on(100)
        cluster.wait_replicated(60.0)
        assert writers.missing() == []
        found = regions(cluster)
        assert [each["start_key"] for each in found[1:]] == [each["end_key"] for each in found[:-1]]
        with tikv.RawClient(cluster.endpoints) as client:
            assert sorted(key for key in client.scan_keys()) == sorted(writers.acknowledged)
        no_traceback(cluster)


def test_the_status_port(three: MiniCluster) -> None:
    def read(path: str) -> str:
        address = three.stores[0].status_address
        with urllib.request.urlopen(f"http://{address}{path}", timeout=10) as response:
            text: str = response.read().decode()
        return text

    assert json.loads(read("/status"))["store_id"] == three.stores[0].id
    assert 'tikv_raftstore_region_count{type="region"} 1.0' in read("/metrics")
    stores = pd_get(three.pd_address, "/stores")["stores"]
    assert {each["store"]["status_address"] for each in stores} == {each.status_address for each in three.stores}
