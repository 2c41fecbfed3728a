"""``ycsbpy ceiling``: three figures of this machine that are in the right order."""

from __future__ import annotations

import json
import sys
from typing import TYPE_CHECKING

import pytest
from click.testing import CliRunner

from ycsbpy.cli.app import app

if TYPE_CHECKING:
    from click.testing import Result

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="the native driver is for Linux")


def ceiling(*arguments: str) -> Result:
    return CliRunner().invoke(app, ["ceiling", "--seconds", "0.3", *arguments])


def test_drawing_is_faster_than_sending() -> None:
    result = ceiling("--json", "-p", "fieldcount=2")
    assert result.exit_code == 0, result.output
    drawing, one, *_ = json.loads(result.output)
    assert (drawing["threads"], one["threads"]) == (1, 1)
    assert drawing["p50_ns"] == 0 < one["p50_ns"]
    assert 0 < drawing["cpu_ns"] < one["cpu_ns"]
    assert one["rate"] > 0


def test_it_can_be_read() -> None:
    result = ceiling("-P", "workloadc")
    assert result.exit_code == 0, result.output
    lines = result.output.splitlines()
    assert lines[0].startswith("drawing operations, 1 thread: ")
    assert lines[1].startswith("against a server that keeps nothing, 1 thread: ")
    assert "us of CPU each, median" in lines[1]


def test_a_workload_that_is_not_there_is_refused() -> None:
    result = ceiling("-P", "workloadx")
    assert result.exit_code == 2
    assert "workloadx" in result.output
