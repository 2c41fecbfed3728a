"""The configuration: every property with its typed value and the place it was written at.

Built from the user's own file, then properties files in their order, then ``-p name=value``, then flags; what comes
later wins. A ``Config`` is
immutable, knows where each value came from, so that whoever finds two values that contradict each other can name both
places, and carries the warnings that the command line prints. Checks that need more than one property are in
``settings``.
"""

from __future__ import annotations

import dataclasses
import enum
import stat
from pathlib import Path
from typing import TYPE_CHECKING, Self

from ycsbpy._resources import shipped_workload, shipped_workloads
from ycsbpy.config.properties import PROPERTY_TABLE, find_property
from ycsbpy.config.propsfile import read_properties
from ycsbpy.config.values import AllowedErrors, Kind, MeasurementInterval, Value, printable, shown
from ycsbpy.errors import DriverError, NotSupportedError, PropertyError, UsageError, did_you_mean

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from ycsbpy.config.schema import Property

__all__ = ["Config", "Placed", "Rank", "Setting", "load_config", "make_config", "written_value"]


class Rank(enum.IntEnum):
    """How a value was given; a higher rank wins."""

    DEFAULT = 0
    USER = 1  # the user's own file
    FILE = 2
    OPTION = 3  # -p, or an argument of the library
    FLAG = 4


class Placed(str):
    """A text that stands for one on the command line and was written elsewhere: messages call that place by name."""

    __slots__ = ("place",)
    place: str

    def __new__(cls, text: str, place: str) -> Self:
        made = super().__new__(cls, text)
        made.place = place
        return made


@dataclasses.dataclass(frozen=True, slots=True)
class Setting:
    """A value and where it was written: ``file:line``, ``-p``, a flag, or ``default``."""

    value: Value | None
    where: str
    rank: Rank


@dataclasses.dataclass(frozen=True, slots=True)
class _Written:
    """One property as somebody wrote it, not yet looked at."""

    name: str
    text: str
    where: str
    rank: Rank


@dataclasses.dataclass(frozen=True, slots=True)
class Config:
    """Every property's value. Made by ``load_config`` and ``make_config``.

    The typed getters raise ``KeyError`` for a property that does not exist and ``TypeError`` for one of another kind or
    without a value: mistakes in the program, not in the input.
    """

    properties: Mapping[str, Property]
    """Every known property, those of the driver included, by name."""
    settings: Mapping[str, Setting]
    warnings: tuple[str, ...] = ()
    """Lines for stderr: values that have no effect, and properties that are unknown, if that is allowed."""
    unknown: Mapping[str, str] = dataclasses.field(default_factory=dict)
    """Unknown properties and their text, if that is allowed."""

    def value(self, name: str) -> Value | None:
        """The value of any property; None if it is unset."""
        return self.settings[name].value

    def integer(self, name: str) -> int:
        value = self.value(name)
        if type(value) is not int:
            raise _wrong_kind(name, value, "a whole number")
        return value

    def optional_integer(self, name: str) -> int | None:
        """As ``integer``, and None if the property is unset."""
        return None if self.value(name) is None else self.integer(name)

    def number(self, name: str) -> float:
        value = self.value(name)
        if type(value) is not int and type(value) is not float:
            raise _wrong_kind(name, value, "a number")
        return float(value)

    def boolean(self, name: str) -> bool:
        value = self.value(name)
        if not isinstance(value, bool):
            raise _wrong_kind(name, value, "true or false")
        return value

    def text(self, name: str) -> str:
        """The value of a text, a choice or a path."""
        value = self.value(name)
        if not isinstance(value, str):
            raise _wrong_kind(name, value, "a text")
        return value

    def items(self, name: str) -> tuple[str, ...]:
        """The value of a list; an unset one is empty."""
        value = self.value(name)
        if value is None and self.properties[name].kind is Kind.LIST:
            return ()
        if not isinstance(value, tuple):
            raise _wrong_kind(name, value, "a list")
        return value

    def interval(self, name: str = "measurement.interval") -> MeasurementInterval:
        value = self.value(name)
        if not isinstance(value, MeasurementInterval):
            raise _wrong_kind(name, value, "an interval")
        return value

    def allowed_errors(self, name: str = "allowerrors") -> AllowedErrors:
        value = self.value(name)
        if not isinstance(value, AllowedErrors):
            raise _wrong_kind(name, value, "a number of errors")
        return value

    def origin(self, name: str) -> str:
        """Where the value was written: ``file:line``, ``-p``, a flag, or ``default``."""
        return self.settings[name].where

    def rank(self, name: str) -> Rank:
        return self.settings[name].rank

    def was_set(self, name: str) -> bool:
        """Whether somebody wrote the property, be it with its default."""
        return self.rank(name) is not Rank.DEFAULT

    def is_default(self, name: str) -> bool:
        """Whether the value is the default, written or not."""
        return self.value(name) == self.properties[name].default_value

    def error(self, name: str, reason: str) -> PropertyError:
        """An exception that says that `name` is wrong, why, and where it was written (if it was)."""
        return PropertyError(name, reason, self.origin(name) if self.was_set(name) else "")

    def non_default(self) -> dict[str, str]:
        """What differs from the defaults and has an effect, as a properties file would say it."""
        return {name: text for name, text in self.everything().items() if not self.is_default(name)}

    def everything(self) -> dict[str, str]:
        """Every property that has an effect, as a properties file would say it; an unset one is empty."""
        return {name: _shown(self.value(name)) for name, entry in self.properties.items() if not entry.ignored}

    def with_value(self, name: str, text: str, where: str) -> Config:
        """A copy in which `name` is `text`, found out by the program (`where` says how). Raises as ``load_config``."""
        setting = _checked(self.properties[name], _Written(name, text, where, Rank.FLAG))
        return dataclasses.replace(self, settings={**self.settings, name: setting})


def load_config(
    files: Sequence[str] = (),
    overrides: Sequence[str] = (),
    flags: Mapping[str, str] | None = None,
    *,
    arguments: Mapping[str, object] | None = None,
    user_file: Path | None = None,
    lenient: bool = False,
    extra: Sequence[Property] = (),
) -> Config:
    """Build the configuration of a command.

    `files` are what ``-P`` named, `overrides` what ``-p`` said (``name=value``), `flags` what other flags said, by the
    name of the property that each sets, `arguments` Python values, as strong as overrides, `user_file` the weakest of
    all. Texts may be ``Placed``. `lenient` makes unknown properties a warning. `extra` are the properties of the driver
    in use, or a version of ``tikv.driver`` with more choices. Raises ``UsageError`` and its subclasses
    ``PropertyError`` and ``NotSupportedError`` for the first thing that is wrong, and ``DriverError`` where `extra`
    clashes.
    """
    notes: list[str] = []
    written = [
        *_written_by_user(user_file, notes),
        *_written_in_files(files, notes),
        *_written_as_options(overrides),
        *_written_as_arguments(arguments or {}),
        *_written_as_flags(flags or {}),
    ]
    return _build(written, notes, lenient=lenient, extra=extra)


def make_config(
    values: Mapping[str, object] | None = None, *, lenient: bool = False, extra: Sequence[Property] = ()
) -> Config:
    """Build the configuration from Python values, as ``load_config`` does from a command line."""
    return load_config(arguments=values, lenient=lenient, extra=extra)


def written_value(
    name: str,
    files: Sequence[str] = (),
    overrides: Sequence[str] = (),
    flags: Mapping[str, str] | None = None,
    user_file: Path | None = None,
) -> str | None:
    """What a command line says about one property, unchecked; None if nothing.

    For the driver's name, which has to be known before its properties are.
    """
    written = [
        *_written_by_user(user_file, []),
        *_written_in_files(files, []),
        *_written_as_options(overrides),
        *_written_as_flags(flags or {}),
    ]
    return next((entry.text for entry in reversed(written) if entry.name == name), None)


def _written_in_files(files: Sequence[str], notes: list[str]) -> Iterator[_Written]:
    for name in files:
        yield from _written_in(*_find_file(name), Rank.FILE, notes)


def _written_by_user(path: Path | None, notes: list[str]) -> Iterator[_Written]:
    if path is not None:
        yield from _written_in(path, str(path), Rank.USER, notes)


def _written_in(path: Path, shown_name: str, rank: Rank, notes: list[str]) -> Iterator[_Written]:
    lines: dict[str, int] = {}
    for entry in read_properties(path, shown_name):
        where = f"{shown_name}:{entry.line}"
        if entry.name in lines:
            notes.append(f"{where}: {entry.name}: already in line {lines[entry.name]}; the last one counts")
        lines[entry.name] = entry.line
        yield _Written(entry.name, entry.value, where, rank)


def _find_file(name: str) -> tuple[Path, str]:
    """The file that ``-P name`` means, and what messages call it: one of that name or path, else a shipped workload.

    ``workloads/NAME`` is a shipped workload too where there is no such file: that is where YCSB's checkout has them.
    """
    shown_name, place = printable(name), _place(name, "-P")
    try:
        path = Path(name).expanduser()
        if stat.S_ISDIR(path.stat().st_mode):
            raise UsageError(f"{place} {shown_name}: is a folder, not a file")
        return path, shown_name  # whatever else it is: a shell's <(…) is a pipe
    except (FileNotFoundError, NotADirectoryError):
        pass
    except (OSError, RuntimeError, ValueError) as error:  # too long, no permission; a home folder of nobody; NUL
        raise UsageError(f"{place} {shown_name}: {getattr(error, 'strerror', None) or error}") from error
    base = path.name if str(path.parent) == "workloads" else name
    if base == Path(base).name and (shipped := shipped_workload(base)) is not None:
        return shipped, f"shipped {base}"
    known = shipped_workloads()
    hint = did_you_mean(base, known) or (f"; shipped are {', '.join(known)}" if known else "")
    raise UsageError(f"{place} {shown_name}: no such file, and no shipped workload of that name{hint}")


def _written_as_options(overrides: Sequence[str]) -> Iterator[_Written]:
    for override in overrides:
        name, equals, text = override.partition("=")
        name = name.strip()
        place = _place(override, "-p")
        if not equals or not name:
            raise UsageError(f'{place} "{printable(override)}": write name=value')
        yield _Written(name, text, place, Rank.OPTION)


def _written_as_arguments(arguments: Mapping[str, object]) -> Iterator[_Written]:
    for name, value in arguments.items():
        yield _Written(name, _text_of(value), "argument", Rank.OPTION)


def _written_as_flags(flags: Mapping[str, str]) -> Iterator[_Written]:
    for name, text in flags.items():
        entry = find_property(name)
        flag = entry.flag if entry is not None and entry.flag else f"--{name}"
        yield _Written(name, text, _place(text, flag), Rank.FLAG)


def _place(text: str, otherwise: str) -> str:
    return text.place if isinstance(text, Placed) else otherwise


def _build(written: Iterable[_Written], notes: list[str], *, lenient: bool, extra: Sequence[Property]) -> Config:
    table = _table_with(extra)
    settings = {name: Setting(entry.default_value, "default", Rank.DEFAULT) for name, entry in table.items()}
    unknown: dict[str, str] = {}
    last: dict[str, _Written] = {}
    for one in written:
        last.pop(one.name, None)  # its place is that of the value that counts
        last[one.name] = one
    for name, one in last.items():
        entry = find_property(name, table)
        if entry is None:
            reason = f"unknown property{did_you_mean(name, _real_names(table))}"
            error = PropertyError(printable(name), reason, one.where)
            if not lenient:
                raise error
            unknown[name] = one.text
            notes.append(str(error))
        elif entry.ignored:
            notes.extend(_note_on_ignored(entry, one))
        else:
            settings[name] = _checked(entry, one)
            notes.extend(_notes_on_text(entry, one))
    return Config(table, settings, tuple(notes), unknown)


def _table_with(extra: Sequence[Property]) -> dict[str, Property]:
    table = dict(PROPERTY_TABLE)
    for entry in extra:
        known = table.get(entry.name)
        grown = known is not None and known.extensible and set(known.choices) <= set(entry.choices)
        if known is not None and known != entry and not grown:
            raise DriverError(f"a driver declares the property {entry.name}, which exists already")
        table[entry.name] = entry
    return table


def _real_names(table: Mapping[str, Property]) -> list[str]:
    return [name for name in table if not name.endswith(".*")]


def _checked(entry: Property, one: _Written) -> Setting:
    try:
        value = entry.parse(one.text)
    except ValueError as error:
        raise PropertyError(one.name, str(error), one.where) from None
    if refusal := entry.refusal(value):
        raise NotSupportedError(f"{one.where}: {one.name}={printable(shown(value))}: {refusal}")
    return Setting(value, one.where, one.rank)


def _note_on_ignored(entry: Property, one: _Written) -> list[str]:
    """A warning, unless the value is the one that means that nothing is asked for."""
    try:
        asks_for_nothing = entry.default is not None and entry.parse(one.text) == entry.default_value
    except ValueError:
        asks_for_nothing = False
    return [] if asks_for_nothing else [f"{one.where}: {one.name}: has no effect: {entry.ignored}"]


def _notes_on_text(entry: Property, one: _Written) -> list[str]:
    if entry.kind is not Kind.TEXT:
        return []
    notes = []
    if one.text != one.text.strip():
        notes.append(f"{one.where}: {one.name}: begins or ends with white space, which is part of it")
    if "${" in one.text:
        notes.append(f"{one.where}: {one.name}: ${{…}} is taken as it stands; go-ycsb would replace it")
    return notes


def _text_of(value: object) -> str:
    if isinstance(value, str):
        return value
    if isinstance(value, (list, tuple)):
        return ",".join(str(item) for item in value)
    if isinstance(value, (int, float, AllowedErrors, MeasurementInterval)):
        return shown(value)
    return str(value)


def _shown(value: Value | None) -> str:
    return "" if value is None else shown(value)


def _wrong_kind(name: str, value: object, wanted: str) -> TypeError:
    return TypeError(f"the property {name} is {value!r}, not {wanted}")
