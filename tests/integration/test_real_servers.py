"""One suite on our PD and stores, on our stores under a real PD, on real stores under our PD, and on real ones alone.

The real programs are those that ``YCSBPY_PD_SERVER`` and ``YCSBPY_TIKV_SERVER`` name; without them only our own are
tried, which shows that the suite itself is right. Ours and real stores are not mixed in one cluster: their logs hold
other commands, so they could not share a Region.
"""

from __future__ import annotations

import asyncio
import os
from typing import TYPE_CHECKING

import pytest
import tikv
from mixedcluster import PD_SERVER, TIKV_SERVER, MixedCluster
from pdhelp import pd_get, pd_post, still_leaders, transfer_leader
from processes import no_traceback, until
from turns import turn_of_tikv_client, turn_of_tikv_python
from writers import Writers

if TYPE_CHECKING:
    from collections.abc import Iterator

KINDS = {
    "ours": (False, False),
    "our stores under a real PD": (True, False),
    "real stores under our PD": (False, True),
    "real ones": (True, True),
}
"""What is real: PD, and the stores."""


@pytest.fixture(scope="module", params=KINDS)
def cluster(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[MixedCluster]:
    real_pd, real_stores = KINDS[request.param]
    for wanted, variable in ((real_pd, PD_SERVER), (real_stores, TIKV_SERVER)):
        if wanted and not os.environ.get(variable):
            pytest.skip(f"{variable} does not name {'pd-server' if variable == PD_SERVER else 'tikv-server'}")
    with MixedCluster(tmp_path_factory.mktemp("mixed"), real_pd=real_pd, real_stores=real_stores) as made:
        still_leaders(made.pd_address)
        yield made
        no_traceback(made)


def starts(cluster: MixedCluster) -> list[str]:
    return [region["start_key"] for region in pd_get(cluster.pd_address, "/regions")["regions"]]


def test_stores_and_replicas(cluster: MixedCluster) -> None:
    assert [view.state for view in cluster.views()] == ["Up"] * 3
    for region in pd_get(cluster.pd_address, "/regions")["regions"]:
        assert len({peer["store_id"] for peer in region["peers"]}) == 3


def test_stores_find_all_they_look_for_in_pd(cluster: MixedCluster) -> None:
    """What PD refuses, a TiKV's PD client takes for a broken connection, and connects anew."""
    logs = [*cluster.folder.glob("store-*/tikv.log"), *cluster.folder.glob("store-*.log")]
    assert len(logs) == 3
    complaints = [
        line
        for log in logs
        for line in log.read_text().splitlines()
        if "UNIMPLEMENTED" in line or "load config failed" in line
    ]
    assert complaints == []


def test_pd_splits_a_region(cluster: MixedCluster) -> None:
    (region,) = [each for each in pd_get(cluster.pd_address, "/regions")["regions"] if each["start_key"] == ""]
    pd_post(
        cluster.pd_address,
        "/operators",
        name="split-region",
        region_id=region["id"],
        policy="USEKEY",
        keys=["62", "6d"],
    )
    assert until(lambda: {"62", "6D"} <= set(starts(cluster)), 60.0), starts(cluster)
    cluster.wait_replicated()


def test_every_call_of_tikv_python(cluster: MixedCluster) -> None:
    async def test() -> None:
        async with tikv.AsyncRawClient(cluster.pd_address, timeout=20.0) as client:
            await turn_of_tikv_python(client, 1, ttl=None)
        async with tikv.AsyncRawClient(cluster.pd_address, atomic=True) as client:
            assert await client.compare_and_swap(b"swap", None, b"1") == tikv.CasResult(True, None)
            assert await client.compare_and_swap(b"swap", b"0", b"2") == tikv.CasResult(False, b"1")

    asyncio.run(test())


def test_every_call_of_tikv_client(cluster: MixedCluster) -> None:
    tikv_client = pytest.importorskip("tikv_client.asynchronous", reason="its wheels are for CPython 3.11").RawClient

    async def test() -> None:
        await turn_of_tikv_client(await tikv_client.connect([cluster.pd_address]), 2)

    asyncio.run(test())


def test_pd_moves_leaders(cluster: MixedCluster) -> None:
    for region in pd_get(cluster.pd_address, "/regions")["regions"]:
        other = next(peer["store_id"] for peer in region["peers"] if peer["store_id"] != region["leader"]["store_id"])
        transfer_leader(cluster.pd_address, region["id"], other)


def test_the_leaders_store_is_killed_and_comes_back(cluster: MixedCluster) -> None:
    with Writers(cluster) as writers:
        writers.go_on()
        with_user = next(
            region for region in pd_get(cluster.pd_address, "/regions")["regions"][::-1] if region["start_key"] <= "75"
        )
        place = cluster.kill_store(with_user["leader"]["store_id"])
        writers.go_on(within_s=120.0)
        cluster.restart_store(place)
        writers.go_on(within_s=120.0)
    cluster.wait_replicated()
    assert writers.missing() == []
