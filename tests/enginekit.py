"""The native engine by itself: a phase against a cluster that is there, without drivers, runner and reports."""

from __future__ import annotations

import threading
import time
from collections import Counter
from typing import Any, NamedTuple

from ycsbpy._native.engine import Engine
from ycsbpy._native.generators import DOMAIN_LOAD, OperationSource
from ycsbpy._native.recording import Recorder
from ycsbpy.config import TikvSettings, WorkloadSettings, make_config
from ycsbpy.drivers.pd_directory import PdDirectory

KINDS = 9
SEED = 7


class Ended(NamedTuple):
    """What a phase came to. ``counts`` has the operations by (kind, outcome)."""

    totals: dict[str, Any]
    counts: Counter[tuple[int, int]]
    errors: list[tuple[int, int, str, int, str]]
    attempts: dict[str, int]


def source_of(**properties: Any) -> OperationSource:
    """What draws the operations; small rows, no reads beyond what is asked for."""
    values: dict[str, Any] = {"recordcount": 60, "operationcount": 200, "fieldcount": 2, "fieldlength": 8}
    values |= {"requestdistribution": "uniform", "readproportion": 0, "updateproportion": 0, **properties}
    settings = WorkloadSettings.from_config(make_config(values))
    return OperationSource(seed=SEED, **settings.source_arguments())


def run_engine(pd: str, source: OperationSource, properties: dict[str, Any] | None = None, **arguments: Any) -> Ended:
    """Run a phase to its end; blocks. It knows nothing of the cluster before it asks; ``properties`` are for asking."""
    settings = TikvSettings.from_config(make_config({"tikv.pd": pd, **(properties or {})}))
    defaults: dict[str, Any] = {"threads": 1, "clients": 4, "connections": 1, "batch_limit": 128}
    defaults |= {"domain": DOMAIN_LOAD, "count": 60, "period": None, "deadline_ns": -1, "timeout_ns": 5_000_000_000}
    defaults |= {"origin_ns": time.monotonic_ns(), "repeats_writes": False}
    defaults |= {"key_prefix": b"usertable:", "key_end": b"usertable;"}
    engine = Engine(source, **{**defaults, **arguments})
    directory = PdDirectory(settings)
    recorder = Recorder(KINDS, 4, response=False)

    def guide() -> None:
        while engine.running:
            for thread, key in engine.questions(50_000_000):
                engine.answer(thread, key, directory.region(key))

    engine.start()
    guiding = threading.Thread(target=guide)
    guiding.start()
    engine.join()
    guiding.join()
    directory.close()
    assert engine.broken == ""
    engine.merge_into(recorder)
    counts = Counter({(kind, outcome): one.total for (kind, outcome, _), one in recorder.take().items()})
    return Ended(engine.totals(), counts, engine.errors(), engine.attempts())
