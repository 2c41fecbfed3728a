"""Flags from the environment: ``YCSBPY_…`` stands for a flag that is not on the command line.

``--threads`` and the other flags of a workload's commands have one variable for all of them, ``YCSBPY_THREADS``; any
other flag one that begins with its command, ``YCSBPY_WALK_ADD``. ``-P`` and ``-p`` take several words, quoted as in a
shell, and those of the command line come after them instead of in their place.
"""

from __future__ import annotations

import os
import shlex
from typing import TYPE_CHECKING, Any

import click
from click.core import ParameterSource

from ycsbpy.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

__all__ = ["PREFIX", "SharedOption", "WordsOption", "name_variables", "placed", "variables"]

PREFIX = "YCSBPY"


class SharedOption(click.Option):
    """A flag that means the same in every command that has it, so that one variable stands for it in all of them."""


class WordsOption(SharedOption):
    """A flag that may be repeated; what its variable says comes first."""

    def consume_value(self, ctx: click.Context, opts: Mapping[str, Any]) -> tuple[Any, ParameterSource]:
        from ycsbpy.config import Placed

        given = tuple(opts.get(self.name or "") or ())
        variable = str(self.envvar)
        try:
            words = shlex.split(os.environ.get(variable, "")) if self.envvar else []
        except ValueError as error:
            if ctx.resilient_parsing:
                return given, ParameterSource.COMMANDLINE
            raise UsageError(f"{variable}: {str(error)[:1].lower()}{str(error)[1:]}") from None
        value = (*(Placed(word, variable) for word in words), *given)
        source = ParameterSource.COMMANDLINE if given else ParameterSource.ENVIRONMENT
        return value, source if value else ParameterSource.DEFAULT

    def type_cast_value(self, ctx: click.Context, value: Any) -> tuple[str, ...]:
        return tuple(value or ())  # as they are: click's own cast would forget where they are from


def name_variables(command: click.Command, path: Sequence[str]) -> None:
    """Give each flag of a command, called by the names in ``path``, and of those below it, the variable's name."""
    for option in command.params:
        if isinstance(option, click.Option) and not option.hidden:
            shared = isinstance(option, SharedOption)
            option.envvar = "_".join([PREFIX, *([] if shared else map(_upper, path)), _flag(option)])
            option.show_envvar = True
    if isinstance(command, click.Group):
        for name, below in command.commands.items():
            name_variables(below, [*path, name])


def variables(command: click.Command) -> list[str]:
    """The variables of a command and of those below it, once they have been named."""
    own = [str(option.envvar) for option in command.params if isinstance(option, click.Option) and option.envvar]
    below = list(command.commands.values()) if isinstance(command, click.Group) else []
    return own + [name for one in below for name in variables(one)]


def placed(name: str, value: str) -> str:
    """A flag's value, with its variable as its place if it came from there."""
    ctx = click.get_current_context()
    if ctx.get_parameter_source(name) is not ParameterSource.ENVIRONMENT:
        return value
    from ycsbpy.config import Placed

    variable = next(str(option.envvar) for option in ctx.command.params if option.name == name)
    return Placed(value, variable)


def _flag(option: click.Option) -> str:
    longest = max(option.opts, key=len)
    return _upper(longest.lstrip("-"))


def _upper(name: str) -> str:
    return name.replace("-", "_").replace(".", "_").upper()
