"""The HTTP answers of the mini-cluster's PD have the shape of a real PD's (captured from master of 2026-08).

Where ``YCSBPY_PD_SERVER`` names a pd-server the same shapes are looked for in it, and each answer of it is compared
with ours name by name: both over our own stores, or over real ones where ``YCSBPY_TIKV_SERVER`` names them.
"""

from __future__ import annotations

import json
import os
import re
import urllib.request
from typing import TYPE_CHECKING, Any

import pytest
from mixedcluster import PD_SERVER, TIKV_SERVER, MixedCluster
from pdhelp import pd_post
from processes import until

import ycsbpy

if TYPE_CHECKING:
    from collections.abc import Iterator

TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)")
SIZE = re.compile(r"[\d.]+([KMGTP]iB|B)")
SPAN = re.compile(r"-?(\d+h)?(\d+m)?([\d.]+(s|ms|µs|ns))?")
HEX = re.compile(r"([0-9A-F]{2})*")
OPERATOR = re.compile(
    r"[\w-]+ \{.*\} \(kind:[\w,]+, region:\d+\(\d+, \d+\), createAt:\d{4}-.*, startAt:.*, currentStep:\d+, size:\d+, "
    r"steps:\[0:\{.*\}\], timeout:\[.*\]\)( \w+ \(finishAt:.*, duration:.*\))?",
    re.DOTALL,
)
BOOLEAN = re.compile(r"true|false")
NUMBER = (int, float)
MEMBER = {
    "name": str, "member_id": int, "peer_urls": [str], "client_urls": [str], "deploy_path": str, "binary_version": str,
    "git_hash": str,
}  # fmt: skip
STORE = {
    "store": {
        "id": int, "address": str, "version": str, "status_address": str, "start_timestamp": int, "deploy_path": str,
        "last_heartbeat": int, "node_state": int, "state_name": str,
    },
    "status": {
        "capacity": SIZE, "available": SIZE, "used_size": SIZE, "leader_count": int, "leader_weight": NUMBER,
        "leader_score": NUMBER, "leader_size": int, "region_count": int, "region_weight": NUMBER,
        "region_score": NUMBER, "region_size": int, "start_ts": TIME, "last_heartbeat_ts": TIME, "uptime": SPAN,
    },
}  # fmt: skip
PEER = {"id": int, "store_id": int, "role_name": str}
REGION = {
    "id": int, "start_key": HEX, "end_key": HEX, "epoch": {"conf_ver": int, "version": int}, "peers": [PEER],
    "leader": PEER, "written_bytes": int, "read_bytes": int, "written_keys": int, "read_keys": int,
    "approximate_size": int, "approximate_keys": int,
}  # fmt: skip
PER_STORE: dict[type, type] = {str: int}
RATES: dict[type, Any] = {str: NUMBER}
HOT: dict[type, Any] = {
    str: {
        "store_bytes": NUMBER, "store_keys": NUMBER, "store_query": NUMBER, "store_cpu": NUMBER,
        "total_flow_bytes": NUMBER, "total_flow_keys": NUMBER, "total_flow_query": NUMBER, "regions_count": int,
        "statistics": [dict],
    }
}  # fmt: skip
SHAPES: dict[str, Any] = {
    "version": {"version": str, "build_time": str, "hash": str, "branch": str},
    "status": {"build_ts": str, "version": str, "git_hash": str, "start_timestamp": int},
    "health": [{"name": str, "member_id": int, "client_urls": [str], "health": bool}],
    "members": {"header": {"cluster_id": int}, "members": [MEMBER], "leader": MEMBER, "etcd_leader": MEMBER},
    "stores": {"count": int, "stores": [STORE]},
    "store/{store}": STORE,
    "regions": {"count": int, "regions": [REGION]},
    "regions/store/{store}": {"count": int, "regions": [REGION]},
    "region/id/{region}": REGION,
    "region/key/k": REGION,
    "stats/region": {
        "count": int, "empty_count": int, "storage_size": int, "storage_keys": int, "store_leader_count": PER_STORE,
        "store_peer_count": PER_STORE, "store_leader_size": PER_STORE, "store_leader_keys": PER_STORE,
        "store_peer_size": PER_STORE, "store_peer_keys": PER_STORE,
    },
    "schedulers": [str],
    "scheduler-config/balance-leader-scheduler/list": {"ranges": [{"start-key": str, "end-key": str}], "batch": int},
    "stores/limit": {str: {"add-peer": NUMBER, "remove-peer": NUMBER}},
    "stores/check?state=Up": {"count": int, "stores": [STORE]},
    "regions/count": {"count": int},
    "regions/key?limit=2": {"count": int, "regions": [REGION]},
    "regions/size?limit=2": {"count": int, "regions": [REGION]},
    "regions/sibling/{region}": {"count": int, "regions": [REGION]},
    "regions/check/miss-peer": {"count": int, "regions": [REGION]},
    "regions/check/hist-size": [{"start": int, "end": int, "count": int}],
    "hotspot/regions/read": {"as_peer": HOT, "as_leader": HOT},
    "hotspot/regions/write": {"as_peer": HOT, "as_leader": HOT},
    "hotspot/stores": {
        "bytes-write-rate": RATES, "bytes-read-rate": RATES, "keys-write-rate": RATES, "keys-read-rate": RATES,
        "query-write-rate": RATES, "query-read-rate": RATES,
    },
    "hotspot/buckets": {str: [{"start_key": HEX, "end_key": HEX, "hot_degree": int}]},
    "min-resolved-ts": {"min_resolved_ts": int},
    "min-resolved-ts?scope=cluster": {"min_resolved_ts": int, "stores_min_resolved_ts": PER_STORE},
    "min-resolved-ts/{store}": {"min_resolved_ts": int},
    "gc/safepoint": {
        "service_gc_safe_points": [{"service_id": str, "expired_at": int, "safe_point": int}], "gc_safe_point": int,
    },
    "config/rules": [{"group_id": str, "id": str, "start_key": HEX, "end_key": HEX, "role": str, "count": int}],
    "operators": [OPERATOR],
    "operators/records": [OPERATOR],
    "config/replicate": {
        "max-replicas": int, "location-labels": str, "strictly-match-label": BOOLEAN, "enable-placement-rules": BOOLEAN,
        "isolation-level": str,
    },
    "config/schedule": {
        "leader-schedule-limit": int, "leader-schedule-policy": str, "region-schedule-limit": int,
        "replica-schedule-limit": int, "merge-schedule-limit": int, "hot-region-schedule-limit": int,
        "max-snapshot-count": int, "max-pending-peer-count": int, "max-store-down-time": SPAN,
        "store-limit": {str: {"add-peer": NUMBER, "remove-peer": NUMBER}}, "tolerant-size-ratio": NUMBER,
        "low-space-ratio": NUMBER, "high-space-ratio": NUMBER, "region-score-formula-version": str,
        "enable-joint-consensus": BOOLEAN,
    },
}  # fmt: skip


def differences(found: Any, shape: Any, where: str = "") -> Iterator[str]:
    """Where an answer is not of a shape; what it has beyond that is fine."""
    if isinstance(shape, list) and isinstance(found, list):
        for number, one in enumerate(found):
            yield from differences(one, shape[0], f"{where}[{number}]")
    elif isinstance(shape, dict) and isinstance(found, dict):
        inner = dict.fromkeys(found, shape[str]) if str in shape else shape
        for name in inner:
            if name in found:
                yield from differences(found[name], inner[name], f"{where}.{name}")
            else:
                yield f"{where}.{name} is missing"
    elif not is_a(found, shape):
        yield f"{where}: {found!r} is not {shape}"


def is_a(found: Any, shape: Any) -> bool:
    if isinstance(shape, re.Pattern):
        return isinstance(found, str) and shape.fullmatch(found) is not None
    if isinstance(shape, list | dict):
        return False  # and found is none
    return isinstance(found, shape) and (shape is bool or not isinstance(found, bool))


LACKS = {
    "config/schedule": {
        "affinity-schedule-limit", "enable-cross-table-merge", "enable-debug-metrics", "enable-diagnostic",
        "enable-heartbeat-breakdown-metrics", "enable-heartbeat-concurrent-runner", "enable-one-way-merge",
        "enable-witness", "hot-regions-reserved-days", "hot-regions-write-interval", "max-affinity-merge-region-size",
        "max-movable-hot-peer-size", "max-store-preparing-time", "patrol-region-worker-count",
        "slow-store-evicting-affected-store-ratio-threshold", "split-scatter-schedule-limit", "switch-witness-interval",
        "witness-schedule-limit",
    },
    "hotspot/stores": {"cpu-read-rate"},
}  # fmt: skip
"""What a real PD's answers have and ours do not: settings of what the mini-cluster's PD does not do."""

PASSING = {"network_slow_score", "is_busy", "sending_snap_count", "receiving_snap_count"}
"""What is said of a store only while it is so."""


def get(pd: str, path: str) -> Any:
    with urllib.request.urlopen(f"http://{pd}/pd/api/v1/{path}", timeout=10) as answer:
        return json.load(answer)  # of Regions a real PD says application/octet-stream


def filled(cluster: MixedCluster) -> str:
    """Put records into the cluster, split its first Region; return PD's address."""
    pd = cluster.pd_address
    ycsbpy.load("workloada", recordcount=4000, threadcount=32, properties={"tikv.pd": pd})
    first = next(region for region in get(pd, "regions")["regions"] if region["start_key"] == "")
    pd_post(pd, "/operators", name="split-region", region_id=first["id"], policy="USEKEY", keys=["62", "63"])
    assert until(lambda: {"62", "63"} <= {region["start_key"] for region in get(pd, "regions")["regions"]}, 60.0)
    cluster.wait_replicated()
    assert until(lambda: get(pd, "operators/records"), 60.0)
    assert until(lambda: all(each["store"].get("node_state") for each in get(pd, "stores")["stores"]), 60.0)
    assert until(lambda: all(each["status"].get("start_ts") for each in get(pd, "stores")["stores"]), 60.0)
    return pd


@pytest.fixture(scope="module")
def ours(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Our PD, whose stores have Regions with records in them."""
    stores = all(os.environ.get(name) for name in (PD_SERVER, TIKV_SERVER))  # the same as under the real PD
    with MixedCluster(tmp_path_factory.mktemp("ours"), real_pd=False, real_stores=stores) as cluster:
        yield filled(cluster)


@pytest.fixture(scope="module")
def real(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A real PD in the same state."""
    if not os.environ.get(PD_SERVER):
        pytest.skip(f"{PD_SERVER} does not name pd-server")
    stores = bool(os.environ.get(TIKV_SERVER))
    with MixedCluster(tmp_path_factory.mktemp("real"), real_pd=True, real_stores=stores) as cluster:
        yield filled(cluster)


def ask(pd: str, path: str) -> Any:
    """The answer to a path, of the first store and of a Region that has a Region on each side."""
    store = get(pd, "stores")["stores"][0]["store"]["id"]
    region = next(region["id"] for region in get(pd, "regions")["regions"] if region["start_key"] == "62")
    return get(pd, path.format(store=store, region=region))


@pytest.mark.parametrize("path", SHAPES)
@pytest.mark.parametrize("which", ["ours", "real"])
def test_shapes(request: pytest.FixtureRequest, which: str, path: str) -> None:
    found = ask(request.getfixturevalue(which), path)
    assert list(differences(found, SHAPES[path], path)) == []
    if path in ("stores", "regions", "operators/records", "schedulers"):
        assert found


def names(found: Any) -> set[str]:
    """All names in an answer but those that are ids of stores, Regions and the like."""
    if isinstance(found, list):
        return {name for one in found for name in names(one)}
    if isinstance(found, dict):
        return {name for key, value in found.items() for name in names(value) | {key} if not name.isdigit()}
    return set()


@pytest.mark.parametrize("path", SHAPES)
def test_ours_say_all_that_a_real_one_says(ours: str, real: str, path: str) -> None:
    mine, theirs = names(ask(ours, path)), names(ask(real, path)) - PASSING
    if path == "gc/safepoint":  # newer ones always show that of the garbage collector of transactions
        theirs -= {"service_id", "expired_at", "safe_point"}
    assert theirs - mine == LACKS.get(path, set())


def test_a_difference_is_seen() -> None:
    shape = {"a": int, "b": [TIME], "c": {str: int}}
    assert not list(differences({"a": 1, "b": ["2026-08-01T00:00:00Z"], "c": {"x": 1}, "d": 0}, shape))
    wrong = {"a": "1", "b": ["yesterday"], "c": {"x": None}}
    assert len(list(differences(wrong, shape))) == 3
    assert list(differences({"b": [], "c": {}}, shape)) == [".a is missing"]
    assert list(differences(True, int))
    assert names({"a": [{"b": 1, "12": {"c": None}}]}) == {"a", "b", "c"}
