"""What a shell offers at Tab for values: property names and their values, files, workloads, tables, tags, drivers.

Called by click's completion with the word that has been begun. Nothing here asks a cluster: Tab must not wait.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

from click.shell_completion import CompletionItem

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    import click

    from ycsbpy.config import Property

__all__ = [
    "NO_BLANK",
    "backends",
    "databases",
    "files",
    "pd_addresses",
    "properties",
    "property_files",
    "property_names",
    "shells",
    "tables",
    "tags",
]

NO_BLANK = "nospace"
"""Type of an item after which the word goes on."""

DEFAULT_PD = "127.0.0.1:2379"
HELP_WIDTH = 60


def databases(_ctx: click.Context, _parameter: click.Parameter, begun: str) -> list[CompletionItem]:
    """DB: tikv and every driver."""
    from ycsbpy.drivers.registry import driver_names

    return _matching(driver_names(), begun)


def property_files(_ctx: click.Context, _parameter: click.Parameter, begun: str) -> list[CompletionItem]:
    """``-P``: workloads that are shipped, and files."""
    from ycsbpy._resources import shipped_workloads

    return [*_matching(shipped_workloads(), begun), *_paths(begun)]


def files(_ctx: click.Context, _parameter: click.Parameter, begun: str) -> list[CompletionItem]:
    """What a command writes or reads."""
    return _paths(begun)


def properties(ctx: click.Context, _parameter: click.Parameter, begun: str) -> list[CompletionItem]:
    """``-p``: the name of a property, then its value."""
    from ycsbpy.config.properties import PROPERTIES, find_property

    name, equals, value = begun.partition("=")
    if equals:
        entry = find_property(name)
        found = [] if entry is None else _values(ctx, entry, value)
        return [CompletionItem(f"{name}={one.value}", type=one.type, help=one.help) for one in found]
    return [
        CompletionItem(f"{entry.name}=", type=NO_BLANK, help=_meaning(entry))
        for entry in PROPERTIES
        if entry.name.startswith(begun) and not entry.name.endswith(".*") and not entry.ignored
    ]


def property_names(_ctx: click.Context, _parameter: click.Parameter, begun: str) -> list[CompletionItem]:
    """``ycsbpy properties NAME``."""
    from ycsbpy.config.properties import PROPERTIES

    return [CompletionItem(one.name, help=_meaning(one)) for one in PROPERTIES if one.name.startswith(begun)]


def tables(ctx: click.Context, _parameter: click.Parameter, begun: str) -> list[CompletionItem]:
    """``--table``: those that this command line's files, the user's file, or the shell's history speak of."""
    return _matching(_known_tables(ctx), begun)


def backends(_ctx: click.Context, _parameter: click.Parameter, begun: str) -> list[CompletionItem]:
    """``--backend``."""
    from ycsbpy.cluster.backends import AUTO, NAMES

    return _matching((AUTO, *NAMES), begun)


def tags(_ctx: click.Context, _parameter: click.Parameter, begun: str) -> list[CompletionItem]:
    """``--tag``, and what ``clean`` removes: the user's playgrounds."""
    from ycsbpy.cluster import statedir

    return _matching([home.tag for home in statedir.homes()], begun)


def pd_addresses(_ctx: click.Context, _parameter: click.Parameter, begun: str) -> list[CompletionItem]:
    """``--pd``: those of playgrounds that run, and where PD usually is."""
    return _matching(_pds(), begun)


def shells(_ctx: click.Context, _parameter: click.Parameter, begun: str) -> list[CompletionItem]:
    """Those that completion is there for."""
    from ycsbpy.cli.completion import SHELLS

    return _matching(SHELLS, begun)


def _values(ctx: click.Context, entry: Property, begun: str) -> list[CompletionItem]:
    from ycsbpy.config.values import Kind
    from ycsbpy.workload.registry import workload_names

    if entry.kind is Kind.PATH:
        return _paths(begun)
    by_name: dict[str, Callable[[], Iterable[str]]] = {
        "workload": workload_names,
        "table": lambda: _known_tables(ctx),
        "tikv.pd": _pds,
        "tikv.driver": lambda: _tikv_drivers(entry),
    }
    if entry.name in by_name:
        return _matching(by_name[entry.name](), begun)
    if entry.kind is Kind.BOOL:
        return _matching(("true", "false"), begun)
    return _matching(entry.choices or ([entry.default] if entry.default and not begun else []), begun)


def _tikv_drivers(entry: Property) -> list[str]:
    from ycsbpy.drivers.registry import DATABASE_TIKV, driver_names

    return [*entry.choices, *(name for name in driver_names() if name not in {DATABASE_TIKV, "memory", *entry.choices})]


def _known_tables(ctx: click.Context) -> list[str]:
    from ycsbpy.cli.options import user_file
    from ycsbpy.cli.shell.prompt import tables_in_history
    from ycsbpy.config import written_value
    from ycsbpy.errors import YcsbpyError

    given = ctx.params.get("property_files") or (), ctx.params.get("properties") or ()
    try:
        with ctx:
            written = written_value("table", *given, user_file=user_file())
    except YcsbpyError:  # the command itself will say so
        written = None
    return list(dict.fromkeys([*([written] if written else []), "usertable", *tables_in_history()]))


def _pds() -> list[str]:
    from ycsbpy.cluster import statedir

    alive = [home.read() for home in statedir.homes() if home.alive()]
    found = [endpoint for topology in alive if topology is not None for endpoint in topology.endpoints]
    return list(dict.fromkeys([*found, DEFAULT_PD]))


def _meaning(entry: Property) -> str:
    sentence = entry.meaning.partition(". ")[0].rstrip(".")
    return sentence if len(sentence) <= HELP_WIDTH else f"{sentence[:HELP_WIDTH]} …"


def _matching(words: Iterable[str], begun: str) -> list[CompletionItem]:
    return [CompletionItem(word) for word in words if word.startswith(begun)]


def _paths(begun: str) -> list[CompletionItem]:
    """Files and folders whose path goes on from what has been begun; no blank after a folder."""
    _, _, name = begun.rpartition("/")
    head = begun[: len(begun) - len(name)]
    try:
        inside = sorted(os.scandir(Path(head or ".").expanduser()), key=lambda one: one.name)
    except OSError:
        return []
    found = [one for one in inside if one.name.startswith(name) and (name or not one.name.startswith("."))]
    return [
        CompletionItem(f"{head}{one.name}/", type=NO_BLANK) if one.is_dir() else CompletionItem(f"{head}{one.name}")
        for one in found
    ]
