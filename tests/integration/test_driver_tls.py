"""TLS: ``tikv-python`` speaks it, with and without a certificate of its own; what is wrong with certificates is one
line."""

from __future__ import annotations

import asyncio
import shutil
import subprocess
from typing import TYPE_CHECKING, Any

import grpc
import pytest
from scripted_cluster import ScriptedCluster

from ycsbpy.config import make_config
from ycsbpy.drivers.registry import choose_driver
from ycsbpy.drivers.tikv_python import TikvPythonDriver
from ycsbpy.errors import ClusterError
from ycsbpy.ops import Outcome

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.skipif(shutil.which("openssl") is None, reason="openssl makes the certificates")

SERVER = "[server]\nsubjectAltName = IP:127.0.0.1\n"


def openssl(*arguments: object) -> None:
    subprocess.run(["openssl", *map(str, arguments)], check=True, capture_output=True)


@pytest.fixture(scope="module")
def certificates(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """``ca``, ``other-ca``, ``server`` and ``client``, each as NAME.pem and NAME-key.pem; the last two signed by
    ``ca``."""
    folder = tmp_path_factory.mktemp("certificates")
    (folder / "extensions").write_text(SERVER)
    key = ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes")
    for name in ("ca", "other-ca"):
        files = ("-keyout", folder / f"{name}-key.pem", "-out", folder / f"{name}.pem")
        openssl("req", "-x509", *key, *files, "-days", 30, "-subj", f"/CN={name}")
    for name in ("server", "client"):
        files = ("-keyout", folder / f"{name}-key.pem", "-out", folder / f"{name}.csr")
        openssl("req", *key, *files, "-subj", f"/CN={name}")
        openssl(
            *("x509", "-req", "-in", folder / f"{name}.csr", "-out", folder / f"{name}.pem", "-days", 30),
            *("-CA", folder / "ca.pem", "-CAkey", folder / "ca-key.pem", "-set_serial", len(name)),
            *("-extfile", folder / "extensions", "-extensions", "server"),
        )
    return folder


def secured(certificates: Path, *, mutual: bool) -> ScriptedCluster:
    def read(name: str) -> bytes:
        return (certificates / f"{name}.pem").read_bytes()

    pair = [(read("server-key"), read("server"))]
    return ScriptedCluster(tls=grpc.ssl_server_credentials(pair, read("ca") if mutual else None, mutual))


async def used(cluster: ScriptedCluster, **properties: Any) -> None:
    config = make_config({"tikv.pd": cluster.pd, **{f"tikv.{name}": value for name, value in properties.items()}})
    choice = choose_driver("tikv", config)
    assert choice.driver_class is TikvPythonDriver
    driver = TikvPythonDriver.from_config(config)
    try:
        await driver.open()
        assert (await driver.insert("usertable", b"user1", {"field0": b"v"})).outcome is Outcome.OK
        assert (await driver.read("usertable", b"user1", None)).row == {"field0": b"v"}
    finally:
        await driver.close()


def test_the_cluster_is_checked(certificates: Path) -> None:
    async def test() -> None:
        async with secured(certificates, mutual=False) as cluster:
            await used(cluster, ca=certificates / "ca.pem")

    asyncio.run(test())


def test_both_sides_are_checked(certificates: Path) -> None:
    async def test() -> None:
        async with secured(certificates, mutual=True) as cluster:
            own = {"cert": certificates / "client.pem", "key": certificates / "client-key.pem"}
            await used(cluster, ca=certificates / "ca.pem", conncount=3, **own)

    asyncio.run(test())


@pytest.mark.parametrize("authority", ["other-ca.pem", "extensions"])
def test_an_authority_that_did_not_sign_is_one_line(certificates: Path, authority: str) -> None:
    async def test() -> None:
        async with secured(certificates, mutual=False) as cluster:
            with pytest.raises(ClusterError) as caught:
                await used(cluster, ca=certificates / authority, timeout=0.5)
            assert str(caught.value).startswith(f"no PD answers at {cluster.pd}")
            assert len(str(caught.value).splitlines()) == 1

    asyncio.run(test())
