"""Which cluster is used, and why; and a PD that does not answer is one line."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import threading
from typing import TYPE_CHECKING, Any

import grpc
import pytest

from ycsbpy.cluster.locate import Kind, Located, PdInfo, TlsFiles, locate, probe_pd
from ycsbpy.errors import ClusterError, UsageError
from ycsbpy.proto import pdpb_pb2 as pdpb

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from ycsbpy.minicluster import MiniCluster


@contextlib.contextmanager
def listener(serve: Callable[[socket.socket], None] | None = None) -> Iterator[str]:
    """Something that listens; ``serve`` is run on each connection."""
    with socket.create_server(("127.0.0.1", 0)) as server:

        def work() -> None:
            with contextlib.suppress(OSError):
                while True:
                    connection, _ = server.accept()
                    with connection:
                        if serve is not None:
                            serve(connection)

        if serve is not None:
            threading.Thread(target=work, daemon=True).start()
        yield f"127.0.0.1:{server.getsockname()[1]}"


@contextlib.contextmanager
def grpc_server(answer: pdpb.GetMembersResponse | None) -> Iterator[str]:
    """A gRPC server that is a PD with this answer, or none at all."""
    from concurrent.futures import ThreadPoolExecutor

    server = grpc.server(ThreadPoolExecutor(1))
    if answer is not None:
        handler: Any = grpc.unary_unary_rpc_method_handler(lambda _request, _context: answer.SerializeToString())
        server.add_generic_rpc_handlers((grpc.method_handlers_generic_handler("pdpb.PD", {"GetMembers": handler}),))
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    try:
        yield f"127.0.0.1:{port}"
    finally:
        server.stop(None).wait()


def closed_port() -> str:
    with socket.create_server(("127.0.0.1", 0)) as server:
        return f"127.0.0.1:{server.getsockname()[1]}"


def test_what_the_user_says_wins(cluster: MiniCluster) -> None:
    never = Located(Kind.PLAYGROUND, ("x:1",), "not asked")
    found = asyncio.run(locate([cluster.pd_address], playground=lambda: never))
    assert (found.kind, found.endpoints) == (Kind.GIVEN, (cluster.pd_address,))
    assert found.facts["cluster_id"] == cluster.cluster_id
    assert found.facts["version"].startswith("v8.5.0")


def test_then_a_playground() -> None:
    playground = Located(Kind.PLAYGROUND, ("127.0.0.1:1",), "the playground t1")
    assert asyncio.run(locate([], playground=lambda: playground)) is playground


def test_then_a_pd_where_go_ycsb_would_look(cluster: MiniCluster, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ycsbpy.cluster.locate.PROBE_DEFAULT_S", 20.0)  # a loaded machine may not answer at once
    found = asyncio.run(locate([], default=cluster.pd_address))
    assert (found.kind, found.endpoints) == (Kind.FOUND, (cluster.pd_address,))
    assert cluster.pd_address in found.why
    assert str(cluster.cluster_id) in found.why


def test_else_none_is_there() -> None:
    address = closed_port()
    found = asyncio.run(locate([], default=address))
    assert found == Located(Kind.EMBEDDED, (), f"no tikv.pd given and nothing at {address}")


def test_what_listens_there_but_is_no_pd_is_not_used() -> None:
    with listener() as silent, grpc_server(None) as etcd:
        for address in (silent, etcd):
            found = asyncio.run(locate([], default=address))
            assert found == Located(Kind.EMBEDDED, (), f"no tikv.pd given and no PD at {address}")


def test_a_pd_is_asked_who_it_is(cluster: MiniCluster) -> None:
    info = probe_pd([closed_port(), cluster.pd_address], 5.0)
    assert info == PdInfo(cluster.cluster_id, cluster.pd_address, info.version)


def test_no_pd_answers() -> None:
    with listener() as silent, listener(lambda connection: connection.sendall(b"SSH-2.0-x\r\n")) as other:
        for endpoints, text in [
            ([closed_port()], "connection refused"),
            ([silent], "no answer within 0.3 s"),
            ([closed_port(), silent], "; "),
            (["no.such.host.invalid:2379"], "the host name cannot be resolved"),
            ([other], ""),
        ]:
            with pytest.raises(ClusterError, match="no PD answers: ") as caught:
                probe_pd(endpoints, 0.3)
            assert text in str(caught.value)
            assert "\n" not in str(caught.value)
            assert caught.value.exit_code == 4


@pytest.mark.parametrize(
    ("answer", "text"),
    [
        (None, "what listens there is not PD"),
        (pdpb.GetMembersResponse(), "PD has no leader"),
        (pdpb.GetMembersResponse(header=pdpb.ResponseHeader(cluster_id=1)), "PD has no leader"),
        (pdpb.GetMembersResponse(header=pdpb.ResponseHeader(error=pdpb.Error(message="not now"))), "not now"),
    ],
)
def test_a_pd_that_cannot_be_used(answer: pdpb.GetMembersResponse | None, text: str) -> None:
    with grpc_server(answer) as address, pytest.raises(ClusterError, match=text):
        probe_pd([address], 5.0)


def test_tls(tmp_path: Path, cluster: MiniCluster) -> None:
    with pytest.raises(ClusterError, match=r"nothing\.pem: No such file"):
        probe_pd([cluster.pd_address], 1.0, TlsFiles(tmp_path / "nothing.pem"))
    (tmp_path / "ca.pem").write_text("no certificate")
    with pytest.raises(ClusterError, match="no PD answers"):
        probe_pd([cluster.pd_address], 1.0, TlsFiles(tmp_path / "ca.pem"))


def test_tls_without_a_cluster_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="TLS is asked for, and no cluster is named"):
        asyncio.run(locate([], tls=TlsFiles(tmp_path / "ca.pem")))


def test_grpc_does_not_write_to_the_terminal(capfd: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(ClusterError):
        probe_pd([closed_port()], 0.3)
    assert capfd.readouterr() == ("", "")
