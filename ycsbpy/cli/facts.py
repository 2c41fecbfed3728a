"""What this ycsbpy is and was built with; found from its files, so that a broken build can say it too."""

from __future__ import annotations

import platform
import re
import sys
from dataclasses import dataclass
from importlib.machinery import EXTENSION_SUFFIXES
from pathlib import Path

from ycsbpy import __version__

__all__ = ["LINUX_ONLY", "NATIVE", "NativeModule", "native_modules", "version_lines"]

NATIVE = ("generators", "recording", "timer", "engine", "nullstore")
LINUX_ONLY = ("timer", "engine", "nullstore")

_COMPILER = re.compile(rb"GCC: \([^)\0]{1,80}\) ([0-9.]+)|((?:Apple )?clang version [0-9.]+)")
_FOLDER = Path(__file__).resolve().parents[1] / "_native"


@dataclass(frozen=True, slots=True)
class NativeModule:
    """A native module; ``compiler`` as its file says (a stripped one does not), ``why`` where it is not there."""

    name: str
    built: bool
    compiler: str = ""
    why: str = ""


def version_lines() -> list[str]:
    """The version first, as scripts expect it, then how it was built and for what."""
    found = native_modules()
    built = [one.name for one in found if one.built]
    compilers = sorted({one.compiler for one in found if one.compiler})
    by = f" (by {', '.join(compilers)})" if compilers else ""
    python = f"{platform.python_implementation()} {platform.python_version()}, built by {platform.python_compiler()}"
    lines = [
        f"ycsbpy {__version__}",
        f"python    {python}, {sys.executable}",
        f"platform  {platform.system()} {platform.machine()}, {_c_library()}",
        f"native    {', '.join(built) or 'nothing'}{by}",
    ]
    return lines + [f"not built {one.name}: {one.why}" for one in found if not one.built]


def native_modules(folder: Path = _FOLDER, system: str = sys.platform) -> list[NativeModule]:
    """Each native module that there can be, whether it is there, and why not."""
    return [_native_module(name, folder, system) for name in NATIVE]


def _native_module(name: str, folder: Path, system: str) -> NativeModule:
    for suffix in EXTENSION_SUFFIXES:
        file = folder / f"{name}{suffix}"
        if file.is_file():
            return NativeModule(name, built=True, compiler=_compiler(file))
    if name in LINUX_ONLY and system != "linux":
        return NativeModule(name, built=False, why="it is for Linux")
    others = sorted(file.name.split(".")[1] for file in folder.glob(f"{name}.*.so"))
    found = f"only for {', '.join(others)}, not " if others else "not built "
    return NativeModule(name, built=False, why=f"{found}for {sys.implementation.cache_tag}; install ycsbpy anew")


def _compiler(file: Path) -> str:
    try:
        found = _COMPILER.search(file.read_bytes())
    except OSError:
        return ""
    if found is None:
        return ""
    return f"GCC {found[1].decode()}" if found[1] else found[2].decode()


def _c_library() -> str:
    name, version = platform.libc_ver()
    return f"{name} {version}".strip() or platform.release()
