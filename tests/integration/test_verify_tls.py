"""``ycsbpy verify`` and PD's HTTP interface behind TLS: a mini-cluster's PD with a proxy before it that ends TLS."""

from __future__ import annotations

import asyncio
import contextlib
import json
import re
import ssl
from typing import TYPE_CHECKING

import pytest
from click.testing import CliRunner

from ycsbpy.cli.app import app
from ycsbpy.cluster.locate import TlsFiles
from ycsbpy.cluster.pdhttp import PdHttp
from ycsbpy.errors import ClusterError, UsageError

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from click.testing import Result

    from ycsbpy.minicluster import MiniCluster


@contextlib.asynccontextmanager
async def behind_tls(cluster: MiniCluster, certificates: Path, *, mutual: bool = False) -> AsyncIterator[str]:
    """PD's address with TLS. gRPC and HTTP share the port there, as they do without."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificates / "server.pem", certificates / "server-key.pem")
    context.set_alpn_protocols(["h2", "http/1.1"])
    if mutual:
        context.load_verify_locations(certificates / "ca.pem")
        context.verify_mode = ssl.CERT_REQUIRED
    host, _, port = cluster.pd_address.rpartition(":")
    tasks: set[asyncio.Task[None]] = set()

    async def pump(source: asyncio.StreamReader, sink: asyncio.StreamWriter) -> None:
        with contextlib.suppress(OSError):
            while data := await source.read(65536):
                sink.write(data)
                await sink.drain()
        sink.close()

    async def accept(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        back_reader, back_writer = await asyncio.open_connection(host, int(port))
        for source, sink in ((reader, back_writer), (back_reader, writer)):
            task = asyncio.create_task(pump(source, sink))
            tasks.add(task)
            task.add_done_callback(tasks.discard)

    asyncio.get_running_loop().set_exception_handler(lambda *_: None)  # of handshakes that are meant to fail
    server = await asyncio.start_server(accept, "127.0.0.1", 0, ssl=context)
    try:
        yield f"127.0.0.1:{server.sockets[0].getsockname()[1]}"
    finally:
        server.close()
        for task in list(tasks):
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


def run_cli(*arguments: str) -> Result:
    return CliRunner().invoke(app, list(arguments))


def test_pd_is_asked_behind_tls(cluster: MiniCluster, certificates: Path) -> None:
    async def test() -> None:
        async with behind_tls(cluster, certificates) as pd:
            ca = str(certificates / "ca.pem")
            done = await asyncio.to_thread(run_cli, "top", "--pd", pd, "--ca", ca, "--json")
            assert done.exit_code == 0, done.output
            assert len(json.loads(done.output)["stores"]) == 1
            done = await asyncio.to_thread(run_cli, "verify", "replication", "--pd", pd, "--ca", ca, "--json")
            assert json.loads(done.stdout)["check"] == "replication", done.output
            done = await asyncio.to_thread(run_cli, "doctor", "--pd", pd, "--ca", ca)
            assert done.exit_code == 0, done.output
            assert re.search(r"^ok +stores +1 of 1 are Up", done.stdout, re.MULTILINE), done.stdout
            for command in (["verify", "replication"], ["top"]):
                for arguments in (["--ca", str(certificates / "other-ca.pem")], []):
                    done = await asyncio.to_thread(run_cli, *command, "--pd", pd, *arguments)
                    assert done.exit_code == ClusterError.exit_code
                    assert len(done.output.splitlines()) == 1

    asyncio.run(test())


def test_the_users_own_file_turns_tls_on(cluster: MiniCluster, certificates: Path, tmp_path: Path) -> None:
    own = tmp_path / "own.properties"

    async def test() -> None:
        async with behind_tls(cluster, certificates, mutual=True) as pd:
            files = {"ca": "ca", "cert": "client", "key": "client-key"}
            lines = [f"tikv.{name}={certificates / file}.pem" for name, file in files.items()]
            own.write_text("\n".join([f"tikv.pd={pd}", *lines]))
            for command in (["top", "--json"], ["verify", "replication", "--json"], ["doctor", "--json"]):
                done = await asyncio.to_thread(run_cli, "--config", str(own), *command)
                assert "stores" in done.stdout, done.output
                assert json.loads(done.stdout)
            own.write_text(lines[0])  # and no cluster: TLS is not left out in silence
            done = await asyncio.to_thread(run_cli, "--config", str(own), "top")
            assert done.exit_code == UsageError.exit_code
            assert done.output.startswith("ycsbpy: TLS is asked for, and no cluster is named")

    asyncio.run(test())


def test_pd_asks_for_a_certificate(cluster: MiniCluster, certificates: Path) -> None:
    async def test() -> None:
        async with behind_tls(cluster, certificates, mutual=True) as pd:
            ca, cert, key = (certificates / f"{name}.pem" for name in ("ca", "client", "client-key"))
            stores = await asyncio.to_thread(PdHttp([pd], tls=TlsFiles(ca, cert, key)).stores)
            assert [store.state for store in stores] == ["Up"]
            with pytest.raises(ClusterError, match="PD does not answer"):
                await asyncio.to_thread(PdHttp([pd], tls=TlsFiles(ca)).stores)

    asyncio.run(test())


def test_files_that_cannot_be_used(certificates: Path) -> None:
    with pytest.raises(ClusterError, match="the certificates for PD cannot be used"):
        PdHttp(["127.0.0.1:1"], tls=TlsFiles(certificates / "client-key.pem"))
    ca, cert, key, other = (str(certificates / f"{name}.pem") for name in ("ca", "client", "client-key", "server-key"))
    for arguments, words in (
        (["--cert", ca, "--ca", ca], "--cert and --key: a certificate needs its key"),
        (["--cert", ca, "--key", key], "--cert: a client's certificate needs TLS"),
        (["--ca", key], f"--ca: {key}: it holds no certificate"),
        (["--ca", ca, "--cert", cert, "--key", other], f"--key: {other}: it is not the key of {cert}"),
    ):
        done = run_cli("top", "--pd", "127.0.0.1:1", *arguments)
        assert done.exit_code == UsageError.exit_code
        assert done.output.startswith(f"ycsbpy: {words}"), done.output
