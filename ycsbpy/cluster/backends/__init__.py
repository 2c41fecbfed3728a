"""What can run a cluster here: ``tiup``, ``binaries`` and ``minicluster``, behind one contract (``base``).

``auto`` takes the first that is there, in this order: a real TiKV is what a playground is for. Flags that say which
TiKV is meant leave only those that heed them, and where programs were named plain binaries come first.
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
WHICH_TIKV: dict[str, tuple[str, tuple[str, ...]]] = {
    "--version": ("version", ("tiup",)),
    "--tiup": ("tiup", ("tiup",)),
    "--bin-dir": ("bin_dir", ("binaries",)),
    "--pd.binpath": ("pd_binpath", ("binaries", "tiup")),
    "--kv.binpath": ("kv_binpath", ("binaries", "tiup")),
}
"""Flags that say which TiKV is meant → the field of ``Spec`` that they set, and who heeds them. ``auto`` takes no
other: it would start something else than was asked for."""

WHERE = {
    "tiup": "tiup:TiupBackend",
    "binaries": "binaries:BinariesBackend",
    "minicluster": "minicluster:MiniClusterBackend",
}


def choose(spec: Spec) -> tuple[str, str]:
    """Return which backend to use, and why, in one line.

    Raises ``UsageError`` for a name that is none and a version where there are none, ``ClusterError`` when the one that
    was named is not there, or what was named is of none.
    """
    if spec.version and spec.backend in NAMES and spec.backend not in WHICH_TIKV["--version"][1]:
        raise UsageError(f"the version {spec.version} is TiUP's to find, and the backend {spec.backend} has none")
    if spec.backend in NAMES:
        found = _class(spec.backend).found(spec)
        if not found.there:
            raise ClusterError(f"the backend {spec.backend} cannot be used: {found.why}")
        return spec.backend, found.why
    if spec.backend != AUTO:
        near = did_you_mean(spec.backend, (AUTO, *NAMES))
        raise UsageError(f'there is no backend "{spec.backend}" ({AUTO}, {", ".join(NAMES)}){near}')
    given = {flag: heeding for flag, (field, heeding) in WHICH_TIKV.items() if getattr(spec, field)}
    without: list[str] = []
    named = not given.keys().isdisjoint({"--pd.binpath", "--kv.binpath"})
    order = sorted(NAMES, key="binaries".__ne__) if named else NAMES
    for name in [name for name in order if all(name in heeding for heeding in given.values())]:
        found = _class(name).found(spec)
        if found.there:
            return name, "; ".join([found.why, *without])
        without.append(found.why)
    why = "; ".join(without) or "no backend heeds them all"
    raise ClusterError(f"{' and '.join(given)}: a real TiKV was asked for, and there is none: {why}")


def make(name: str, site: Site) -> Backend:
    """Return the backend of that name, ready to start."""
    made: Backend = _class(name)(site)
    return made


def _class(name: str) -> Any:
    module, _, attribute = WHERE[name].partition(":")
    return getattr(import_module(f"{__name__}.{module}"), attribute)
