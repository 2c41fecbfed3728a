"""Folders that processes are to write in."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from ycsbpy.errors import ClusterError

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["make_writable"]


def make_writable(folder: Path) -> None:
    """Make it if it is not there, for its owner only, and see that files can be made in it. Raises ``ClusterError``."""
    try:
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        probe = folder / f".writable.{os.getpid()}"
        probe.touch()
        probe.unlink()
    except OSError as error:
        raise ClusterError(f"cannot write in {folder}: {error.strerror}") from None
