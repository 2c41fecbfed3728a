"""Files that a run leaves: found out before a run whether they can be written, and one line where they cannot."""

from __future__ import annotations

from pathlib import Path
from typing import TextIO

from ycsbpy.config.values import printable
from ycsbpy.errors import RunError, UsageError

__all__ = ["check_prefix", "open_for_writing", "write_file"]


def open_for_writing(path: str) -> TextIO:
    """A text file, emptied. Raises ``UsageError`` where there cannot be one."""
    try:
        return Path(path).expanduser().open("w", encoding="utf-8")
    except (OSError, RuntimeError, ValueError) as error:
        raise UsageError(
            f"{printable(path)}: cannot be written: {getattr(error, 'strerror', None) or error}"
        ) from error


def check_prefix(prefix: str) -> None:
    """Raises ``UsageError`` if no file can be made whose name begins so."""
    try:
        folder = Path(f"{prefix}x").expanduser().parent
        there = folder.is_dir()
    except (OSError, RuntimeError, ValueError) as error:
        raise UsageError(f"{printable(prefix)}: cannot be written: {error}") from error
    if not there:
        raise UsageError(f"{printable(prefix)}: cannot be written: there is no folder {printable(str(folder))}")


def write_file(path: str, text: str) -> None:
    """Write a file after a run. Raises ``RunError`` where it cannot be."""
    try:
        Path(path).expanduser().write_text(text, encoding="utf-8")
    except OSError as error:
        raise RunError(f"{printable(path)}: could not be written: {error.strerror}") from error
