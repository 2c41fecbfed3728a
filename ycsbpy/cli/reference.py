"""The help of all commands as one page: ``python -m ycsbpy.cli.reference`` writes it, ``--check`` compares it."""

from __future__ import annotations

import sys
from pathlib import Path

import click

from ycsbpy.cli.app import app

__all__ = ["page"]

PAGE = Path(__file__).parents[2] / "docs" / "cli.md"
WIDTH = 110  # as the application has it
HEAD = """# Commands

What `--help` says of each command. This page is made by `python -m ycsbpy.cli.reference`, and CI holds it equal.
"""


def page() -> str:
    """The page, as Markdown."""
    return HEAD + "".join(_sections(app, "ycsbpy", None))


def _sections(command: click.Command, name: str, parent: click.Context | None) -> list[str]:
    context = command.make_context(name, [], parent, resilient_parsing=True, terminal_width=WIDTH)
    path = context.command_path
    made = [f"\n## {path}\n\n```text\n{command.get_help(context)}\n```\n"]
    if isinstance(command, click.Group):
        for each in command.list_commands(context):
            found = command.get_command(context, each)
            if found is not None and not found.hidden:
                made += _sections(found, each, context)
    return made


def main() -> int:
    """Write the page, or say that it is old."""
    if sys.argv[1:] != ["--check"]:
        PAGE.write_text(page(), encoding="utf-8")
        return 0
    if PAGE.read_text(encoding="utf-8") == page():
        return 0
    print(f"{PAGE} is old: python -m ycsbpy.cli.reference", file=sys.stderr)
    return 1


if __name__ == "__main__":
    sys.exit(main())
