"""Time to live, column families, API versions and batches on a cluster: what another client sees of them, and what is
refused."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import pytest
import tikv
from click.testing import CliRunner

from ycsbpy.cli.app import app
from ycsbpy.config import make_config
from ycsbpy.drivers.registry import choose_driver, driver_class
from ycsbpy.drivers.tikv_raw import RawTikvDriver
from ycsbpy.errors import NotSupportedError
from ycsbpy.minicluster import MiniCluster
from ycsbpy.ops import Operation, OpKind, Outcome

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterator

ROW = {"field0": b"a", "field1": b"b"}
TABLE = "options"
DRIVERS = ("native", "tikv-client", "tikv-python")


@pytest.fixture(scope="module")
def cluster() -> Iterator[MiniCluster]:
    with MiniCluster(stores=1, split_keys=[b"options:k3", b"options:k6"]) as running:
        yield running


def made(name: str, cluster: MiniCluster, **properties: Any) -> RawTikvDriver:
    if name == "tikv-client":
        pytest.importorskip("tikv_client", reason="its wheels are for CPython 3.11")
    given = {key.replace("_", "."): value for key, value in properties.items()}
    driver = driver_class(name).from_config(make_config({"tikv.pd": cluster.pd_address, "fieldcount": 2, **given}))
    assert isinstance(driver, RawTikvDriver)
    return driver


def using(driver: RawTikvDriver, work: Callable[[RawTikvDriver], Awaitable[None]]) -> None:
    async def all_of_it() -> None:
        await driver.open()
        try:
            await work(driver)
        finally:
            await driver.close()

    asyncio.run(all_of_it())


def rows(*keys: str) -> list[Operation]:
    return [Operation(0, OpKind.INSERT, key.encode(), values=ROW) for key in keys]


def seconds_left(cluster: MiniCluster, *keys: str) -> list[int | None]:
    with tikv.RawClient(cluster.endpoints) as client:
        return [client.ttl(f"{TABLE}:{key}".encode()) for key in keys]


def test_all_that_is_written_has_its_time_to_live(cluster: MiniCluster) -> None:
    async def work(driver: RawTikvDriver) -> None:
        assert (await driver.insert(TABLE, b"ttl1", ROW)).outcome is Outcome.OK
        assert {one.outcome for one in await driver.batch_insert(TABLE, rows("ttl2", "ttl3"))} == {Outcome.OK}
        assert (await driver.update(TABLE, b"ttl3", {"field0": b"new"})).outcome is Outcome.OK

    using(made("tikv-python", cluster, tikv_ttl=600), work)
    assert all(one is not None and 0 < one <= 600 for one in seconds_left(cluster, "ttl1", "ttl2", "ttl3"))


def test_without_one_nothing_disappears(cluster: MiniCluster) -> None:
    async def work(driver: RawTikvDriver) -> None:
        assert (await driver.insert(TABLE, b"ever", ROW)).outcome is Outcome.OK

    using(made("tikv-python", cluster), work)
    assert seconds_left(cluster, "ever") == [None]


def test_a_cluster_without_time_to_live_refuses_it_for_what_it_is() -> None:
    async def work(driver: RawTikvDriver) -> None:
        alone = await driver.insert(TABLE, b"k", ROW)
        [first, second] = await driver.batch_insert(TABLE, rows("k1", "k9"))
        assert (alone.outcome, alone.error) == (Outcome.FAILED, "ttl_not_enabled")
        assert first == second
        assert (first.outcome, first.error) == (Outcome.FAILED, "ttl_not_enabled")

    with MiniCluster(stores=1, ttl=False) as cluster:
        using(made("tikv-python", cluster, tikv_ttl=60), work)


def test_a_column_family_is_apart_from_the_default_one(cluster: MiniCluster) -> None:
    async def work(driver: RawTikvDriver) -> None:
        assert (await driver.insert(TABLE, b"cf1", ROW)).outcome is Outcome.OK
        assert {one.outcome for one in await driver.batch_insert(TABLE, rows("cf2", "cf7"))} == {Outcome.OK}
        assert (await driver.update(TABLE, b"cf1", {"field0": b"new"})).outcome is Outcome.OK
        assert (await driver.read(TABLE, b"cf1", None)).row == {**ROW, "field0": b"new"}
        found = await driver.batch_read(TABLE, rows("cf2", "cf7", "cf8"))
        assert [one.outcome for one in found] == [Outcome.OK, Outcome.OK, Outcome.NOT_FOUND]
        assert [one.outcome for one in await driver.batch_delete(TABLE, rows("cf2"))] == [Outcome.OK]
        assert (await driver.delete(TABLE, b"cf1")).outcome is Outcome.OK
        assert (await driver.read(TABLE, b"cf2", None)).outcome is Outcome.NOT_FOUND

    using(made("tikv-client", cluster, tikv_cf="lock"), work)
    with tikv.RawClient(cluster.endpoints) as client:
        assert client.get(b"options:cf7") is None


@pytest.mark.parametrize("name", DRIVERS)
def test_a_cluster_of_v1ttl_is_spoken_to_as_one_of_v1(cluster: MiniCluster, name: str) -> None:
    async def work(driver: RawTikvDriver) -> None:
        assert (await driver.insert(TABLE, b"v1ttl", ROW)).outcome is Outcome.OK
        assert (await driver.read(TABLE, b"v1ttl", None)).row == ROW

    using(made(name, cluster, tikv_apiversion="V1TTL"), work)


@pytest.mark.parametrize(
    ("name", "properties", "line"),
    [
        ("tikv-client", {"tikv_ttl": 5}, "tikv.ttl: tikv-client has no time to live; write tikv.driver=tikv-python"),
        ("tikv-python", {"tikv_cf": "lock"},
         "tikv.cf: tikv-python has no column families; write tikv.driver=tikv-client"),
        ("tikv-client", {"tikv_apiversion": "V2"},
         "tikv.apiversion: tikv-client speaks only V1 and V1TTL; write tikv.apiversion=V1 or tikv.driver=native"),
        ("tikv-client", {"tikv_cf": "lock", "scanproportion": 0.1},
         "tikv.cf: tikv-client's scans may lose rows there; write scanproportion=0"),
    ],
)  # fmt: skip
def test_what_a_driver_cannot_do_is_refused(
    cluster: MiniCluster, name: str, properties: dict[str, Any], line: str
) -> None:
    with pytest.raises(NotSupportedError) as caught:
        made(name, cluster, **properties)
    assert str(caught.value) == line


def test_what_the_engine_cannot_do_goes_to_another_driver() -> None:
    batches = choose_driver("tikv", make_config({"batch.size": 10}))
    again = choose_driver("tikv", make_config({"core_workload_insertion_retry_limit": 2}))
    assert (batches.name, again.name != "native") == ("native", True)
    assert again.reason.startswith("native: its engine does not try inserts again that went wrong")


@pytest.mark.parametrize("name", DRIVERS)
def test_a_load_in_batches_is_complete(cluster: MiniCluster, name: str) -> None:
    """Across Regions, with a last batch that is not full; another client counts the rows."""
    if name == "tikv-client":
        pytest.importorskip("tikv_client", reason="its wheels are for CPython 3.11")
    table = f"batches-{name}"
    arguments = ["-p", f"tikv.pd={cluster.pd_address}", "-p", f"tikv.driver={name}", "--table", table]
    arguments += ["-p", "recordcount=100", "-p", "batch.size=7", "--threads", "4", "-p", "dataintegrity=true"]
    loaded = CliRunner().invoke(app, ["load", "-P", "workloada", *arguments])
    assert loaded.exit_code == 0, loaded.output
    assert "Operations: 15 planned = 15 ok" in loaded.stdout
    assert "BATCH_INSERT - Takes(s): " in loaded.stdout
    with tikv.RawClient(cluster.endpoints) as client:
        assert sum(1 for _ in client.scan(prefix=f"{table}:".encode())) == 100
    ran = CliRunner().invoke(app, ["run", "-P", "workloadb", *arguments, "-p", "operationcount=500"])
    assert ran.exit_code == 0, ran.output
    assert "Operations: 72 planned = 72 ok" in ran.stdout
    assert "Batches: each operation is one call for up to 7 records" in ran.stdout
