"""What can run a cluster here: ``tiup``, ``binaries`` and ``minicluster``, behind one contract (``base``).

``auto`` takes the first that is there, in this order: a real TiKV is what a playground is for. Programs that were named
by a flag say which is meant, so with them plain binaries come first.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from ycsbpy.errors import ClusterError, UsageError, did_you_mean

if TYPE_CHECKING:
    from ycsbpy.cluster.backends.base import Backend, Site
    from ycsbpy.cluster.topology import Spec

__all__ = ["AUTO", "NAMES", "choose", "make"]

AUTO = "auto"
NAMES = ("tiup", "binaries", "minicluster")
WHERE = {
    "tiup": "tiup:TiupBackend",
    "binaries": "binaries:BinariesBackend",
    "minicluster": "minicluster:MiniClusterBackend",
}


def choose(spec: Spec) -> tuple[str, str]:
    """Return which backend to use, and why, in one line.

    Raises ``UsageError`` for a name that is none, ``ClusterError`` when the one that was named is not there.
    """
    if spec.backend in NAMES:
        found = _class(spec.backend).found(spec)
        if not found.there:
            raise ClusterError(f"the backend {spec.backend} cannot be used: {found.why}")
        return spec.backend, found.why
    if spec.backend != AUTO:
        near = did_you_mean(spec.backend, (AUTO, *NAMES))
        raise UsageError(f'there is no backend "{spec.backend}" ({AUTO}, {", ".join(NAMES)}){near}')
    named = spec.pd_binpath is not None or spec.kv_binpath is not None or spec.bin_dir is not None
    without: list[str] = []
    for name in sorted(NAMES, key="binaries".__ne__) if named else NAMES:
        found = _class(name).found(spec)
        if found.there:
            return name, "; ".join([found.why, *without])
        without.append(found.why)
    raise AssertionError  # the last one is always there


def make(name: str, site: Site) -> Backend:
    """Return the backend of that name, ready to start."""
    made: Backend = _class(name)(site)
    return made


def _class(name: str) -> Any:
    module, _, attribute = WHERE[name].partition(":")
    return getattr(import_module(f"{__name__}.{module}"), attribute)
