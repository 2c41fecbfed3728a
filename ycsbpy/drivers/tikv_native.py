"""The driver whose hot path is native: whole phases of the core workload run in ``ext/engine``, without the GIL.

What a workload of one's own decides operation by operation in Python cannot run there; such single calls go through
``tikv-python``, from which this driver inherits them. So it is chosen by itself only where the engine can take the
whole phase, and there are two speeds: a few microseconds of CPU an operation in the engine, a hundred or more outside.
"""

from __future__ import annotations

import os
from importlib.util import find_spec
from typing import TYPE_CHECKING, ClassVar

from ycsbpy.drivers.tikv_python import TikvPythonDriver

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ycsbpy.config import TikvSettings

__all__ = ["TikvNativeDriver"]


class TikvNativeDriver(TikvPythonDriver):
    """See the module."""

    name: ClassVar[str] = "native"

    @classmethod
    def refusals(cls, settings: TikvSettings) -> Mapping[str, str]:
        refused = dict(super().refusals(settings))
        if find_spec("ycsbpy._native.engine") is None:
            refused["tikv.driver"] = "the native engine is not in this build (it is for Linux)"
        if settings.ca is not None:
            refused["tikv.ca"] = "native speaks no TLS; write tikv.driver=tikv-python"
        return refused

    @property
    def threads(self) -> int:
        """OS threads of the engine."""
        return self.settings.native_threads or len(os.sched_getaffinity(0))

    @property
    def connections(self) -> int:
        """Connections to each store, over all threads: ``tikv.conncount``, but one for each thread."""
        return max(self.settings.conncount, self.threads)

    def describe(self) -> Mapping[str, str]:
        facts = {
            "engine": f"native, {self.threads} OS threads, batches of up to {self.settings.batchsize}",
            "connections per store": str(self.connections),
        }
        return {**super().describe(), **facts}
