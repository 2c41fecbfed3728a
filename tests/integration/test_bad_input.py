"""What a server must survive: garbage, lies about lengths, and peers that never say anything."""

from __future__ import annotations

import contextlib
import os
import resource
import socket
import struct
from typing import TYPE_CHECKING

import pytest
from hostile import PREFACE, SETTINGS, frame, headers, heard, memory_mib
from processes import until
from rawclient import RawClient

from ycsbpy.cluster.locate import probe_pd
from ycsbpy.minicluster.pd.front import Front

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ycsbpy.minicluster import MiniCluster

CONNECTIONS = 1000


RAW_GET = PREFACE + SETTINGS + headers("/tikvpb.Tikv/RawGet")
GET_MEMBERS = PREFACE + SETTINGS + headers("/pdpb.PD/GetMembers")

GARBAGE = {
    "zeros": bytes(4096),
    "ones": b"\xff" * 4096,
    "noise": os.urandom(4096),
    "a TLS hello": b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + bytes(508),
    "a line": b"hello\r\n",
    "bad HTTP": b"GET / HTTP/9.9\r\nbad header\r\n\r\n",
    "a header without end": b"GET / HTTP/1.1\r\nx: " + b"y" * 200_000,
    "a body without end": b"POST /pd/api/v1/members HTTP/1.1\r\nContent-Length: 99999999999\r\n\r\nabc",
    "half a preface": PREFACE[:10],
    "a preface that goes wrong": PREFACE[:16] + b"XX\r\n\r\n",
    "noise after the preface": PREFACE + os.urandom(4096),
    "a frame of 16 MiB": PREFACE + SETTINGS + frame(0, 0, 1, b"x", length=(1 << 24) - 1),
    "headers that are none": PREFACE + SETTINGS + frame(1, 4, 1, b"\xff" * 50),
    "data on no stream": PREFACE + SETTINGS + frame(0, 0, 77, b"abc"),
    "a message of 4 GiB": RAW_GET + frame(0, 0, 1, b"\x00\xff\xff\xff\xff" + b"x" * 100),
    "a compressed message": RAW_GET + frame(0, 1, 1, b"\x01\x00\x00\x00\x02zz"),
    "half a message": GET_MEMBERS + frame(0, 1, 1, b"\x00\x00\x00\x00\x05a"),
    "window of zero": PREFACE + frame(4, 0, 0, b"\x00\x04\x00\x00\x00\x00") + headers("/pdpb.PD/GetMembers"),
    "pings and more pings": PREFACE + SETTINGS + frame(6, 0, 0, bytes(8)) * 2000,
    "settings and more settings": PREFACE + SETTINGS * 2000,
    "resets": RAW_GET + frame(3, 0, 1, struct.pack(">I", 8)) * 100,
}


def store_pid(cluster: MiniCluster) -> int:
    return cluster.stores[0].process.pid


def still_serves(cluster: MiniCluster) -> None:
    with RawClient(cluster.pd_address) as client:
        context = client.context(b"still")
        client.store("RawPut", context, key=b"still", value=b"here")
        assert client.store("RawGet", context, key=b"still").value == b"here"
    assert cluster.pd is not None
    assert cluster.pd.returncode is None
    assert cluster.stores[0].process.returncode is None
    for log in cluster.folder.glob("*.log"):
        assert "Traceback" not in log.read_text()


@pytest.mark.parametrize("what", GARBAGE)
def test_garbage(cluster: MiniCluster, what: str) -> None:
    for address in (cluster.pd_address, cluster.stores[0].address):
        host, _, port = address.rpartition(":")
        with socket.create_connection((host, int(port)), 5.0) as connection:
            with contextlib.suppress(OSError):
                connection.sendall(GARBAGE[what])
            heard(connection, 0.1)
    still_serves(cluster)


@pytest.mark.parametrize("name", ["zeros", "noise", "a TLS hello", "a line", "bad HTTP"])
def test_what_is_no_http2_is_refused_by_pd_at_once(cluster: MiniCluster, name: str) -> None:
    host, _, port = cluster.pd_address.rpartition(":")
    with socket.create_connection((host, int(port)), 5.0) as connection:
        connection.sendall(GARBAGE[name])
        assert heard(connection, 5.0).startswith(b"HTTP/1.")  # 400


def test_a_message_that_claims_4_gib_is_not_waited_for(cluster: MiniCluster) -> None:
    before = memory_mib(store_pid(cluster))
    host, _, port = cluster.stores[0].address.rpartition(":")
    with socket.create_connection((host, int(port)), 5.0) as connection:
        connection.sendall(GARBAGE["a message of 4 GiB"])
        said = heard(connection, 1.0)
        assert b"\x01" in said  # a HEADERS frame: the status, RESOURCE_EXHAUSTED
        assert b"grpc-status" in said or b"8" in said
    assert memory_mib(store_pid(cluster)) < before + 100
    still_serves(cluster)


@pytest.fixture
def many_files() -> Iterator[None]:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if hard < 4 * CONNECTIONS:
        pytest.skip(f"only {hard} open files are allowed")
    resource.setrlimit(resource.RLIMIT_NOFILE, (4 * CONNECTIONS, hard))
    yield
    resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


def open_many(address: str, head: bytes, stack: contextlib.ExitStack) -> list[socket.socket]:
    host, _, port = address.rpartition(":")
    opened = []
    for _ in range(CONNECTIONS):
        connection = stack.enter_context(socket.create_connection((host, int(port)), 10.0))
        with contextlib.suppress(OSError):
            if head:
                connection.sendall(head)
        opened.append(connection)
    return opened


def closed(connection: socket.socket) -> bool:
    connection.setblocking(False)
    try:
        return connection.recv(1) == b""
    except BlockingIOError:
        return False
    except OSError:
        return True


@pytest.mark.parametrize("head", [b"", b"PR", b"GET /pd/api/v1/mem", PREFACE, PREFACE + SETTINGS])
def test_a_thousand_half_open_connections(cluster: MiniCluster, many_files: None, head: bytes) -> None:
    assert cluster.pd is not None
    before = memory_mib(cluster.pd.pid), memory_mib(store_pid(cluster))
    with contextlib.ExitStack() as stack:
        for address in (cluster.pd_address, cluster.stores[0].address):
            open_many(address, head, stack)
        still_serves(cluster)
        assert probe_pd(cluster.endpoints, 5.0)
        assert memory_mib(cluster.pd.pid) < before[0] + 150
        assert memory_mib(store_pid(cluster)) < before[1] + 150
    still_serves(cluster)


def test_pd_drops_the_oldest_of_those_that_say_nothing(cluster: MiniCluster, many_files: None) -> None:
    with contextlib.ExitStack() as stack:
        opened = open_many(cluster.pd_address, b"", stack)
        assert until(lambda: closed(opened[0]) and closed(opened[CONNECTIONS - Front.MAX_UNDECIDED - 10]))
        assert not closed(opened[-1])


def test_a_slow_preface_is_put_together(cluster: MiniCluster) -> None:
    host, _, port = cluster.pd_address.rpartition(":")
    with socket.create_connection((host, int(port)), 5.0) as connection:
        for byte in PREFACE + SETTINGS:
            connection.sendall(bytes((byte,)))
        assert heard(connection, 0.5)[3:4] == b"\x04"  # the server's SETTINGS


def test_two_requests_on_one_http_connection(cluster: MiniCluster) -> None:
    host, _, port = cluster.pd_address.rpartition(":")
    with socket.create_connection((host, int(port)), 5.0) as connection:
        request = b"GET /pd/api/v1/ping HTTP/1.1\r\nHost: x\r\n\r\n"
        connection.sendall(request + request)
        assert heard(connection, 1.0).count(b"HTTP/1.1 200 OK") == 2
