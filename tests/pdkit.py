"""A PD process without stores, a first store for it that the test plays, and PD's HTTP interface."""

from __future__ import annotations

import contextlib
import http.client
import json
import sys
from typing import TYPE_CHECKING, Any

from ycsbpy.cluster.process import OWNER_FD, READY_FD, Estate, python_environment
from ycsbpy.proto import metapb_pb2 as metapb

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

__all__ = ["STORE", "asked", "lone_region", "running_pd", "told"]

STORE = metapb.Store(id=1, address="127.0.0.1:20160", version="8.5.0")


def lone_region(region_id: int = 2, store: int = 1, **fields: Any) -> metapb.Region:
    """A Region of one Peer."""
    return metapb.Region(
        id=region_id,
        region_epoch=metapb.RegionEpoch(conf_ver=1, version=1),
        peers=[metapb.Peer(id=region_id + 1, store_id=store)],
        **fields,
    )


@contextlib.contextmanager
def running_pd(folder: Path) -> Iterator[str]:
    """The address of a PD that keeps its state in ``folder``; its log is beside it."""
    folder.mkdir(exist_ok=True)
    with Estate() as estate:
        command = [sys.executable, "-m", "ycsbpy.minicluster", "pd", "--dir", str(folder)]
        command += ["--owner-fd", OWNER_FD, "--ready-fd", READY_FD]
        child = estate.start("PD", command, folder / "log", environment=python_environment())
        yield child.wait_ready(20.0)["address"]


def asked(address: str, path: str, method: str = "GET", body: Any = None) -> tuple[int, bytes]:
    """Status and answer of a path below ``/pd/api/v1``, or with ``//`` in front of the root. ``body`` goes as JSON, or
    as it is if it is bytes."""
    connection = http.client.HTTPConnection(address, timeout=30)
    data = body if body is None or isinstance(body, bytes) else json.dumps(body).encode()
    try:
        connection.request(method, "/pd/api/v1" + path if not path.startswith("//") else path[1:], data)
        response = connection.getresponse()
        return response.status, response.read()
    finally:
        connection.close()


def told(address: str, path: str, method: str = "GET", body: Any = None) -> tuple[int, Any]:
    """The same, with the answer read as JSON."""
    status, data = asked(address, path, method, body)
    return status, json.loads(data)
