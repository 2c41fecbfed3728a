"""The pictures: the playground's page, ``top``, and what Prometheus and Grafana would show, all against PD's counts."""

from __future__ import annotations

import json
import os
import pty
import re
import shutil
import signal
import socket
import subprocess
import sys
import urllib.parse
import urllib.request
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from browser import needs_browser, off_loopback, visit
from processes import until

from ycsbpy.cluster import Playground, Spec
from ycsbpy.cluster.pdhttp import PdHttp
from ycsbpy.cluster.picture import take_picture
from ycsbpy.cluster.process import python_environment

if TYPE_CHECKING:
    from collections.abc import Iterator

GRAFANA = Path(__file__).parents[2] / "docs" / "grafana" / "playground-overview.json"


@pytest.fixture(scope="module")
def playground(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Playground]:
    with ExitStack() as stack:
        patch = stack.enter_context(pytest.MonkeyPatch.context())
        patch.setenv("XDG_STATE_HOME", str(tmp_path_factory.mktemp("state")))
        yield stack.enter_context(Playground(Spec(backend="minicluster")))


def counts(playground: Playground) -> dict[int, tuple[int, int]]:
    """Store → Regions and leaders, from PD's Regions one by one and not from its counters."""
    regions = take_picture(PdHttp(playground.endpoints)).regions
    stores = {peer.store_id for region in regions for peer in region.peers}
    return {
        store: (
            sum(any(peer.store_id == store for peer in region.peers) for region in regions),
            sum(region.leader == store for region in regions),
        )
        for store in stores
    }


def fetch(address: str) -> Any:
    with urllib.request.urlopen(address, timeout=10) as answer:
        return json.loads(answer.read())


def test_the_timeline_has_pds_counts(playground: Playground) -> None:
    address = playground.topology.dashboard + "/timeline.json"

    def same() -> bool:
        samples = fetch(address)["samples"]  # none before the first look
        last = samples[-1]["stores"] if samples else []
        return {s["id"]: (s["regions"], s["leaders"]) for s in last} == counts(playground)

    assert until(same, 30)


@needs_browser
@pytest.mark.parametrize("size", ["1100,900", "400,800"])
def test_the_page_in_a_browser(playground: Playground, tmp_path: Path, size: str) -> None:
    def same() -> bool:
        seen = visit(playground.topology.dashboard, tmp_path, size=size)
        assert seen.console == []
        assert off_loopback(seen.asked) == []
        assert any(url.endswith("/dashboard/picture") for url in seen.asked)
        rows = re.findall(
            r'<tr data-store="(\d+)">.*?class="number regions">(\d+)<.*?class="number leaders">(\d+)<', seen.dom
        )
        return {int(store): (int(held), int(led)) for store, held, led in rows} == counts(playground)

    assert until(same, 60)


def top(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-P", "-m", "ycsbpy", "top", *arguments], capture_output=True, text=True, check=False,
        timeout=60, env=python_environment(),
    )  # fmt: skip


def test_top_in_a_pipe_looks_once(playground: Playground) -> None:
    shown = json.loads(top("--pd", playground.endpoints[0], "--json").stdout)
    assert {s["id"] for s in shown["stores"]} == set(counts(playground))
    done = top("--pd", playground.endpoints[0])
    assert done.returncode == 0
    assert done.stdout.splitlines()[0].split() == [
        "Store", "Address", "State", "Regions", "Leaders", "Size", "(MiB)", "Score",
    ]  # fmt: skip
    assert len(done.stdout.splitlines()) == 5
    assert done.stderr == ""


def test_top_without_a_pd_is_one_line() -> None:
    done = top("--pd", "127.0.0.1:1")
    assert (done.returncode, done.stdout) == (4, "")
    assert len(done.stderr.splitlines()) == 1
    assert top("--pd", "nowhere").returncode == 2


def test_top_on_a_terminal_is_live_until_ctrl_c(playground: Playground) -> None:
    ours, theirs = pty.openpty()
    environment = {**python_environment(), "TERM": "xterm", "COLUMNS": "120", "LINES": "40"}
    running = subprocess.Popen(
        [sys.executable, "-P", "-m", "ycsbpy", "top", "--pd", playground.endpoints[0], "--interval", "0.1"],
        stdin=theirs, stdout=theirs, stderr=theirs, env=environment,
    )  # fmt: skip
    os.close(theirs)
    shown = ""
    try:
        while shown.count("stores Up") < 3:
            shown += os.read(ours, 65536).decode()
        running.send_signal(signal.SIGINT)
        while True:
            try:
                more = os.read(ours, 65536)
            except OSError:  # the other side is closed
                break
            if not more:
                break
            shown += more.decode()
        assert running.wait(30) == 0
    finally:
        running.kill()
        running.wait()
        os.close(ours)
    assert "Traceback" not in shown
    assert "over time" in shown


def metric_names(expression: str) -> set[str]:
    return set(re.findall(r"\b(?:pd|tikv)_[a-z_]+", expression))


def exprs() -> list[str]:
    panels = json.loads(GRAFANA.read_text())["panels"]
    return [target["expr"] for panel in panels for target in panel["targets"]]


def test_grafanas_panels_ask_for_what_there_is(playground: Playground) -> None:
    served = ""
    for target in (one.status_address for one in playground.topology.instances):
        with urllib.request.urlopen(f"http://{target}/metrics", timeout=10) as answer:
            served += answer.read().decode()
    there = set(re.findall(r"^([a-z_]+)[{ ]", served, re.MULTILINE))
    wanted = {name for expr in exprs() for name in metric_names(expr)}
    assert wanted
    assert wanted <= there
    types = set(re.findall(r'type="([^"]+)"', served))
    asked = {one for expr in exprs() for each in re.findall(r'type=~?"([^"]+)"', expr) for one in each.split("|")}
    assert asked <= types


@pytest.mark.skipif(shutil.which("prometheus") is None, reason="no prometheus in PATH")
def test_prometheus_itself_scrapes_the_playground(playground: Playground, tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    quick = tmp_path / "prometheus.yml"
    quick.write_text(Path(playground.topology.prometheus).read_text().replace("15s", "1s"))
    command = [
        "prometheus", f"--config.file={quick}", f"--storage.tsdb.path={tmp_path / 'data'}",
        f"--web.listen-address=127.0.0.1:{port}", "--log.level=warn",
    ]  # fmt: skip
    with (tmp_path / "log").open("wb") as log:
        running = subprocess.Popen(command, stdout=log, stderr=log)
    try:

        def query(expr: str) -> list[dict[str, Any]]:
            given = urllib.parse.urlencode({"query": expr})
            try:
                found: list[dict[str, Any]] = fetch(f"http://127.0.0.1:{port}/api/v1/query?{given}")["data"]["result"]
            except OSError:
                return []
            return found

        assert until(lambda: sorted(one["value"][1] for one in query("up")) == ["1"] * 4, 60), (
            tmp_path / "log"
        ).read_text()

        def same() -> bool:
            found = query('sum by (store) (pd_scheduler_store_status{type="region_count"})')
            return {int(one["metric"]["store"]): int(one["value"][1]) for one in found} == {
                store: held for store, (held, _) in counts(playground).items()
            }

        assert until(same, 60)
        assert len(query('tikv_raftstore_region_count{type="region"}')) == 3
    finally:
        running.terminate()
        running.wait(30)
