"""Prometheus' files, and a site that answers under loopback's names only."""

from __future__ import annotations

import asyncio
import json
from socket import create_server
from typing import TYPE_CHECKING

from aiohttp import ClientSession

from ycsbpy.cluster.monitor import prometheus_targets, status_site, write_prometheus
from ycsbpy.cluster.topology import Instance, Role, Topology

if TYPE_CHECKING:
    from pathlib import Path

PD = Instance("pd-0", Role.PD, 1, address="h:1", status_address="h:1")
STORES = [Instance(f"tikv-{n}", Role.TIKV, n, status_address=f"h:2{n}", ended="signal 9" * (n == 2)) for n in range(3)]
TOPOLOGY = Topology("t", "minicluster", endpoints=("h:1",), instances=(PD, *STORES))


def test_targets(tmp_path: Path) -> None:
    assert prometheus_targets(TOPOLOGY) == [
        {"targets": ["h:1"], "labels": {"job": "pd"}},
        {"targets": ["h:20", "h:21"], "labels": {"job": "tikv"}},
    ]
    config = write_prometheus(tmp_path / "p", TOPOLOGY)
    assert json.dumps(str(tmp_path / "p" / "targets.json")) in config.read_text()
    assert json.loads((tmp_path / "p" / "targets.json").read_text()) == prometheus_targets(TOPOLOGY)


def test_the_site_answers_under_its_own_name_only() -> None:
    async def look() -> None:
        with create_server(("127.0.0.1", 0)) as found:
            port = found.getsockname()[1]
        async with status_site("127.0.0.1", port, lambda: TOPOLOGY) as address, ClientSession() as session:
            base = f"http://127.0.0.1:{port}"
            assert address == f"{base}/dashboard"
            for path in ("", "/picture", "/style.css", "/page.js", "/timeline.json"):
                async with session.get(address + path) as answer:
                    assert answer.status == 200
            async with session.get(f"{base}/topology") as answer:
                assert Topology.from_json(await answer.json()) == TOPOLOGY
            for path in ("/topology", "/dashboard", "/dashboard/timeline.json"):
                async with session.get(base + path, headers={"Host": "evil.example"}) as answer:
                    assert answer.status == 403

    asyncio.run(look())
