"""The page of commands has every command."""

from __future__ import annotations

from pathlib import Path

from ycsbpy.cli.app import COMMANDS
from ycsbpy.cli.reference import page

WRITTEN = Path(__file__).parents[2] / "docs" / "cli.md"


def headings(text: str) -> list[str]:
    return [line for line in text.splitlines() if line.startswith("## ")]


def test_the_page_in_the_checkout_has_every_command() -> None:
    """How their help is broken into lines is click's matter, so that is compared where the version is known."""
    assert headings(WRITTEN.read_text()) == headings(page())
    assert {f"## ycsbpy {name}" for name in COMMANDS} <= set(headings(page()))
    assert "## ycsbpy playground scale-out" in headings(page())
