"""``ycsbpy properties``: every property, what it means, and which other tools have it."""

from __future__ import annotations

import json
import textwrap
from typing import TYPE_CHECKING, Any

import click

from ycsbpy.cli import complete
from ycsbpy.cli.columns import columns
from ycsbpy.config.describe import kind_text, missing, tools_text
from ycsbpy.config.properties import PROPERTIES, find_property
from ycsbpy.errors import UsageError, did_you_mean

if TYPE_CHECKING:
    from ycsbpy.config.schema import Property

__all__ = ["properties"]

WIDTH = 100


@click.command()
@click.argument("name", required=False, shell_complete=complete.property_names)
@click.option("--search", metavar="TEXT", help="Those with this text in their name or meaning.")
@click.option("--json", "as_json", is_flag=True, help="As JSON.")
def properties(name: str | None, search: str | None, as_json: bool) -> None:
    """Show all properties, one of them in full, or those that a text occurs in.

    \b
    ycsbpy properties
    ycsbpy properties requestdistribution
    ycsbpy properties --search scan
    """
    if name and search:
        raise UsageError("properties: name one, or search, not both")
    if name:
        entry = find_property(name)
        if entry is None:
            raise UsageError(f'there is no property "{name}"{did_you_mean(name, [one.name for one in PROPERTIES])}')
        click.echo(json.dumps(_shape(entry), indent=2) if as_json else "\n".join(_whole(entry)))
        return
    found = [entry for entry in PROPERTIES if search is None or _has(entry, search)]
    if not found:
        raise UsageError(f'no property has "{search}" in its name or meaning')
    if as_json:
        click.echo(json.dumps([_shape(entry) for entry in found], indent=2))
    else:
        rows = [(entry.name, _default(entry), tools_text(entry), _first_sentence(entry)) for entry in found]
        click.echo("\n".join(columns(("Property", "Default", "Known to", "Meaning"), rows)))


def _has(entry: Property, text: str) -> bool:
    return text.lower() in f"{entry.name} {entry.meaning} {entry.ignored}".lower()


def _default(entry: Property) -> str:
    return "(unset)" if entry.default is None else entry.default or '""'


def _first_sentence(entry: Property) -> str:
    text = f"no effect here: {entry.ignored}" if entry.ignored else entry.meaning
    return textwrap.shorten(text.partition(". ")[0].rstrip("."), WIDTH, placeholder=" …")


def _whole(entry: Property) -> list[str]:
    facts = [
        ("values", kind_text(entry)),
        ("default", f"unset: {entry.unset}" if entry.default is None else _default(entry)),
        ("why", entry.differs),
        ("flag", entry.flag),
        ("known to", tools_text(entry)),
        ("not yet", ", ".join(missing(entry))),
        ("refused", " ".join(one.sentence for one in entry.refused)),
        ("no effect", entry.ignored),
        ("example", f"{entry.name}={entry.example}" if entry.example else ""),
    ]
    lines = [entry.name, *textwrap.wrap(entry.meaning, WIDTH)]
    for title, text in facts:
        if text:
            lines += textwrap.wrap(text, WIDTH, initial_indent=f"  {title:<10}", subsequent_indent=" " * 12)
    return lines


def _shape(entry: Property) -> dict[str, Any]:
    return {
        "name": entry.name,
        "section": entry.section.value,
        "values": kind_text(entry),
        "choices": list(entry.choices),
        "default": entry.default,
        "meaning": entry.meaning,
        "known_to": [tool.value for tool in entry.tools],
        "flag": entry.flag,
        "not_in_this_version": missing(entry),
        "ignored": entry.ignored,
    }
