"""What PD's HTTP interface changes: operators of each kind, stores, limits, schedulers; and what it refuses."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from pdkit import STORE, running_pd, told
from processes import no_traceback, until
from rawclient import RawClient

from ycsbpy.minicluster import MiniCluster
from ycsbpy.proto import metapb_pb2 as metapb
from ycsbpy.proto import pdpb_pb2 as pdpb

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

# ---- a PD whose stores are this test: what it is asked to do stays undone ----

PEERS = [metapb.Peer(id=3, store_id=1), metapb.Peer(id=13, store_id=4), metapb.Peer(id=14, store_id=5)]
REGION = metapb.Region(id=2, region_epoch=metapb.RegionEpoch(conf_ver=5, version=1), peers=PEERS)


class PlayedPd:
    """PD with stores 1, 4, 5 and 6, of which the first three have the only Region."""

    def __init__(self, address: str, log: Path) -> None:
        self.address = address
        self.log = log
        with RawClient(address) as client:
            client.pd("AllocID", count=100)  # the ids that are used here are handed out
            first = metapb.Region(id=2, region_epoch=metapb.RegionEpoch(conf_ver=1, version=1), peers=PEERS[:1])
            client.pd("Bootstrap", store=STORE, region=first)
            for store_id in (4, 5, 6):
                store = metapb.Store(id=store_id, address=f"127.0.0.1:{20160 + store_id}", version="8.5.0")
                client.pd("PutStore", store=store)
            report = pdpb.RegionHeartbeatRequest(header=client.header(), region=REGION, leader=PEERS[0], term=6)
            for _ in client.pd_stream("RegionHeartbeat", iter([report.SerializeToString()])):
                pass
        self.breathe()

    def breathe(self) -> None:
        """Heartbeats of the stores, which are Up for 20 s after."""
        with RawClient(self.address) as client:
            for store_id in (1, 4, 5, 6):
                client.pd("StoreHeartbeat", stats=pdpb.StoreStats(store_id=store_id, capacity=100, available=90))

    def get(self, path: str) -> Any:
        status, value = told(self.address, path)
        assert status == 200, value
        return value

    def post(self, path: str, body: Any = None) -> tuple[int, Any]:
        return told(self.address, path, "POST", body)

    def delete(self, path: str) -> tuple[int, Any]:
        return told(self.address, path, "DELETE")


@pytest.fixture(scope="module")
def played(tmp_path_factory: pytest.TempPathFactory) -> Iterator[PlayedPd]:
    folder = tmp_path_factory.mktemp("pd")
    with running_pd(folder) as address:
        yield PlayedPd(address, folder / "log")
    assert "Traceback" not in (folder / "log").read_text()


@pytest.fixture
def pd(played: PlayedPd) -> PlayedPd:
    played.breathe()
    played.delete("/operators")
    return played


OPERATORS: dict[str, tuple[dict[str, Any], str]] = {
    # body → how PD writes the operator
    "transfer-leader": ({"to_store_id": 4}, "admin-transfer-leader {transfer leader: store 1 to 4} (kind:admin,leader"),
    "transfer-peer": (
        {"from_store_id": 4, "to_store_id": 6}, "admin-move-peer {mv peer: store [4] to [6]} (kind:admin,region",
    ),
    "transfer-region": (
        {"to_store_ids": [1, 4, 6]}, "admin-move-region {mv peer: store [5] to [6]} (kind:admin,region",
    ),
    "add-peer": ({"store_id": 6}, "admin-add-peer {add peer: store [6]} (kind:admin,region"),
    "add-learner": ({"store_id": 6}, "admin-add-learner {add peer: store [6]} (kind:admin,region"),
    "remove-peer": ({"store_id": 5}, "admin-remove-peer {rm peer: store [5]} (kind:admin,region"),
    "split-region": (
        {"policy": "usekey", "keys": ["6D"]},
        "admin-split-region {split: region 2 use policy USEKEY and keys [6D]} (kind:admin,split",
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", OPERATORS)
def test_an_operator_is_made_shown_and_cancelled(pd: PlayedPd, name: str) -> None:
    body, text = OPERATORS[name]
    assert pd.post("/operators", {"name": name, "region_id": 2, **body}) == (200, "The operator is created.")
    (shown,) = pd.get("/operators")
    assert shown.startswith(text)
    assert pd.get("/operators/2") == f"status: RUNNING, operator: {shown}"
    (fields,) = pd.get("/operators?object=1")
    assert (fields["region_id"], fields["status"], shown.startswith(fields["desc"])) == (2, 1, True)
    assert pd.get("/operators?kind=admin") == [shown]
    assert pd.get("/operators?kind=replica") == []
    assert pd.delete("/operators/2") == (200, "The pending operator is canceled.")
    assert pd.get("/operators") == []
    assert pd.get("/operators/2").startswith("status: CANCEL, operator: " + text)
    assert pd.get("/operators/records")[-1].startswith(text)
    assert pd.get("/operators/records?from=9999999999") == []
    assert pd.delete("/operators/2") == (404, "operator not found")


def test_a_later_operator_takes_the_place_of_an_earlier_one(pd: PlayedPd) -> None:
    for name in ("add-peer", "remove-peer"):
        assert pd.post("/operators", {"name": name, "region_id": 2, **OPERATORS[name][0]})[0] == 200
    (shown,) = pd.get("/operators")
    assert shown.startswith("admin-remove-peer")
    assert " replaced (finishAt:" in pd.get("/operators/records")[-1]
    assert pd.delete("/operators") == (200, "The operators are canceled.")


@pytest.mark.parametrize(
    ("body", "status", "text"),
    [
        ({}, 400, "missing operator name"),
        ({"name": "nope"}, 400, "unknown operator"),
        ({"name": "merge-region"}, 400, "Regions are not merged here"),
        ({"name": "add-peer", "store_id": 6}, 400, "missing or invalid region_id"),
        ({"name": "add-peer", "region_id": 10**400, "store_id": 6}, 400, "missing or invalid region_id"),
        ({"name": "add-peer", "region_id": 99, "store_id": 6}, 404, "[PD:region:ErrRegionNotFound]region 99 not found"),
        ({"name": "add-peer", "region_id": 2, "store_id": 9}, 404, "[PD:core:ErrStoreNotFound]store 9 not found"),
        ({"name": "add-peer", "region_id": 2, "store_id": 4}, 500, "region 2 already has peer in store 4"),
        ({"name": "add-learner", "region_id": 2, "store_id": 4}, 500, "region 2 already has peer in store 4"),
        ({"name": "remove-peer", "region_id": 2, "store_id": 6}, 500, "region 2 has no peer in store 6"),
        ({"name": "transfer-leader", "region_id": 2, "to_store_id": 6}, 500, "region 2 has no voter on store 6"),
        ({"name": "transfer-leader", "region_id": 2, "to_store_id": 1}, 500, "store 1 leads region 2 already"),
        ({"name": "transfer-region", "region_id": 2, "to_store_ids": [True]}, 400, "invalid store ids"),
        ({"name": "transfer-region", "region_id": 2, "to_store_ids": [1, 4, 5]}, 500, "region 2 is so already"),
        ({"name": "split-region", "region_id": 2, "policy": "half"}, 400, "check policy 'half' is not supported"),
        ({"name": "split-region", "region_id": 2, "policy": "usekey", "keys": ["x"]}, 400, "invalid hex key"),
        ({"name": "scatter-region", "region_id": 99}, 404, "[PD:region:ErrRegionNotFound]region 99 not found"),
        ({"name": "scatter-regions", "region_ids": []}, 400, "missing region id"),
    ],
)
def test_operators_that_are_refused(pd: PlayedPd, body: Any, status: int, text: str) -> None:
    found, value = pd.post("/operators", body)
    assert (found, value[: len(text)]) == (status, text)
    assert pd.get("/operators") == []


INFINITE = b'{"rate": Infinity, "delay": Infinity, "leader": Infinity, "max-replicas": Infinity, "store_id": Infinity}'
BODIES = {
    "infinite": INFINITE,
    "no number": INFINITE.replace(b"Infinity", b"NaN"),
    "beyond a float": INFINITE.replace(b"Infinity", b"1e999"),
    "of many digits": INFINITE.replace(b"Infinity", b"1" + b"0" * 400),
    "of more digits than Python reads": INFINITE.replace(b"Infinity", b"1" * 5000),
    "negative": INFINITE.replace(b"Infinity", b"-1"),
    "nested": b"[" * 100_000,
    "cut": b'{"rate": ',
    "a list": b"[]",
    "no text": b"\xff\xfe",
}
TAKERS = ("/stores/limit", "/store/1/limit", "/store/1/weight", "/schedulers/all", "/config", "/config/replicate",
          "/operators", "/regions/split", "/schedulers")  # fmt: skip


@pytest.mark.parametrize("path", TAKERS)
@pytest.mark.parametrize("body", BODIES)
def test_bodies_that_are_none(pd: PlayedPd, path: str, body: str) -> None:
    before = pd.get("/config/schedule")
    status, text = pd.post(path, BODIES[body])
    assert status == 400, text
    assert isinstance(text, str)
    assert pd.get("/config/schedule") == before


@pytest.mark.parametrize(
    ("path", "text"),
    [
        ("/stores?state=Up", "invalid state among ['Up']: 0 is Up, 1 is Offline, 2 is Tombstone"),
        ("/stores?state=-1", "invalid state"),
        ("/stores/check?state=Gone", "unknown StoreState: gone"),
        ("/stores/progress", "need query parameters"),
        ("/stores/progress?id=x", "invalid store id 'x'"),
        ("/operators/records?from=%C2%B2", "strconv.ParseInt"),
        ("/operators/records?from=-1", "strconv.ParseInt"),
        ("/operators?kind=nope", "unknown operator kind"),
        ("/regions/size?limit=--5", "strconv.Atoi"),
        ("/regions/check/hist-size?bound=x", "invalid bound 'x'"),
        ("/min-resolved-ts/x", "invalid store id 'x'"),
        ("/min-resolved-ts?scope=1,x", "invalid store ids '1,x'"),
        ("/hotspot/regions/read?store_id=x", "invalid store id: x"),
    ],
)
def test_numbers_that_are_none(pd: PlayedPd, path: str, text: str) -> None:
    status, value = told(pd.address, path)
    assert (status, value[: len(text)]) == (400, text)


# ---- stores ----


def test_labels_weights_and_states_of_a_store(pd: PlayedPd) -> None:
    assert pd.post("/store/6/label", {"zone": "z1", "disk": "ssd"}) == (200, "The store's label is updated.")
    assert pd.post("/store/6/label", {"zone": "z2"})[0] == 200
    labels = {each["key"]: each["value"] for each in pd.get("/store/6")["store"]["labels"]}
    assert labels == {"zone": "z2", "disk": "ssd"}
    assert pd.get("/labels") == [{"key": "disk", "value": "ssd"}, {"key": "zone", "value": "z2"}]
    assert [each["store"]["id"] for each in pd.get("/labels/stores?name=zone&value=z2")["stores"]] == [6]
    assert pd.post("/store/6/label?force", {"host": "h"})[0] == 200
    assert pd.get("/store/6")["store"]["labels"] == [{"key": "host", "value": "h"}]
    assert pd.post("/store/6/label", {"zone": 5}) == (400, "labels are texts")

    assert pd.post("/store/6/weight", {"leader": 0.5}) == (200, "The store's label is updated.")
    status = pd.get("/store/6")["status"]
    assert (status["leader_weight"], status["region_weight"]) == (0.5, 1)
    assert pd.post("/store/6/weight", {})[0] == 400

    assert pd.post("/store/5/state?state=Offline") == (200, "The store's state is updated.")
    assert pd.get("/store/5")["store"]["state_name"] == "Offline"
    assert pd.get("/stores/check?state=Offline")["count"] == 1
    refused, text = pd.delete("/store/4")
    assert (refused, "number of up stores would be 2 while need 3" in text) == (400, True)

    def removing() -> dict[str, Any]:
        status, found = told(pd.address, "/stores/progress?id=5")
        return found if status == 200 else {}

    assert until(lambda: bool(removing()))
    assert removing().keys() == {"action", "store_id", "progress", "current_speed", "left_seconds"}
    assert pd.get("/stores/progress?action=removing")["action"] == "removing"
    assert pd.post("/store/5/state?state=Up")[0] == 200
    assert pd.get("/store/5")["store"]["state_name"] == "Up"
    text = "[PD:progress:ErrProgressNotFound]no progress found for the given store ID: 5"
    assert until(lambda: told(pd.address, "/stores/progress?id=5") == (404, text))
    assert told(pd.address, "/stores/progress?action=preparing")[0] == 404
    assert pd.post("/store/5/state?state=Down") == (400, "invalid state Down")


def test_limits_of_stores(pd: PlayedPd) -> None:
    assert pd.post("/stores/limit", {"rate": 30}) == (200, "Set store limit successfully.")
    assert pd.post("/store/6/limit", {"type": "add-peer", "rate": 7.5})[0] == 200
    limits = pd.get("/stores/limit")
    assert limits["1"] == {"add-peer": 30, "remove-peer": 30}
    assert limits["6"] == {"add-peer": 7.5, "remove-peer": 30}
    assert pd.get("/config/schedule")["store-limit"] == limits
    assert pd.post("/stores/limit", {"rate": 5, "type": "remove-peer"})[0] == 200
    assert pd.get("/stores/limit")["6"] == {"add-peer": 7.5, "remove-peer": 5}
    assert pd.post("/stores/limit", {"rate": 5, "type": "nope"})[0] == 400
    assert pd.post("/stores/limit", {"rate": 0})[0] == 400


def test_a_store_that_is_gone_is_forgotten(tmp_path: Path) -> None:
    with running_pd(tmp_path) as address:
        pd = PlayedPd(address, tmp_path / "log")
        assert pd.delete("/store/6") == (200, "The store is set as Offline.")
        assert until(lambda: pd.get("/stores?state=2")["count"] == 1)
        assert pd.get("/store/6")["store"]["state_name"] == "Tombstone"
        assert pd.delete("/store/6")[0] == 410
        assert pd.post("/store/6/state?state=Up")[0] == 400
        assert pd.delete("/stores/remove-tombstone") == (200, "Remove tombstone successfully.")
        assert told(address, "/store/6")[0] == 404
        assert pd.get("/stores?state=2") == {"count": 0, "stores": []}


# ---- schedulers and settings ----

BALANCERS = ["balance-region-scheduler", "balance-leader-scheduler"]


def test_schedulers_are_paused_removed_and_added(pd: PlayedPd) -> None:
    assert pd.get("/schedulers") == BALANCERS
    done = "Pause or resume the scheduler successfully."
    assert pd.post("/schedulers/balance-region-scheduler", {"delay": 600}) == (200, done)
    assert pd.get("/schedulers?status=paused") == BALANCERS[:1]
    assert pd.post("/schedulers/all", {"delay": 0.0}) == (200, done)
    assert pd.get("/schedulers?status=paused") == pd.get("/schedulers?status=disabled") == []
    assert pd.delete("/schedulers/balance-region-scheduler") == (200, "The scheduler is removed.")
    assert pd.get("/schedulers") == BALANCERS[1:]
    for status, _ in (
        pd.delete("/schedulers/balance-region-scheduler"),
        pd.post("/schedulers/balance-region-scheduler", {"delay": 1}),
    ):
        assert status == 404
    assert pd.post("/schedulers", {"name": "balance-region-scheduler"}) == (200, "The scheduler is created.")
    assert pd.get("/schedulers") == BALANCERS
    assert pd.post("/schedulers", {"name": "shuffle-leader-scheduler"}) == (400, "unknown scheduler")


def test_a_schedulers_own_settings(pd: PlayedPd) -> None:
    path = "/scheduler-config/balance-leader-scheduler"
    assert pd.get(f"{path}/list") == {"ranges": [{"start-key": "", "end-key": ""}], "batch": 4}
    assert pd.post(f"{path}/config", {"batch": 7}) == (200, "Config is updated.")
    assert pd.post(f"{path}/config", {"batch": 7}) == (200, "Config is the same with origin, so do nothing.")
    assert pd.get(f"{path}/list")["batch"] == 7
    for wrong in (0, 101, 1.5, "4"):
        assert pd.post(f"{path}/config", {"batch": wrong})[0] == 400
    assert pd.post(f"{path}/config", {"nope": 4}) == (400, "Config item is not found.")


def test_safe_points_and_resolved_timestamps(pd: PlayedPd) -> None:
    assert pd.get("/gc/safepoint") == {"service_gc_safe_points": [], "gc_safe_point": 0}
    with RawClient(pd.address) as client:
        client.pd("UpdateServiceGCSafePoint", service_id=b"gc_worker", TTL=(1 << 63) - 1, safe_point=200)
        client.pd("UpdateServiceGCSafePoint", service_id=b"br", TTL=600, safe_point=300)
        client.pd("UpdateGCSafePoint", safe_point=9)
        client.pd("ReportMinResolvedTS", store_id=1, min_resolved_ts=50)
    found = pd.get("/gc/safepoint")
    assert (found["gc_safe_point"], found["min_service_gc_safe_point"]) == (9, 200)
    assert [each["service_id"] for each in found["service_gc_safe_points"]] == ["br", "gc_worker"]
    for service in ("br", "nobody"):
        assert pd.delete(f"/gc/safepoint/{service}") == (200, "Delete service GC safepoint successfully.")
    assert pd.delete("/gc/safepoint/gc_worker") == (500, "cannot remove service safe point of gc_worker")
    assert len(pd.get("/gc/safepoint")["service_gc_safe_points"]) == 1

    marks = pd.get("/min-resolved-ts")
    assert (marks["min_resolved_ts"], marks["is_real_time"], marks["persist_interval"]) == (50, True, "1s")
    assert marks["stores_min_resolved_ts"] is None
    unknown = (1 << 64) - 1
    assert pd.get("/min-resolved-ts?scope=cluster")["stores_min_resolved_ts"] == {
        "1": 50, "4": unknown, "5": unknown, "6": unknown,
    }  # fmt: skip
    some = pd.get("/min-resolved-ts?scope=4,9")
    assert (some["min_resolved_ts"], some["stores_min_resolved_ts"]) == (unknown, {"4": unknown, "9": unknown})
    assert pd.get("/min-resolved-ts/1")["min_resolved_ts"] == 50


# ---- on stores that do what they are told ----


@pytest.fixture(scope="module")
def cluster() -> Iterator[MiniCluster]:
    """Four stores, three replicas, and a PD that has no ideas of its own."""
    with MiniCluster(stores=4, max_replicas=3, region_heartbeat_s=0.2) as running:
        running.wait_replicated()
        assert told(running.pd_address, "/config", "POST", {"halt-scheduling": True})[0] == 200
        yield running
        no_traceback(running)


class Watched:
    """The Region at a key, and the operators that are asked for it."""

    def __init__(self, address: str, key: bytes) -> None:
        self.address = address
        self.key = key

    @property
    def info(self) -> Any:
        return told(self.address, f"/region/key/{self.key.hex()}?format=hex")[1]

    @property
    def stores(self) -> dict[int, str]:
        return {peer["store_id"]: peer["role_name"] for peer in self.info["peers"]}

    @property
    def leader(self) -> int:
        return int(self.info["leader"]["store_id"])

    def spare(self) -> int:
        every = {each["store"]["id"] for each in told(self.address, "/stores")[1]["stores"]}
        return int((every - self.stores.keys()).pop())

    def follower(self) -> int:
        return next(store for store in self.stores if store != self.leader)

    def do(self, name: str, **fields: Any) -> None:
        """Have an operator done, to its end."""
        region_id = self.info["id"]
        made = told(self.address, "/operators", "POST", {"name": name, "region_id": region_id, **fields})
        assert made == (200, "The operator is created.")
        path = f"/operators/{region_id}"
        assert until(lambda: "status: RUNNING" not in told(self.address, path)[1], 60)
        assert told(self.address, path)[1].startswith("status: SUCCESS")
        assert until(lambda: not self.info.get("pending_peers"), 60)


def test_each_operator_is_done(cluster: MiniCluster) -> None:
    region = Watched(cluster.pd_address, b"k")
    region.do("split-region", policy="usekey", keys=[b"j".hex(), b"n".hex()])
    assert until(lambda: (region.info["start_key"], region.info["end_key"]) == ("6A", "6E"))
    to = region.follower()
    region.do("transfer-leader", to_store_id=to)
    assert region.leader == to
    spare, leaves = region.spare(), region.follower()
    region.do("add-learner", store_id=spare)
    assert region.stores[spare] == "Learner"
    region.do("remove-peer", store_id=spare)
    assert spare not in region.stores
    region.do("add-peer", store_id=spare)
    assert region.stores[spare] == "Voter"
    region.do("remove-peer", store_id=leaves)
    assert leaves not in region.stores
    origin, to = region.leader, region.spare()
    region.do("transfer-peer", from_store_id=origin, to_store_id=to)
    assert (origin in region.stores, region.stores[to]) == (False, "Voter")
    wanted = {region.spare(), *list(region.stores)[:2]}
    region.do("transfer-region", to_store_ids=sorted(wanted))
    assert region.stores == dict.fromkeys(wanted, "Voter")


def test_splits_and_scatters_by_http(cluster: MiniCluster) -> None:
    address = cluster.pd_address
    body = {"split_keys": [key.hex() for key in (b"b", b"d", b"f")], "retry_limit": 8}
    status, split = told(address, "/regions/split", "POST", body)
    assert (status, split["processed-percentage"]) == (200, 100)
    assert len(split["regions-id"]) == 3
    keyless: list[dict[str, Any]] = [{}, {"split_keys": []}, {"split_keys": [5]}, {"split_keys": ["x"]}]
    for nothing in keyless:
        assert told(address, "/regions/split", "POST", nothing)[0] == 400

    def scattered(**fields: Any) -> tuple[int, Any]:
        return told(address, "/regions/scatter", "POST", {"retry_limit": 8, "group": "g", **fields})

    assert scattered(regions_id=split["regions-id"]) == (200, {"processed-percentage": 100})
    assert scattered(start_key="", end_key=b"f".hex())[1] == {"processed-percentage": 100}
    assert scattered(regions_id=[9999]) == (500, "[PD:region:ErrRegionNotFound]region 9999 not found")
    assert scattered(regions_id=[9998, 9999]) == (500, "[PD:scatter:ErrEmptyRegion]empty region")
    unusable: list[dict[str, Any]] = [{"regions_id": []}, {"regions_id": [1.5]}, {}]
    for wrong in unusable:
        assert scattered(**wrong) == (500, "regions_id is invalid")
    assert until(lambda: told(address, "/operators")[1] == [], 60)
    body = {"name": "scatter-regions", "region_ids": split["regions-id"], "group": "g", "retry_limit": 8}
    assert told(address, "/operators", "POST", body) == (200, "The operator is created.")
    assert until(lambda: told(address, "/operators")[1] == [], 60)
    for region in told(address, "/regions")[1]["regions"]:
        assert [peer["role_name"] for peer in region["peers"]] == ["Voter"] * 3
