"""The compiled modules, made from ``ext/``; each has a stub beside it that says what it offers.

They are built when ycsbpy is installed. In a checkout they may be missing, or be those of another Python; then
importing this package says so in one line, before some import from it fails less clearly. ``timer`` is for Linux only,
so it is not missed here.
"""

from __future__ import annotations

import sys
from importlib.machinery import EXTENSION_SUFFIXES
from pathlib import Path

__all__ = ["NativeModuleMissingError"]

_REQUIRED = ("generators", "recording")


class NativeModuleMissingError(ImportError):
    """ycsbpy's native modules were not built for this Python; the message says how to build them."""


def _check_built(folder: Path) -> None:
    for name in _REQUIRED:
        if any((folder / f"{name}{suffix}").is_file() for suffix in EXTENSION_SUFFIXES):
            continue
        others = sorted(path.name.split(".")[1] for path in folder.glob(f"{name}.*.so"))
        found = f", only for {', '.join(others)}" if others else ""
        raise NativeModuleMissingError(
            f"ycsbpy's native module {name} is not built for {sys.implementation.cache_tag}{found}; in the checkout "
            f"run '{sys.executable} -m pip install -e .' (needs a C++20 compiler and Python's headers)",
            name=f"{__name__}.{name}",
        )


_check_built(Path(__file__).resolve().parent)
