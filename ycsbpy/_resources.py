"""Files that come with ycsbpy and are not code: the workload files.

In a checkout, also one that was installed with ``pip install -e``, they are in ``workloads/`` at its top. ``setup.py``
puts a copy beside the modules when it builds a wheel.
"""

from __future__ import annotations

from pathlib import Path

__all__ = ["shipped_workload", "shipped_workloads"]

_PACKAGE = Path(__file__).resolve().parent
_FOLDERS = (_PACKAGE / "_workloads", _PACKAGE.parent / "workloads")


def shipped_workload(name: str) -> Path | None:
    """The shipped workload file called ``name``; None if there is none."""
    return next((folder / name for folder in _FOLDERS if name in _names(folder)), None)


def shipped_workloads() -> list[str]:
    """Names of all shipped workload files, sorted."""
    return sorted({name for folder in _FOLDERS for name in _names(folder)})


def _names(folder: Path) -> list[str]:
    return [path.name for path in folder.glob("workload*") if path.is_file() and not path.suffix]
