"""Prometheus' files, and a page that is mounted where there is one and answers loopback only."""

from __future__ import annotations

import asyncio
import json
import sys
import types
from typing import TYPE_CHECKING

import pytest
from aiohttp import ClientSession, web

from ycsbpy.cluster.monitor import DASHBOARD, prometheus_targets, status_site, write_prometheus
from ycsbpy.cluster.topology import Instance, Role, Topology

if TYPE_CHECKING:
    from collections.abc import Sequence
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


@pytest.mark.parametrize("there", [True, False])
def test_the_page(monkeypatch: pytest.MonkeyPatch, *, there: bool) -> None:
    def dashboard_app(pd_endpoints: Sequence[str]) -> web.Application:
        async def page(_request: web.Request) -> web.Response:
            return web.Response(text=f"of {','.join(pd_endpoints)}")

        app = web.Application()
        app.router.add_get("", page)
        return app

    module = types.ModuleType(DASHBOARD)
    if there:
        module.dashboard_app = dashboard_app  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, DASHBOARD, module)

    async def look() -> None:
        from socket import create_server

        with create_server(("127.0.0.1", 0)) as found:
            port = found.getsockname()[1]
        async with status_site("127.0.0.1", port, lambda: TOPOLOGY) as address, ClientSession() as session:
            base = f"http://127.0.0.1:{port}"
            assert address == (f"{base}/dashboard" if there else "")
            async with session.get(f"{base}/dashboard") as answer:
                assert (answer.status, await answer.text()) == (200, "of h:1") if there else answer.status == 404
            async with session.get(f"{base}/topology") as answer:
                assert Topology.from_json(await answer.json()) == TOPOLOGY
            async with session.get(f"{base}/topology", headers={"Host": "evil.example"}) as answer:
                assert answer.status == 403

    asyncio.run(look())
