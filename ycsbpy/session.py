"""One ``load`` or ``run``, from a configuration to a document: cluster, driver, workload, phases, and everything put
back.

This is where the parts meet that know nothing of each other: a driver and a cluster, a runner and a report.
"""

from __future__ import annotations

import asyncio
import secrets
import signal
import threading
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager, suppress
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from ycsbpy.clock import SystemClock
from ycsbpy.config.outputs import OutputSettings
from ycsbpy.config.settings import Command, RunSettings, TikvSettings
from ycsbpy.drivers.base import Driver, DriverBase, SyncDriver
from ycsbpy.drivers.registry import DriverChoice, check_driver, choose_driver, not_native
from ycsbpy.errors import (
    ClusterError,
    DataIntegrityError,
    DriverError,
    Interrupted,
    NotSupportedError,
    RunError,
    YcsbpyError,
)
from ycsbpy.ops import OpKind
from ycsbpy.report.document import Document, environment
from ycsbpy.report.recording import Recording, recording
from ycsbpy.runner.found import first_free
from ycsbpy.runner.phases import run_phase
from ycsbpy.runner.plan import Observer, PhasePlan, Retries, Silent
from ycsbpy.runner.stop import StopSignal
from ycsbpy.workload.base import Phase, Workload
from ycsbpy.workload.core import CoreWorkload
from ycsbpy.workload.registry import make_workload

if TYPE_CHECKING:
    from ycsbpy.config import Config
    from ycsbpy.measure.summary import Summary

__all__ = ["Job", "Say", "connected", "new_loop", "perform", "perform_async", "verdict"]

Say = Callable[[str], None]
"""Where lines for the user go that are not results."""

_SEED_BITS = 63


@dataclass(frozen=True, slots=True)
class Job:
    """What a command is to do: the same value is run, shown and saved with the report.

    ``driver`` is one that is open already, for users of the library; else the configuration names one. ``warnings`` are
    lines for the user about what will work and is probably not what was meant.
    """

    command: Command
    database: str
    config: Config
    settings: RunSettings
    seed: int
    workload: Workload
    driver: DriverBase | None = None
    outputs: OutputSettings = field(default_factory=OutputSettings)
    warnings: tuple[str, ...] = ()

    @classmethod
    def of(
        cls,
        command: Command,
        database: str,
        config: Config,
        *,
        driver: DriverBase | None = None,
        workload: Workload | None = None,
    ) -> Job:
        """Check all that can be checked without a cluster; draw a seed if none is given. Raises ``UsageError``."""
        settings = RunSettings.from_config(config, command)
        seed = secrets.randbits(_SEED_BITS) if settings.seed is None else settings.seed
        workload = workload or make_workload(config, seed)
        warnings = dict.fromkeys((*config.warnings, *settings.warnings, *workload.warnings))
        outputs = OutputSettings.from_config(config)
        return cls(command, database, config, settings, seed, workload, driver, outputs, tuple(warnings))

    def shown_properties(self, *, all_of_them: bool = False) -> dict[str, str]:
        """The properties in force: those that differ from their defaults, the seed and the profile; or all."""
        shown = self.config.everything() if all_of_them else self.config.non_default()
        return {**shown, "command": self.command, "profile": self.config.text("profile"), "seed": str(self.seed)}


@dataclass(slots=True)
class _Cluster:
    """The cluster that a session works on. ``fresh`` means that it has no records yet."""

    facts: dict[str, str]
    config: Config
    fresh: bool = False


@dataclass(slots=True)
class _Outcome:
    """What comes together while a session runs."""

    phases: list[Summary] = field(default_factory=list)
    cluster: dict[str, str] = field(default_factory=dict)
    driver: dict[str, str] = field(default_factory=dict)
    warnings: list[str] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)


def perform(
    job: Job,
    *,
    observer: Observer | None = None,
    say: Say = lambda _: None,
    stop: StopSignal | None = None,
) -> Document:
    """Do a job from a thread that runs no event loop, on uvloop where it is installed.

    On the main thread Ctrl-C and SIGTERM end it cleanly, elsewhere ``stop`` does; what was done until then is in the
    document. Raises ``YcsbpyError`` where the job could not be begun.
    """
    with asyncio.Runner(loop_factory=new_loop) as runner:
        return runner.run(perform_async(job, observer=observer, say=say, stop=stop))


async def perform_async(
    job: Job,
    *,
    observer: Observer | None = None,
    say: Say = lambda _: None,
    stop: StopSignal | None = None,
) -> Document:
    """As ``perform``, on the running loop."""
    stop = stop or StopSignal()
    outcome = _Outcome(warnings=list(job.warnings))
    needs = type(job.driver).needs_tikv if job.driver is not None else _driver_needs_tikv(job.database, job.config)
    with _signals(stop, say), recording(job.outputs, job.settings.shown_latency) as files:
        async with _cluster_for(job.config, needs, say) as cluster:
            await _on_cluster(job, cluster, outcome, _Watchers(observer or Silent(), stop, say, files))
    return Document(
        command=job.command,
        database=job.database,
        profile=job.config.text("profile"),
        seed=job.seed,
        config=job.config.non_default(),
        everything=job.config.everything(),
        cluster=outcome.cluster,
        driver=outcome.driver,
        phases=tuple(outcome.phases),
        warnings=tuple(outcome.warnings),
        problems=tuple(outcome.problems),
        environment=environment(),
        written_at=datetime.now(UTC).isoformat(timespec="seconds"),
    )


def verdict(document: Document, settings: RunSettings) -> YcsbpyError | None:
    """What is wrong with a finished job, as the error whose exit code a command gives; ``None`` if nothing is."""
    for phase in document.phases:
        if phase.integrity_violations:
            return DataIntegrityError(
                f"{phase.integrity_violations} reads brought wrong data; the first: {phase.integrity_example}"
            )
    if document.problems:
        return RunError(document.problems[0])
    if any(phase.stopped_by == "interrupt" for phase in document.phases) or not document.phases:
        return Interrupted("interrupted; the report says what was done until then")
    for phase in document.phases:
        ended = phase.accounting
        if not settings.allowed_errors.allows(ended.failed + ended.unknown, ended.done):
            return RunError(
                f"{ended.failed} operations failed and {ended.unknown} are of unknown outcome, of {ended.done}; "
                f"--allow-errors says how many may ({settings.allowed_errors})"
            )
    return None


def new_loop() -> asyncio.AbstractEventLoop:
    """One of uvloop, where it is installed."""
    try:
        import uvloop
    except ImportError:
        return asyncio.new_event_loop()
    loop: asyncio.AbstractEventLoop = uvloop.new_event_loop()
    return loop


@contextmanager
def _signals(stop: StopSignal, say: Say) -> Iterator[None]:
    """Turn Ctrl-C and SIGTERM into requests to stop while the block runs; the handlers of before come back after."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    loop = asyncio.get_running_loop()

    def asked() -> None:
        again = bool(stop.reason)
        stop.request()
        with suppress(OSError):  # nobody may be listening any more: that must not keep it from stopping
            say(
                "giving up what is in flight …"
                if again
                else "stopping; what is in flight is awaited (again to give it up) …"
            )

    before = {one: signal.getsignal(one) for one in (signal.SIGINT, signal.SIGTERM)}
    for one in before:
        loop.add_signal_handler(one, asked)
    try:
        yield
    finally:
        for one, handler in before.items():
            loop.remove_signal_handler(one)
            with suppress(TypeError, ValueError):  # a handler that was not set from Python
                signal.signal(one, handler)


@asynccontextmanager
async def connected(database: str, config: Config, say: Say) -> AsyncIterator[Driver | SyncDriver]:
    """An open driver for single calls, on the cluster that ``perform`` would use; both are put back at the end.

    Raises ``YcsbpyError`` where there is no such driver or no cluster.
    """
    async with _cluster_for(config, _driver_needs_tikv(database, config), say) as cluster:
        driver = _chosen_driver(choose_driver(database, cluster.config, natively_drawn=False), cluster.config)
        try:
            await _open(driver)
            yield driver
        finally:
            await _close(driver)


@asynccontextmanager
async def _cluster_for(config: Config, needs_tikv: bool, say: Say) -> AsyncIterator[_Cluster]:
    """The cluster for a driver: the one that is named, or one that is found, or one that is started for the job."""
    if not needs_tikv:
        yield _Cluster({"kind": "none"}, config)
        return
    from ycsbpy.cluster.locate import Kind, TlsFiles, locate

    tikv = TikvSettings.from_config(config)
    found = await locate(tikv.pd, tls=TlsFiles.of(tikv))
    facts = {"kind": found.kind.value, "why": found.why, "pd": ",".join(found.endpoints)}
    facts |= {name: str(fact) for name, fact in found.facts.items()}
    if found.kind is not Kind.EMBEDDED:
        if found.kind is not Kind.GIVEN:
            say(found.why)
        yield _Cluster(facts, config.with_value("tikv.pd", ",".join(found.endpoints), found.kind.value))
        return
    if tikv.apiversion == "V2":
        reason = "the embedded mini-cluster has no keyspaces; name a cluster that has with -p tikv.pd="
        raise NotSupportedError(f"tikv.apiversion=V2: {found.why}, and {reason}")
    from ycsbpy.minicluster import MiniCluster

    async with MiniCluster() as cluster:
        await asyncio.to_thread(cluster.wait_replicated)
        say(f"{found.why}: started {cluster.describe()} (not a benchmark)")
        config = config.with_value("tikv.pd", ",".join(cluster.endpoints), found.kind.value)
        facts |= {"pd": ",".join(cluster.endpoints), "stores": str(len(cluster.stores)), "note": "not a benchmark"}
        yield _Cluster(facts, config, fresh=True)


def _driver_needs_tikv(database: str, config: Config) -> bool:
    """Known from the driver's class; the choice among the TiKV drivers does not need an address yet."""
    found = choose_driver(database, config).driver_class
    check_driver(found, config)
    return found.needs_tikv


@dataclass(frozen=True, slots=True)
class _Watchers:
    """Who is told of what a session does, and who may end it."""

    observer: Observer
    stop: StopSignal
    say: Say
    files: Recording


async def _on_cluster(job: Job, cluster: _Cluster, outcome: _Outcome, watchers: _Watchers) -> None:
    outcome.cluster = cluster.facts
    stop, say = watchers.stop, watchers.say
    driver, own = _make_driver(job, cluster.config, say)
    clock = SystemClock()
    try:
        if own:
            await _open(driver)
        outcome.driver = {"name": driver.name, **driver.describe()}
        first = cluster.fresh or not driver.keeps_data
        plans = _plans(job, load_first=first and job.command == "run" and own)
        workload = job.workload if first and own else await _behind_what_is_there(job, driver, outcome, say)
        for plan in plans:
            if stop.reason:
                break
            measured = plan.phase == Phase.LOAD if job.command == "load" else plan.phase == Phase.RUN
            if plan.phase == Phase.LOAD and not measured:
                say(f"loading {plan.count:,} records first, unmeasured")
            taps = watchers.files.taps if measured else None
            summary = await run_phase(plan, workload, driver, clock, stop=stop, observer=watchers.observer, taps=taps)
            if measured or stop.reason:
                outcome.phases.append(summary)
                if measured:
                    _finish_files(watchers, summary, outcome)
            else:
                _check_unmeasured(summary, outcome, say)
    finally:
        clock.close()
        if own:
            await _close(driver)


async def _behind_what_is_there(job: Job, driver: Driver | SyncDriver, outcome: _Outcome, say: Say) -> Workload:
    """The workload, with a run's inserts behind the records that earlier runs have inserted."""
    workload = job.workload
    if job.command != "run" or type(workload) is not CoreWorkload or not job.settings.insert_from_found:
        return workload
    settings = workload.settings
    if settings.proportions[OpKind.INSERT] == 0 or settings.recordcount == 0:
        return workload
    free = await first_free(driver, workload, settings.recordcount)
    if free == settings.recordcount:
        return workload
    line = (
        f"the table has records up to {free - 1}, beyond recordcount={settings.recordcount}: inserts begin at {free} "
        "(insertfrom=recordcount writes over them)"
    )
    outcome.warnings.append(line)
    say(line)
    return workload.with_inserts_from(free)


def _finish_files(watchers: _Watchers, summary: Summary, outcome: _Outcome) -> None:
    """Write what a phase leaves in files. What could not be written is told at the end, when the figures have been
    shown."""
    finished = watchers.files.finish(summary)
    for line in finished.written:
        watchers.say(line)
    for line in finished.warnings:
        watchers.say(f"warning: {line}")
    outcome.warnings += finished.warnings
    outcome.problems += finished.problems


def _make_driver(job: Job, config: Config, say: Say) -> tuple[Driver | SyncDriver, bool]:
    """The driver, and whether the session opens and closes it."""
    driver = job.driver
    if driver is not None:
        if not isinstance(driver, Driver | SyncDriver):
            raise DriverError(f"{type(driver).__name__} is neither a Driver nor a SyncDriver")
        return driver, False
    choice = choose_driver(job.database, config, natively_drawn=type(job.workload) is CoreWorkload)
    made = _chosen_driver(choice, config)
    if choice.reason:
        say(f"driver {choice.name}: {choice.reason}")
    elif choice.name == "native" and (why := not_native(config, natively_drawn=type(job.workload) is CoreWorkload)):
        say(f"driver native: {why}, so the work is done outside of it, in Python: slower")
    return made, True


def _chosen_driver(choice: DriverChoice, config: Config) -> Driver | SyncDriver:
    made = choice.driver_class.from_config(config)
    assert isinstance(made, Driver | SyncDriver)  # choose_driver looks at the class
    return made


async def _open(driver: Driver | SyncDriver) -> None:
    if isinstance(driver, SyncDriver):
        await asyncio.to_thread(driver.open)
    else:
        await driver.open()


async def _close(driver: Driver | SyncDriver) -> None:
    if isinstance(driver, SyncDriver):
        await asyncio.to_thread(driver.close)
    else:
        await driver.close()


def _plans(job: Job, *, load_first: bool) -> list[PhasePlan]:
    settings = job.settings
    measured = PhasePlan(
        phase=Phase.LOAD if job.command == "load" else Phase.RUN,
        count=settings.operations,
        clients=settings.threadcount,
        target=settings.target,
        seconds=settings.max_seconds,
        interval=settings.interval_seconds,
        batch=settings.batch,
        insert_retries=Retries(settings.insert_retries, settings.insert_retry_seconds),
    )
    plans = []
    if load_first:
        records = RunSettings.from_config(job.config, "load").operations
        load = PhasePlan(phase=Phase.LOAD, count=records, clients=max(settings.threadcount, 16))
        plans.append(replace(load, insert_retries=measured.insert_retries))
    if settings.warmup_seconds:
        warmup = replace(measured, phase=Phase.WARMUP, count=None, seconds=settings.warmup_seconds, interval=0.0)
        plans.append(warmup)
    plans.append(measured)
    return plans


def _check_unmeasured(summary: Summary, outcome: _Outcome, say: Say) -> None:
    """A load that went wrong makes the run that follows worthless; a warm-up that did makes it suspect."""
    bad = summary.accounting.failed + summary.accounting.unknown
    if not bad:
        return
    most = summary.errors[0]
    line = f"{bad} of {summary.accounting.done} operations failed in the {summary.phase}; {most.error}: {most.example}"
    if summary.phase == "load":
        raise ClusterError(line)
    outcome.warnings.append(line)
    say(f"warning: {line}")
