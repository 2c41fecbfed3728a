"""How the playground's commands look, and what they refuse."""

from __future__ import annotations

import pytest
from click.testing import CliRunner

from ycsbpy.cli.app import app
from ycsbpy.cli.cmd_playground import display_lines, uptime
from ycsbpy.cluster.topology import Display, Role, Row, Topology


@pytest.mark.parametrize(
    ("seconds", "text"), [(0.0, "0s"), (3.25, "3.2s"), (59.97, "1m0s"), (63.5, "1m3.5s"), (7384.1, "2h3m4.1s")]
)
def test_uptimes_are_go_s(seconds: float, text: str) -> None:
    assert uptime(seconds) == text


def test_display() -> None:
    rows = (
        Row("pd-0", Role.PD, 84518, 63.5, address="h:1"),
        Row(
            "tikv-0", Role.TIKV, 9, 1.0, ended="signal 9", address="h:2", store_id=4, state="Down", regions=3, leaders=0
        ),
    )
    shown = Display(Topology("t", "tiup"), rows)
    assert display_lines(shown, verbose=False) == [
        "Pid    Role  Uptime",
        "---    ----  ------",
        "84518  pd    1m3.5s",
        "9      tikv  signal 9",
    ]
    assert display_lines(shown, verbose=True)[-1].split() == [
        "9", "tikv", "signal", "9", "tikv-0", "4", "h:2", "Down", "3", "0",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("arguments", "status", "text"),
    [
        (["playground", "display"], 4, "no playground runs"),
        (["playground", "scale-in"], 2, "say which store"),
        (["playground", "stop", "-T", "a/b"], 2, "a tag is"),
        (["playground", "--kv", "0"], 2, "0 is not in the range"),
        (["playground", "--pd.port", "99999"], 2, "is not in the range"),
        (["clean"], 2, "say which playgrounds to clean, or --all"),
        (["clean", "x", "--all"], 2, "say which playgrounds to clean, or --all"),
        (["clean", "nobody"], 4, "there is no playground nobody"),
        (["playground", "v7.1.0", "--backend", "none"], 2, 'there is no backend "none"'),
    ],
)
def test_what_is_refused(
    arguments: list[str], status: int, text: str, tmp_path: object, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    result = CliRunner().invoke(app, arguments)
    assert (result.exit_code, text in result.output) == (status, True), result.output
    assert "Traceback" not in result.output
