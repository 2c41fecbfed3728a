"""What the TiKV drivers share, over a library made of a dictionary: update, rows that are none, opening, refusals."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, ClassVar

import pytest

from ycsbpy.config import TikvSettings, load_config, make_config
from ycsbpy.drivers.tikv_errors import LOST_ATTEMPT, Failure, Proof, failed
from ycsbpy.drivers.tikv_native import TikvNativeDriver
from ycsbpy.drivers.tikv_python import TikvPythonDriver
from ycsbpy.drivers.tikv_raw import OPEN_SECONDS, Pair, RawTikvDriver
from ycsbpy.errors import ClusterError, NotSupportedError, PropertyError
from ycsbpy.ops import Outcome, Result
from ycsbpy.testing import VirtualClock

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

FIELDS = ["field0", "field1"]
SETTINGS = TikvSettings(("pd:1",), "auto", "raw", "V1", 1, 20.0)


class LibraryError(Exception):
    def __init__(self, failure: Failure) -> None:
        super().__init__(failure.name)
        self.failure = failure


class DictionaryDriver(RawTikvDriver):
    """``fails`` says which of the library's calls raises what."""

    name: ClassVar[str] = "dictionary"
    package: ClassVar[str] = "pytest"

    def __init__(self, fails: Mapping[str, Failure] | None = None, clock: VirtualClock | None = None) -> None:
        super().__init__(SETTINGS, FIELDS, "t", clock or VirtualClock())
        self.data: dict[bytes, bytes] = {}
        self.fails = dict(fails or {})
        self.calls: list[str] = []
        self.connected = False

    def _called(self, name: str) -> None:
        self.calls.append(name)
        if name in self.fails:
            raise LibraryError(self.fails[name])

    async def _connect(self, key: bytes) -> None:
        self.connected = True
        self._called("connect")

    async def _disconnect(self) -> None:
        self.connected = False

    async def _get(self, key: bytes, deadline: float) -> bytes | None:
        self._called("get")
        return self.data.get(key)

    async def _scan(self, start: bytes, end: bytes, count: int, deadline: float) -> Sequence[Pair]:
        self._called("scan")
        return sorted(pair for pair in self.data.items() if start <= pair[0] < end)[:count]

    async def _put(self, key: bytes, value: bytes, deadline: float) -> Result:
        self.calls.append("put")
        if "put" in self.fails:
            return failed([self.fails["put"]], write=True)
        self.data[key] = value
        return Result(Outcome.OK)

    async def _delete(self, key: bytes, deadline: float) -> Result:
        self.data.pop(key, None)
        return Result(Outcome.OK)

    def _failure(self, error: Exception) -> Failure:
        return error.failure if isinstance(error, LibraryError) else Failure("bug", Proof.NOTHING, str(error))


def test_an_update_whose_read_failed_failed_and_wrote_nothing() -> None:
    """However little the error proves: no write was sent. go-ycsb's binding calls this a success."""
    driver = DictionaryDriver({"get": LOST_ATTEMPT})
    driver.data[b"t:k"] = b"\0"
    result = asyncio.run(driver.update("t", b"k", {"field0": b"new"}))
    assert (result.outcome, result.error) == (Outcome.FAILED, "lost")
    assert driver.calls == ["get"]
    assert driver.data == {b"t:k": b"\0"}


def test_an_update_of_a_missing_row_makes_none() -> None:
    driver = DictionaryDriver()
    assert asyncio.run(driver.update("t", b"k", {"field0": b"new"})) == Result(Outcome.NOT_FOUND)
    assert (driver.calls, driver.data) == (["get"], {})


def test_an_update_whose_write_was_lost_is_unknown() -> None:
    driver = DictionaryDriver({"put": LOST_ATTEMPT})
    driver.data[b"t:k"] = b"\0"
    assert asyncio.run(driver.update("t", b"k", {"field0": b"new"})).outcome is Outcome.UNKNOWN


def test_a_row_that_is_none_fails_what_would_read_it() -> None:
    driver = DictionaryDriver()
    driver.data[b"t:k"] = b"not a row"
    results = [
        asyncio.run(driver.read("t", b"k", None)),
        asyncio.run(driver.update("t", b"k", {"field0": b"new"})),
        asyncio.run(driver.scan("t", b"", 10, None)),
        asyncio.run(driver.read_modify_write("t", b"k", None, {"field0": b"new"})),
    ]
    assert {(result.outcome, result.error) for result in results} == {(Outcome.FAILED, "bad_row")}
    assert all("byte 0" in result.detail for result in results)
    assert driver.data == {b"t:k": b"not a row"}


def test_reads_and_scans_that_fail_are_failed() -> None:
    driver = DictionaryDriver({"get": LOST_ATTEMPT, "scan": Failure("server_is_busy", Proof.ATTEMPT_DEAD, "why")})
    assert asyncio.run(driver.read("t", b"k", None)).outcome is Outcome.FAILED
    assert asyncio.run(driver.scan("t", b"k", 1, None)) == Result(Outcome.FAILED, error="server_is_busy", detail="why")


@pytest.mark.parametrize(
    ("failure", "line"),
    [
        (Failure("pd_unreachable", Proof.ATTEMPT_DEAD), "no PD answers at pd:1"),
        (
            Failure("not_bootstrapped", Proof.ATTEMPT_DEAD),
            "the cluster of PD pd:1 is not bootstrapped: no TiKV store has joined it yet",
        ),
        (
            Failure("grpc_unauthenticated", Proof.ATTEMPT_DEAD, "bad\n  token"),
            "the cluster of PD pd:1 cannot be used: grpc_unauthenticated: bad token",
        ),
    ],
)
def test_a_cluster_that_cannot_be_used_is_one_line(failure: Failure, line: str) -> None:
    driver = DictionaryDriver({"connect": failure})
    with pytest.raises(ClusterError) as caught:
        asyncio.run(driver.open())
    assert str(caught.value) == line
    assert driver.calls == ["connect"]
    assert not driver.connected
    asyncio.run(driver.close())


def test_a_long_detail_is_cut() -> None:
    driver = DictionaryDriver({"connect": Failure("pd_unreachable", Proof.ATTEMPT_DEAD, "very " * 200)})
    with pytest.raises(ClusterError) as caught:
        asyncio.run(driver.open())
    assert len(str(caught.value)) < 250


def test_opening_is_tried_again_while_the_cluster_may_still_come_up(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = VirtualClock()
    driver = DictionaryDriver({"connect": Failure("no_leader", Proof.ATTEMPT_DEAD)}, clock)

    async def pause(_: float) -> None:
        clock.advance(1_000_000_000)
        if len(driver.calls) == 3:
            driver.fails.clear()

    monkeypatch.setattr(asyncio, "sleep", pause)
    asyncio.run(driver.open())
    assert driver.calls == ["connect"] * 4
    assert driver.connected


def test_opening_gives_up_in_time(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = VirtualClock()
    driver = DictionaryDriver({"connect": Failure("no_leader", Proof.ATTEMPT_DEAD)}, clock)

    async def pause(_: float) -> None:
        clock.advance(1_000_000_000)

    monkeypatch.setattr(asyncio, "sleep", pause)
    with pytest.raises(ClusterError, match="cannot be used: no_leader"):
        asyncio.run(driver.open())
    assert len(driver.calls) <= OPEN_SECONDS


def test_what_cannot_be_honoured_is_refused() -> None:
    assert DictionaryDriver.refusals(SETTINGS) == {}
    refused = DictionaryDriver.refusals(TikvSettings(("pd:1",), "auto", "txn", "V2", 1, 20.0))
    assert set(refused) == {"tikv.type", "tikv.apiversion"}
    elsewhere = TikvSettings(("pd:1",), "auto", "raw", "V1", 1, 20.0, keyspace="mine")
    assert set(DictionaryDriver.refusals(elsewhere)) == {"tikv.keyspace"}
    assert TikvNativeDriver.refusals(TikvSettings(("pd:1",), "auto", "raw", "V2", 1, 20.0, keyspace="mine")) == {}
    with pytest.raises(NotSupportedError):
        DictionaryDriver.from_config(make_config({"tikv.pd": "pd:1", "tikv.type": "txn"}))


def test_properties_that_are_missing_or_wrong() -> None:
    with pytest.raises(PropertyError, match=r"tikv\.pd: is not set"):
        DictionaryDriver.from_config(make_config())
    with pytest.raises(PropertyError, match=r'^-p: table: "a:b" holds a colon'):
        TikvPythonDriver.from_config(load_config((), ("tikv.pd=pd:1", "table=a:b")))


def test_it_says_what_it_is() -> None:
    facts = DictionaryDriver().describe()
    assert facts["client"].startswith("pytest ")
    assert (facts["pd"], facts["connections per store"]) == ("pd:1", "1")
