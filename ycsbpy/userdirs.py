"""This user's folders, by the XDG base directory standard: for what ycsbpy remembers, and for what the user sets."""

from __future__ import annotations

import os
from pathlib import Path

__all__ = ["config_folder", "state_folder"]


def state_folder() -> Path:
    """``$XDG_STATE_HOME/ycsbpy``: playgrounds, and the history of the shell. It need not exist."""
    return _base("XDG_STATE_HOME", ".local/state") / "ycsbpy"


def config_folder() -> Path:
    """``$XDG_CONFIG_HOME/ycsbpy``: the user's properties. It need not exist."""
    return _base("XDG_CONFIG_HOME", ".config") / "ycsbpy"


def _base(variable: str, otherwise: str) -> Path:
    given = os.environ.get(variable, "")
    return Path(given) if given.startswith("/") else Path.home() / otherwise  # a relative one counts as unset
