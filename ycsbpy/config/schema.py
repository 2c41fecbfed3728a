"""What a property is: a name, a type, a default, what it means, and which of its values are not there yet.

The table of them is ``properties``; a driver declares properties of its own with the same class.
"""

from __future__ import annotations

import enum
import re
from dataclasses import dataclass

from ycsbpy.config.values import Bounds, Kind, Value, parse_value

__all__ = ["Property", "Refusal", "Section", "Tool"]

_NAME = re.compile(r"[A-Za-z0-9_-]+(\.[A-Za-z0-9_-]+)*(\.\*)?")


class Tool(enum.Enum):
    """Who else has a property."""

    GO = "go-ycsb"
    JAVA = "YCSB"


class Section(enum.Enum):
    """Where a property stands in the documentation, in this order."""

    RECORDS = "The table and its records"
    OPERATIONS = "Operations"
    RUN = "The run"
    MEASUREMENT = "Measurement and output"
    TIKV = "TiKV"
    DRIVER = "Drivers"
    PEERS = "Known from other tools, without effect here"


@dataclass(frozen=True, slots=True)
class Refusal:
    """Values that are known and not in this version: those named, or, where none is, all but the default."""

    sentence: str
    values: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Property:
    """One property. ``default`` and ``example`` are written as in a properties file; a default of None means unset.

    Raises ``ValueError`` for a name that cannot be written in a properties file, and for a default that is not of its
    kind.
    """

    name: str
    kind: Kind
    default: str | None
    meaning: str
    section: Section = Section.DRIVER
    tools: tuple[Tool, ...] = ()
    choices: tuple[str, ...] = ()
    aliases: tuple[tuple[str, str], ...] = ()
    """Other spellings of a value: (written, meant)."""
    minimum: float | None = None
    """Of a number, or of the length of a text or list; inclusive, as ``maximum``."""
    maximum: float | None = None
    flag: str = ""
    """The command-line flag that sets it."""
    example: str = ""
    unset: str = ""
    """What stands in for it while it is not set."""
    differs: str = ""
    """Why the default is not that of the other tools."""
    refused: tuple[Refusal, ...] = ()
    ignored: str = ""
    """Why it has no effect; an empty string means that it has one."""
    extensible: bool = False
    """Whether ``load_config(extra=…)`` may replace it by a version with more choices."""

    def __post_init__(self) -> None:
        if not _NAME.fullmatch(self.name):
            raise ValueError(f'"{self.name}" cannot be the name of a property')
        if self.kind is Kind.CHOICE and not self.choices:
            raise ValueError(f"{self.name}: a choice needs choices")
        if self.default is not None:
            try:
                self.parse(self.default)
            except ValueError as error:
                raise ValueError(f"{self.name}: its default {error}") from None

    def parse(self, text: str) -> Value:
        """Return the typed value of `text`. Raises ``ValueError`` with the rest of a sentence about this property."""
        if self.aliases:
            text = dict(self.aliases).get(text.strip(), text)
        return parse_value(self.kind, text, Bounds(self.choices, self.minimum, self.maximum))

    @property
    def default_value(self) -> Value | None:
        return None if self.default is None else self.parse(self.default)

    def refusal(self, value: Value) -> str:
        """Why `value` is refused; an empty string if it is not."""
        for entry in self.refused:
            if value in entry.values if entry.values else value != self.default_value:
                return entry.sentence
        return ""
