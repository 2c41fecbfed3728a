"""Every driver keeps the contract; on TiKV, two libraries that know nothing of each other read what both have
written.

The TiKV drivers run against the mini-cluster, on the event loop that the runner uses, and with Regions cut so that
the tables of the suite lie in several of them.
"""

from __future__ import annotations

import asyncio
import sys
import uuid
from typing import TYPE_CHECKING

import pytest
import tikv
import uvloop

from ycsbpy.config import make_config
from ycsbpy.drivers.base import Driver
from ycsbpy.drivers.memory import MemoryDriver, MemoryTables
from ycsbpy.drivers.registry import driver_class
from ycsbpy.minicluster import MiniCluster
from ycsbpy.ops import Outcome
from ycsbpy.testing.driver_contract import DriverContract, Session

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

SPLIT_KEYS = [b"contract%x" % digit for digit in range(2, 16, 4)] + [b"usertable:user5"]


@pytest.fixture(scope="module")
def cluster() -> Iterator[MiniCluster]:
    with MiniCluster(stores=1, split_keys=SPLIT_KEYS) as cluster:
        yield cluster


def made(name: str, pd: str, fields: int, **properties: object) -> Driver:
    if name == "tikv-client":
        pytest.importorskip("tikv_client", reason="its wheels are for CPython 3.11")
    values = {"tikv.pd": pd, "fieldcount": fields}
    values.update({key.replace("_", "."): value for key, value in properties.items()})
    driver = driver_class(name).from_config(make_config(values))
    assert isinstance(driver, Driver)
    return driver


class TestMemory(DriverContract):
    loop_factory = uvloop.new_event_loop

    @pytest.fixture
    def driver(self) -> Driver:
        return MemoryDriver(MemoryTables(self.fields))


class TikvContract(DriverContract):
    """What the TiKV drivers have to show beyond the contract: table names that are near to each other in TiKV's
    order."""

    tikv_driver: str
    connections = 1
    loop_factory = uvloop.new_event_loop

    @pytest.fixture
    def driver(self, cluster: MiniCluster) -> Driver:
        return made(self.tikv_driver, cluster.pd_address, len(self.fields), tikv_conncount=self.connections)

    @pytest.fixture
    def unreachable_driver(self) -> Driver:
        return made(self.tikv_driver, "127.0.0.1:1", len(self.fields), tikv_timeout=0.5)

    @pytest.fixture
    def neighbours(self, table: str) -> Sequence[str]:
        return [f"{table}0", f"{table}z", table[:-1], f"{table};", f"{table}/", f"{table}\x00", f"{table}\uffff"]


class TestTikvClient(TikvContract):
    tikv_driver = "tikv-client"


class TestTikvClientOnFourConnections(TikvContract):
    tikv_driver = "tikv-client"
    connections = 4


@pytest.mark.skipif(sys.platform != "linux", reason="the native driver is for Linux")
class TestNative(TikvContract):
    """Its single calls; the phases of its engine have tests of their own."""

    tikv_driver = "native"


class TestTikvPython(TikvContract):
    tikv_driver = "tikv-python"


class TestTikvPythonOnFourConnections(TikvContract):
    tikv_driver = "tikv-python"
    connections = 4


@pytest.fixture
def table() -> str:
    return f"table{uuid.uuid4().hex}"


@pytest.mark.parametrize("name", ["tikv-client", "tikv-python"])
def test_a_client_used_directly_reads_the_bytes_of_go_ycsb(cluster: MiniCluster, table: str, name: str) -> None:
    with Session(made(name, cluster.pd_address, 2), uvloop.new_event_loop) as session:
        session.insert(table, b"user1", {"field1": b"\xff", "field0": b"ab"})
        session.insert(table, b"user2", {})
    with tikv.RawClient(cluster.endpoints) as client:
        found = dict(client.scan(prefix=f"{table}:".encode()))
    assert found == {
        f"{table}:user1".encode(): b"\x08\x00\x02\x04ab" + b"\x08\x02\x02\x02\xff",
        f"{table}:user2".encode(): b"\x00",
    }


@pytest.mark.parametrize("name", ["tikv-client", "tikv-python"])
def test_rows_that_another_tool_wrote_are_read_and_updated(cluster: MiniCluster, table: str, name: str) -> None:
    """Columns in another order, and one that this run does not know: it is kept."""
    key = f"{table}:user1".encode()
    with tikv.RawClient(cluster.endpoints) as client:
        client.put(key, b"\x08\x02\x02\x02b" + b"\x08\x0e\x02\x02h" + b"\x08\x00\x02\x02a")
        with Session(made(name, cluster.pd_address, 2), uvloop.new_event_loop) as session:
            row = session.read(table, b"user1").row or {}
            assert list(row.items()) == [("field0", b"a"), ("field1", b"b")]
            assert session.update(table, b"user1", {"field0": b"new"}).outcome is Outcome.OK
        assert client.get(key) == b"\x08\x00\x02\x06new" + b"\x08\x02\x02\x02b" + b"\x08\x0e\x02\x02h"


def test_the_drivers_read_each_others_rows(cluster: MiniCluster, table: str) -> None:
    record = {f"field{number}": bytes([number]) * 100 for number in range(10)}

    async def there_and_back() -> None:
        drivers = [made(name, cluster.pd_address, 10) for name in ("tikv-client", "tikv-python")]
        for driver in drivers:
            await driver.open()
        for number, (writer, reader) in enumerate([drivers, drivers[::-1]]):
            key = b"user%d" % number
            assert (await writer.insert(table, key, record)).outcome is Outcome.OK
            assert (await reader.read(table, key, None)).row == record
            assert (await reader.update(table, key, {"field9": b""})).outcome is Outcome.OK
            assert (await writer.read(table, key, ["field9"])).row == {"field9": b""}
            assert (await writer.delete(table, key)).outcome is Outcome.OK
            assert (await reader.read(table, key, None)).outcome is Outcome.NOT_FOUND
        for driver in drivers:
            await driver.close()

    asyncio.run(there_and_back())
