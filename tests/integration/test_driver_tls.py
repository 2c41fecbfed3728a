"""TLS: ``native`` and ``tikv-python`` speak it, with and without a certificate of their own; what is wrong with
certificates is one line."""

from __future__ import annotations

import asyncio
import re
import sys
from typing import TYPE_CHECKING, Any

import grpc
import pytest
from scripted_cluster import ScriptedCluster, run

from ycsbpy._native.generators import DOMAIN_LOAD, DOMAIN_RUN, encode_row
from ycsbpy.clock import SystemClock
from ycsbpy.config import make_config
from ycsbpy.drivers import tikv_raw
from ycsbpy.drivers.registry import choose_driver
from ycsbpy.drivers.tikv_raw import RawTikvDriver
from ycsbpy.errors import ClusterError, NotSupportedError
from ycsbpy.measure.summary import Accounting
from ycsbpy.ops import OpKind, Outcome
from ycsbpy.runner.phases import run_phase
from ycsbpy.runner.plan import PhasePlan
from ycsbpy.workload.base import Phase
from ycsbpy.workload.core import CoreWorkload

if sys.platform == "linux":
    from enginekit import run_engine, source_of

    from ycsbpy._native.engine import HAS_TLS
else:
    HAS_TLS = False

if TYPE_CHECKING:
    from pathlib import Path

    from enginekit import Ended


def secured(certificates: Path, *, mutual: bool, pd_is: str = "server", stores_are: str = "server") -> ScriptedCluster:
    def read(name: str) -> bytes:
        return (certificates / f"{name}.pem").read_bytes()

    def credentials(name: str) -> grpc.ServerCredentials:
        pair = [(read(f"{name}-key"), read(name))]
        return grpc.ssl_server_credentials(pair, read("ca") if mutual else None, mutual)

    return ScriptedCluster(tls=credentials(pd_is), store_tls=credentials(stores_are))


DRIVERS = [
    pytest.param("native", marks=pytest.mark.skipif(not HAS_TLS, reason="the engine was built without OpenSSL")),
    "tikv-python",
]


async def used(cluster: ScriptedCluster, name: str = "tikv-python", **properties: Any) -> None:
    """Single calls, and a phase, which with ``native`` is the engine's."""
    values = {"recordcount": 50, "fieldcount": 1, "fieldlength": 8, "tikv.pd": cluster.pd, "tikv.driver": name}
    config = make_config({**values, **{f"tikv.{name}": value for name, value in properties.items()}})
    driver = choose_driver("tikv", config).driver_class.from_config(config)
    assert isinstance(driver, RawTikvDriver)
    clock = SystemClock()
    try:
        await driver.open()
        assert (await driver.insert("usertable", b"user1", {"field0": b"v"})).outcome is Outcome.OK
        assert (await driver.read("usertable", b"user1", None)).row == {"field0": b"v"}
        plan = PhasePlan(phase=Phase.LOAD, count=50, clients=4)
        summary = await run_phase(plan, CoreWorkload.from_config(config, 7), driver, clock)
        assert summary.accounting == Accounting(planned=50, ok=50)
        assert len(cluster.data) == 51
    finally:
        clock.close()
        await driver.close()


@pytest.mark.parametrize("name", DRIVERS)
def test_the_cluster_is_checked(certificates: Path, name: str) -> None:
    async def test() -> None:
        async with secured(certificates, mutual=False) as cluster:
            await used(cluster, name, ca=certificates / "ca.pem")

    run(test())


@pytest.mark.parametrize("name", DRIVERS)
def test_both_sides_are_checked(certificates: Path, name: str) -> None:
    async def test() -> None:
        async with secured(certificates, mutual=True) as cluster:
            own = {"cert": certificates / "client.pem", "key": certificates / "client-key.pem"}
            await used(cluster, name, ca=certificates / "ca.pem", conncount=3, **own)

    run(test())


async def refused(cluster: ScriptedCluster, name: str, **properties: Any) -> str:
    with pytest.raises(ClusterError) as caught:
        await used(cluster, name, timeout=1.5, **properties)
    assert len(str(caught.value).splitlines()) == 1
    return str(caught.value)


NOT_ACCEPTED = r"its certificate is not accepted: (unable to get local issuer|self[ -]signed) certificate.*"
ENDED = "it ended the connection, as it does where it does not accept the client's certificate or wants one"
FAULTS = {
    "another authority": ("server", {"ca": "other-ca"}, NOT_ACCEPTED),
    "expired": ("expired", {"ca": "ca"}, "its certificate is not accepted: certificate has expired"),
    "another address": ("elsewhere", {"ca": "ca"}, "its certificate is for another name or address"),
    "no certificate of the client": ("server", {"ca": "ca"}, ENDED),
    "a client of another authority": ("server", {"ca": "ca", "cert": "other-server", "key": "other-server-key"}, ENDED),
    "an expired client": ("server", {"ca": "ca", "cert": "expired", "key": "expired-key"}, ENDED),
    "no TLS on this side": ("server", {}, r"it ended the connection: does it want TLS \(tikv\.ca, --ca\)\?"),
    "no TLS on that side": ("", {"ca": "ca"}, "it does not speak TLS"),
}
"""The server's certificate, and what the client is given; the client is asked for a certificate."""


@pytest.mark.parametrize("name", DRIVERS)
@pytest.mark.parametrize("fault", FAULTS)
def test_a_pd_that_cannot_be_used_is_one_line_that_says_why(certificates: Path, name: str, fault: str) -> None:
    server, files, words = FAULTS[fault]

    async def test() -> None:
        made = secured(certificates, mutual=True, pd_is=server) if server else ScriptedCluster()
        async with made as cluster:
            line = await refused(cluster, name, **{each: certificates / f"{file}.pem" for each, file in files.items()})
            assert re.fullmatch(rf"no PD answers at {cluster.pd}: ({cluster.pd}: )?{words}", line), line

    run(test())


@pytest.mark.parametrize("name", DRIVERS)
@pytest.mark.parametrize(
    ("server", "words"),
    [
        ("other-server", NOT_ACCEPTED),
        ("expired", "its certificate is not accepted: certificate has expired"),
        ("elsewhere", "its certificate is for another name or address"),
    ],
)
def test_a_store_that_cannot_be_used_is_one_line_that_says_why(
    certificates: Path, name: str, server: str, words: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tikv_raw, "OPEN_SECONDS", 3.0)

    async def test() -> None:
        async with secured(certificates, mutual=False, stores_are=server) as cluster:
            line = await refused(cluster, name, ca=certificates / "ca.pem")
            start = f"PD at {cluster.pd} answers, but a TiKV store cannot be reached: "
            assert re.fullmatch(rf"{start}127\.0\.0\.1:\d+: {words}", line), line

    run(test())


def test_a_build_without_tls_says_so(certificates: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ycsbpy.drivers.tikv_native._has_tls", lambda: False)
    config = make_config({"tikv.pd": "127.0.0.1:1", "tikv.driver": "native", "tikv.ca": certificates / "ca.pem"})
    with pytest.raises(NotSupportedError, match=r"^tikv\.ca: native was built without OpenSSL"):
        choose_driver("tikv", config).driver_class.from_config(config)


needs_tls = pytest.mark.skipif(not HAS_TLS, reason="the engine was built without OpenSSL")


def pem(folder: Path, *names: str) -> tuple[bytes, bytes, bytes]:
    ca, cert, key = ((folder / f"{name}.pem").read_bytes() if name else b"" for name in (*names, "", "")[:3])
    return ca, cert, key


async def load(
    cluster: ScriptedCluster, certificates: Path, tls: tuple[bytes, bytes, bytes], **properties: Any
) -> Ended:
    """A load by the engine alone, whose way to PD is sound."""
    asking = {"tikv.ca": certificates / "ca.pem", **properties}
    source = source_of(insertproportion=1)
    return await asyncio.to_thread(run_engine, cluster.pd, source, asking, tls=tls, timeout_ns=400_000_000, count=4)


@needs_tls
@pytest.mark.parametrize("server", ["other-server", "elsewhere"])
def test_the_engine_sends_nothing_to_a_store_that_is_not_who_it_says(certificates: Path, server: str) -> None:
    """A certificate of another authority, and one of the right authority for another address: PD's is sound."""

    async def test() -> None:
        async with secured(certificates, mutual=False, stores_are=server) as cluster:
            ended = await load(cluster, certificates, pem(certificates, "ca"))
            assert ended.counts == {(OpKind.INSERT, Outcome.FAILED): 4}
            assert cluster.requests == []
            assert set(ended.attempts) == {"tls_failed"}
            assert all("certificate" in example for *_, example in ended.errors)

    run(test())


@needs_tls
def test_the_engine_without_the_certificate_that_is_asked_for(certificates: Path) -> None:
    """With TLS 1.3 the client believes for a moment that all is well, so nothing is said about what it sent."""

    async def test() -> None:
        async with secured(certificates, mutual=True) as cluster:
            own = {"tikv.cert": certificates / "client.pem", "tikv.key": certificates / "client-key.pem"}
            ended = await load(cluster, certificates, pem(certificates, "ca"), **own)
            assert sum(ended.counts.values()) == 4
            assert ended.counts[OpKind.INSERT, Outcome.OK] == 0
            assert cluster.requests == []
            assert cluster.data == {}

    run(test())


@needs_tls
@pytest.mark.parametrize(
    ("names", "words"),
    [
        (("client-key",), "tikv.ca holds no certificate"),
        (("ca", "client", "server-key"), "tikv.key"),
        (("ca", "ca-key", "ca-key"), "tikv.cert"),
    ],
)
def test_files_that_do_not_go_together_are_one_line(certificates: Path, names: tuple[str, ...], words: str) -> None:
    with pytest.raises(RuntimeError) as caught:
        run_engine("127.0.0.1:1", source_of(insertproportion=1), tls=pem(certificates, *names))
    assert str(caught.value).startswith("TLS: ")
    assert words in str(caught.value)
    assert len(str(caught.value).splitlines()) == 1


@needs_tls
def test_a_store_that_speaks_no_tls(certificates: Path) -> None:
    async def test() -> None:
        async with ScriptedCluster() as cluster:
            source = source_of(insertproportion=1)
            tls = pem(certificates, "ca")
            ended = await asyncio.to_thread(run_engine, cluster.pd, source, tls=tls, timeout_ns=400_000_000, count=4)
            assert ended.counts == {(OpKind.INSERT, Outcome.FAILED): 4}
            assert set(ended.attempts) == {"tls_failed"}

    run(test())


@needs_tls
def test_large_rows_and_many_clients_over_tls(certificates: Path) -> None:
    """Messages of many records of TLS both ways, more than a socket takes at once, and connections that are cut."""

    async def test() -> None:
        async with secured(certificates, mutual=False) as cluster:
            for _ in range(3):
                cluster.inject("RawPut", cut=True)
            asking = {"tikv.ca": certificates / "ca.pem"}
            values = {"fieldlength": 60_000, "fieldcount": 2, "recordcount": 200}
            arguments: dict[str, Any] = {"tls": pem(certificates, "ca"), "clients": 32, "threads": 2, "connections": 4}
            arguments |= {"repeats_writes": True, "timeout_ns": 20_000_000_000, "count": 200}
            loading = source_of(insertproportion=1, **values)
            ended = await asyncio.to_thread(run_engine, cluster.pd, loading, asking, **arguments)
            assert ended.counts == {(OpKind.INSERT, Outcome.OK): 200}
            checked = source_of(readproportion=1, dataintegrity=True, **values)
            rows = {}
            for number in range(200):
                operation = checked.draw(DOMAIN_LOAD, number)
                assert operation.values is not None
                rows[b"usertable:" + operation.key] = encode_row(operation.values, {"field0": 0, "field1": 1})
            cluster.data = rows
            arguments |= {"domain": DOMAIN_RUN, "count": 400}
            ended = await asyncio.to_thread(run_engine, cluster.pd, checked, asking, **arguments)
            assert ended.counts == {(OpKind.READ, Outcome.OK): 400}

    run(test())
