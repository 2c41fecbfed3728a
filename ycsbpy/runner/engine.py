"""A phase in the native engine: hands it the plan, answers its questions about Regions, reads its counts once a window.

The twin of the coroutines in ``runner.phases`` for workloads that are drawn natively. The interpreter is touched a few
times a second; operations never wait for it.
"""

from __future__ import annotations

import asyncio
import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from fractions import Fraction
from functools import partial
from typing import TYPE_CHECKING

from ycsbpy.clock import NS_PER_SECOND
from ycsbpy.drivers.rowcodec import table_range
from ycsbpy.drivers.tikv_native import TikvNativeDriver
from ycsbpy.errors import ClusterError, DriverError, RunError, YcsbpyError
from ycsbpy.measure.summary import Attempts, ClientLoad
from ycsbpy.ops import OpKind
from ycsbpy.workload.base import Phase
from ycsbpy.workload.core import CoreWorkload

if TYPE_CHECKING:
    from ycsbpy._native.engine import Engine
    from ycsbpy.drivers.base import DriverBase
    from ycsbpy.drivers.pd_directory import PdDirectory
    from ycsbpy.runner.phases import PhaseRun
    from ycsbpy.workload.base import Workload

__all__ = ["run_engine", "runs_natively"]

_ASK_NS = 200_000_000
_LOOKUPS = 8
"""Look-ups under way at once: a Region that cannot be found must not keep others waiting."""


def runs_natively(driver: DriverBase, workload: Workload) -> bool:
    """Whether the engine can run a phase of this workload by itself."""
    return isinstance(driver, TikvNativeDriver) and type(workload) is CoreWorkload


async def run_engine(phase: PhaseRun) -> None:
    """Run the phase and leave in ``phase`` what its coroutines would have left there."""
    driver, workload = phase.driver, phase.workload
    assert isinstance(driver, TikvNativeDriver)
    assert isinstance(workload, CoreWorkload)
    directory = driver.directory()
    try:
        start, end = map(driver.codec.key, table_range(workload.table, b""))
        engine = _make_engine(phase, driver, workload, start, end)
        with suppress(ClusterError):  # what could not be had now is asked for one by one
            for region in await asyncio.to_thread(directory.regions, start, end):
                engine.know(region)
        phase.feed = partial(_feed, phase, engine)
        await _run(phase, engine, directory)
    finally:
        directory.close()


def _make_engine(phase: PhaseRun, driver: TikvNativeDriver, workload: CoreWorkload, start: bytes, end: bytes) -> Engine:
    """``start`` and ``end`` are the bounds of the table's keys on TiKV."""
    from ycsbpy._native.engine import Engine

    plan, settings = phase.plan, driver.settings
    period = None
    if plan.target:
        exact = NS_PER_SECOND / Fraction(repr(plan.target))
        period = (exact.numerator, exact.denominator)
    try:
        return Engine(
            workload.source,
            threads=driver.threads,
            clients=phase.clients,
            connections=driver.connections,
            batch_limit=settings.batchsize,
            domain=int(plan.phase),
            count=plan.count,
            period=period,
            origin_ns=phase.origin_ns,
            deadline_ns=-1 if phase.dispenser.deadline_ns is None else phase.dispenser.deadline_ns,
            timeout_ns=round(settings.timeout_seconds * NS_PER_SECOND),
            repeats_writes=plan.phase == Phase.LOAD,
            key_prefix=start,
            key_end=end,
            column_family=driver.column_family.encode(),
            api_version=driver.codec.api_version,
            keyspace_id=driver.codec.keyspace_id,
            ttl=driver.ttl,
            batch_size=plan.batch,
            recorded_as=_recorded_as(plan.batch),
            tls=driver.tls,
            samples=phase.taps.samples,
        )
    except RuntimeError as error:  # certificates that OpenSSL does not take
        raise DriverError(f"native: {error}") from None


def _recorded_as(batch_size: int) -> list[int]:
    """The kind under which each of the six kinds is counted: batches have kinds of their own, but for scans."""
    kinds = list(OpKind)[:6]
    return [int(kind if batch_size == 1 or kind is OpKind.SCAN else kind.batch) for kind in kinds]


async def _run(phase: PhaseRun, engine: Engine, directory: PdDirectory) -> None:
    stopped_ns = 0

    def stopped() -> None:
        nonlocal stopped_ns
        stopped_ns = stopped_ns or phase.clock.now_ns()
        engine.stop(at_once=phase.stop.forced)

    engine.start()
    guide = threading.Thread(target=_answer_questions, args=(engine, directory), daemon=True)
    guide.start()
    try:
        with phase.stop.listening(stopped):
            await asyncio.to_thread(engine.join)
    except asyncio.CancelledError:
        engine.stop(at_once=True)
        await asyncio.to_thread(engine.join)
        raise
    finally:
        await asyncio.to_thread(guide.join)
    _settle(phase, engine, stopped_ns)


def _settle(phase: PhaseRun, engine: Engine, stopped_ns: int) -> None:
    if engine.broken:
        raise RunError(f"a thread of the engine broke: {engine.broken}")
    totals = engine.totals()
    phase.dispenser.begun = int(totals["begun"])
    phase.ended_ns = int(totals["ended_ns"]) or phase.origin_ns
    phase.client_load = ClientLoad.of(engine.loads())
    phase.attempts = Attempts(int(totals["requests"]), engine.attempts())
    phase.violations = int(totals["violations"])
    phase.violation_example = str(totals["violation"])
    if phase.stop.reason:
        phase.dispenser.stop(phase.stop.reason, stopped_ns)
    elif phase.dispenser.deadline_ns is not None and phase.dispenser.begun != phase.dispenser.count:
        phase.dispenser.stop("time limit", phase.dispenser.deadline_ns)


def _feed(phase: PhaseRun, engine: Engine) -> None:
    engine.merge_into(phase.recorder)
    for kind, outcome, name, count, example in engine.errors():
        phase.errors.put(kind, outcome, name, count, example)


def _answer_questions(engine: Engine, directory: PdDirectory) -> None:
    """The control plane's thread: until the phase is over."""
    with ThreadPoolExecutor(_LOOKUPS, thread_name_prefix="ycsbpy-lookup") as pool:
        while engine.running:
            for thread, key in engine.questions(_ASK_NS):
                pool.submit(_answer, engine, directory, thread, key)


def _answer(engine: Engine, directory: PdDirectory, thread: int, key: bytes) -> None:
    try:
        region = directory.region(key)
    except YcsbpyError as error:
        directory.forget_stores()
        engine.answer(thread, key, None, str(error))
    else:
        engine.answer(thread, key, region, "" if region is not None else "PD knows no leader of the Region")
