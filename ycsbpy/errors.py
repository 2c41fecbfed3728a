"""Every exception that ycsbpy raises on purpose, and the exit code that the command line gives for it.

    YcsbpyError                     1   the run failed
    ├── UsageError                  2   the input was wrong; nothing was done
    │   ├── PropertyError           2   one property: its name, its value and where it was written
    │   └── NotSupportedError       2   known, but not in this version, driver or build
    ├── DriverError                 1   a database client could not be set up, or broke its contract
    ├── RunError                    1   the run could not go on, or too many operations failed
    ├── DataIntegrityError          3   data that was read is not the data that was written
    ├── ClusterError                4   the cluster could not be started, reached or verified
    ├── SloMissedError              5   the run was fine and slower than was asked for
    └── Interrupted               130   Ctrl-C (128 + SIGINT); the report of what was done was still made

A message is one line that says what was wrong, where, and, where one can be guessed, what was meant. Failures of single
operations are not exceptions: they are an ``Outcome`` (``ycsbpy.ops``), they are counted, and the run goes on.
"""

from __future__ import annotations

import difflib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

__all__ = [
    "ClusterError",
    "DataIntegrityError",
    "DriverError",
    "Interrupted",
    "NotSupportedError",
    "PropertyError",
    "RunError",
    "SloMissedError",
    "UsageError",
    "YcsbpyError",
    "did_you_mean",
    "of_exit_code",
]


class YcsbpyError(Exception):
    """Base of all errors below; ``str(error)`` is the one line that a user sees."""

    exit_code: int = 1


class UsageError(YcsbpyError):
    """Bad input: a flag, a file, a combination. Raised before anything is done."""

    exit_code = 2


class PropertyError(UsageError):
    """One property is wrong.

    ``name`` is the property, ``where`` the place it was written at (``file:line``, ``-p``, a flag) or an empty string,
    ``reason`` what is wrong with it.
    """

    def __init__(self, name: str, reason: str, where: str = "") -> None:
        self.name = name
        self.reason = reason
        self.where = where
        super().__init__(f"{where}: {name}: {reason}" if where else f"{name}: {reason}")


class NotSupportedError(UsageError):
    """Something that exists, here or in a peer, and that this version, driver or build does not do."""


class DriverError(YcsbpyError):
    """A driver could not be loaded or opened, or answered in a way its contract rules out."""


class RunError(YcsbpyError):
    """The run could not go on, or ended with more failed or unknown operations than were allowed."""


class DataIntegrityError(YcsbpyError):
    """Data read from the cluster differs from what was written to it."""

    exit_code = 3


class ClusterError(YcsbpyError):
    """A cluster could not be started, reached, scaled or verified."""

    exit_code = 4


class SloMissedError(YcsbpyError):
    """A service level that was asked for was not met."""

    exit_code = 5


class Interrupted(YcsbpyError):  # noqa: N818  not an error of anybody
    """The user stopped the work; what was done until then has been reported."""

    exit_code = 130


def of_exit_code(code: object, text: str) -> YcsbpyError:
    """The error that another process of ours told of by its exit code and line; of one it cannot be, a cluster's."""
    kinds = (UsageError, DataIntegrityError, Interrupted)
    return next((kind for kind in kinds if kind.exit_code == code), ClusterError)(text)


def did_you_mean(word: str, known: Iterable[str]) -> str:
    """Return ``'; did you mean "…"?'`` for the closest of ``known``, or an empty string where none is near."""
    near = difflib.get_close_matches(word, list(known), n=1, cutoff=0.6)
    return f'; did you mean "{near[0]}"?' if near else ""
