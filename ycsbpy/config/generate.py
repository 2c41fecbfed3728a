"""Write ``workloads/workload_template`` and ``docs/properties.md`` from the table of properties.

``python -m ycsbpy.config.generate`` writes both in the checkout that it is run from; with ``--check`` it writes nothing
and exits with 1 if one of them is not what the table says. YCSB's template is written by hand, and its defaults are not
those of its code; here a test runs the check.
"""

from __future__ import annotations

import argparse
import sys
import textwrap
from pathlib import Path
from typing import TYPE_CHECKING

from ycsbpy.config.describe import kind_text, known_to, missing, tools_text
from ycsbpy.config.properties import PROPERTIES
from ycsbpy.config.propsfile import format_properties
from ycsbpy.config.schema import Section

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from ycsbpy.config.schema import Property

__all__ = ["GENERATED", "main", "properties_page", "workload_template"]

_WIDTH = 100
_TEMPLATE_HEAD = """\
Every property, with its default and what it means. Copy what you need, or use the file as it is
with a few of your own after it: ycsbpy run -P workload_template -p recordcount=1000 ...

Made by `python -m ycsbpy.config.generate`; docs/properties.md has the same as a page."""
_PAGE_HEAD = """\
# Properties

Every property that ycsbpy knows. This page and `workloads/workload_template` are made from one table in
`ycsbpy/config/properties.py` by `python -m ycsbpy.config.generate`, and a test holds them equal.

Properties come from a file of your own ([commandline.md](commandline.md)), then from files (`-P FILE`, in Java's
.properties format, several of them in their order), then from `-p NAME=VALUE`, then from variables, then from flags;
what comes later wins. `-P workloada` means the file of that name or path, and where there is none, the workload that
ycsbpy ships under that name. An unknown name is an error (a warning with `--lenient`),
and so is a value that is not what the table says. The last column says which of go-ycsb and Java YCSB know the same
property.
"""


def workload_template() -> str:
    """The text of ``workloads/workload_template``: a properties file in which every default is written out."""
    blocks = [_commented(_TEMPLATE_HEAD)]
    for section, entries in _by_section():
        blocks.append(_commented(f"{section.value}\n{'-' * len(section.value)}"))
        if section is Section.PEERS:
            blocks.append(_wrapped(", ".join(entry.name for entry in entries)))
        else:
            blocks += [_template_entry(entry) for entry in entries]
    return "\n".join(blocks)


def properties_page() -> str:
    """The text of ``docs/properties.md``."""
    parts = [_PAGE_HEAD]
    for section, entries in _by_section():
        parts.append(f"## {section.value}\n")
        if section is Section.PEERS:
            parts.append("Setting one of these prints a warning, unless it is set to the default given here.\n")
            parts.append("| Property | Default | Why it has no effect | Known to |\n| --- | --- | --- | --- |")
            rows: list[tuple[str, ...]] = [
                (_code(entry.name), _code(entry.default), entry.ignored, tools_text(entry)) for entry in entries
            ]
        else:
            parts.append("| Property | Default | Values | Meaning | Known to |\n| --- | --- | --- | --- | --- |")
            rows = [_page_row(entry) for entry in entries]
        parts.append("".join(f"| {' | '.join(_cell(cell) for cell in row)} |\n" for row in rows))
    return "\n".join(parts)


GENERATED = {"workloads/workload_template": workload_template, "docs/properties.md": properties_page}
"""Path in the checkout → the function that makes its text."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Write the files, or check them; returns the exit code."""
    parser = argparse.ArgumentParser(prog="python -m ycsbpy.config.generate", description="Write what the table says.")
    parser.add_argument("--check", action="store_true", help="write nothing; exit with 1 if a file differs")
    parser.add_argument("--root", type=Path, default=Path(__file__).parents[2], help="the checkout")
    options = parser.parse_args(arguments)
    code = 0
    for name, make in GENERATED.items():
        path = options.root / name
        if not options.check:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(make(), encoding="utf-8")
        elif not path.is_file() or path.read_text(encoding="utf-8") != make():
            sys.stderr.write(f"{name} is not what the table says; run python -m ycsbpy.config.generate\n")
            code = 1
    return code


def _by_section() -> Iterator[tuple[Section, list[Property]]]:
    for section in Section:
        if entries := [entry for entry in PROPERTIES if entry.section is section]:
            yield section, entries


def _template_entry(entry: Property) -> str:
    flag = f"; flag {entry.flag}" if entry.flag else ""
    lines = [_wrapped(entry.meaning), _wrapped(f"{kind_text(entry)}; {known_to(entry)}{flag}")]
    if entry.default is None:
        lines.append(_wrapped(f"unset: {entry.unset}"))
    if refused := missing(entry):
        lines.append(_wrapped(f"not in this version: {', '.join(refused)}"))
    if entry.default:
        lines.append(format_properties([(entry.name, entry.default)]))
    others = [choice for choice in entry.choices if choice != entry.default and choice not in refused]
    others += [entry.example] if entry.example else []
    lines += ["#" + format_properties([(entry.name, other)]) for other in others]
    if not entry.default and not others:
        lines.append("#" + format_properties([(entry.name, "")]))
    return "".join(lines)


def _page_row(entry: Property) -> tuple[str, str, str, str, str]:
    meaning = entry.meaning
    if entry.flag:
        meaning += f" Flag: `{entry.flag}`."
    if entry.differs:
        meaning += f" *Why this default:* {entry.differs}."
    if refused := missing(entry):
        named = [value if " " in value else _code(value) for value in refused]
        meaning += f" *Not in this version:* {', '.join(named)}."
    default = f"unset: {entry.unset}" if entry.default is None else _code(entry.default)
    return _code(entry.name), default, kind_text(entry, code=True), meaning, tools_text(entry)


def _code(text: str | None) -> str:
    return f"`{text}`" if text else ""


def _cell(text: str) -> str:
    return text.replace("|", "\\|")


def _wrapped(text: str) -> str:
    return _commented(textwrap.fill(text, _WIDTH, break_on_hyphens=False, break_long_words=False))


def _commented(text: str) -> str:
    return "".join(f"# {line}".rstrip() + "\n" for line in text.splitlines())


if __name__ == "__main__":
    sys.exit(main())
