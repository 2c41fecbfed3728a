"""What TiUP prints and takes, as its releases of 2023 and 2025 do."""

from __future__ import annotations

from ycsbpy.cluster.backends.tiup import _in_order, command_body, news, parse_display, parse_endpoints
from ycsbpy.cluster.pdhttp import StoreView
from ycsbpy.cluster.topology import Instance, Role


def test_endpoints() -> None:
    assert parse_endpoints("Start pd instance:v7.1.0\nStart tikv instance:v7.1.0\n") == ()
    assert parse_endpoints("x\nPD Endpoints:   127.0.0.1:2379\nGrafana: …\n") == ("127.0.0.1:2379",)
    assert parse_endpoints("\x1b]0;TiUP Playground: t\x07\x1b[1mPD Endpoints:   \x1b[0ma:1,b:2\n") == ("a:1", "b:2")


def test_what_tiup_says_is_passed_on_line_by_line() -> None:
    said = "\x1b]0;TiUP Playground: t\x07Start pd instance: v9\r\ndownload 1 %\rdownload 100 %\n\nGrafana: x\nStart ti"
    lines, read_to = news(said, 0)
    assert lines == ["Start pd instance: v9", "download 100 %"]
    assert news(said, read_to) == ([], read_to)
    whole = said + "kv instance: v9\nPD Endpoints:   127.0.0.1:1\n"
    assert news(whole, read_to) == (["Start tikv instance: v9"], len(whole))


def test_display() -> None:
    text = "Pid    Role  Uptime\n---    ----  ------\n84518  pd    35m22.929404512s\n84519  tikv  exit status 1\n"
    assert parse_display(text) == [(84518, "pd", "35m22.929404512s"), (84519, "tikv", "exit status 1")]
    assert parse_display("no playground running") == []


def test_commands() -> None:
    assert command_body("scale-out", ComponentID="tikv", Num=1) == {
        "CommandType": "scale-out", "PID": 0, "ComponentID": "tikv", "Num": 1,
    }  # fmt: skip


def test_stores_without_a_command_line_are_matched_in_order() -> None:
    found = {pid: Instance(f"tikv-{pid}", Role.TIKV, pid) for pid in (5, 6)} | {
        4: Instance("tikv-0", Role.TIKV, 4, address="a:1", store_id=1)
    }
    views = [
        StoreView(9, "c:1", "", "Up", 0, 0),
        StoreView(1, "a:1", "", "Up", 0, 0),
        StoreView(4, "b:1", "", "Up", 0, 0),
    ]
    matched = _in_order(found, views)
    assert {pid: one.store_id for pid, one in matched.items()} == {5: 4, 6: 9, 4: 1}
