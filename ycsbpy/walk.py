"""TiKV's page "Replication and Rebalancing", step by step, each one proven.

Start, load, verify replication, load more, verify again, scale out under load, verify data, clean up.

    from ycsbpy.walk import Plan, walk

    proof = walk(Plan(records=1_000, more_records=100_000, add=2), say=print)
    assert proof.good

A step has what it expects, what it saw, how long it took and its facts. The first that fails ends the walk; whatever
happens, the cluster is stopped (``keep`` leaves it), also when this process is killed.
"""

from __future__ import annotations

import math
import signal
import sys
import time
from contextlib import ExitStack, nullcontext
from dataclasses import asdict, dataclass, field
from statistics import median
from typing import TYPE_CHECKING, Any

from ycsbpy.clock import NS_PER_SECOND
from ycsbpy.cluster.pdhttp import PdHttp
from ycsbpy.cluster.picture import take_picture
from ycsbpy.cluster.playground import Playground
from ycsbpy.cluster.process import Estate, log_tail
from ycsbpy.cluster.timeline import Sample, Sampling, Timeline
from ycsbpy.cluster.topology import Spec
from ycsbpy.cluster.verdict import balance, replication
from ycsbpy.cluster.verification import REST_S, STABLE_S
from ycsbpy.cluster.waiting import wait_for
from ycsbpy.config import load_config
from ycsbpy.datacheck import READ_EVERY_RECORD, count_records
from ycsbpy.errors import ClusterError, RunError, YcsbpyError
from ycsbpy.measure.summary import TOTAL, LatencyStats
from ycsbpy.report.document import read_document
from ycsbpy.runner.plan import Silent
from ycsbpy.runner.stop import StopSignal
from ycsbpy.session import Job, perform, verdict
from ycsbpy.wording import counted

if TYPE_CHECKING:
    from collections.abc import Callable
    from contextlib import AbstractContextManager
    from pathlib import Path

    from ycsbpy.cluster.picture import Picture
    from ycsbpy.cluster.verdict import Verdict
    from ycsbpy.cluster.waiting import Judged
    from ycsbpy.config import Command
    from ycsbpy.measure.summary import Interval, Summary
    from ycsbpy.report.document import Document
    from ycsbpy.runner.plan import Observer, Progress

__all__ = ["Plan", "Proof", "Step", "walk"]

REPLICATED_WITHIN_S = 120.0
STOP_GRACE_S = 30.0
GIVE_UP_S = 60.0
PART_OF_A_SECOND = 0.5
"""A window that is shorter, as the last one may be, has too few operations to stand beside whole seconds."""
NO_PROGRESS = "no progress"


@dataclass(frozen=True, slots=True)
class Plan:
    """What to do. ``spec`` is the cluster to begin with.

    ``records`` is the first load, ``more_records`` the second, which begins at the first key again as on the page.
    ``add`` is how many stores come, ``timeout_s`` how long the balance may take, ``before_s`` how long the workload
    runs before they come, so that there is a latency to compare with.
    """

    spec: Spec = field(default_factory=Spec)
    records: int = 1_000
    more_records: int = 1_000_000
    threads: int = 16
    conncount: int = 16
    add: int = 2
    tolerance: float | None = None
    timeout_s: float = 600.0
    before_s: float = 5.0
    keep: bool = False

    @property
    def all_records(self) -> int:
        """How many records there are in the end."""
        return max(self.records, self.more_records)


@dataclass(slots=True)
class Step:
    """One step. ``saw`` is a sentence; ``facts`` is what it rests on, as JSON has it."""

    name: str
    expects: str
    saw: str = ""
    good: bool = False
    seconds: float = 0.0
    ended_at_s: float = 0.0
    """On the clock of the proof's timeline."""
    facts: dict[str, Any] = field(default_factory=dict)


@dataclass(slots=True)
class Proof:
    """What the walk saw. ``error`` is why it ended early; ``timeline`` is PD's counts all the while."""

    plan: Plan
    steps: list[Step] = field(default_factory=list)
    error: YcsbpyError | None = None
    timeline: Timeline = field(default_factory=Timeline)

    @property
    def good(self) -> bool:
        """Every step was as expected."""
        return self.error is None and bool(self.steps) and all(step.good for step in self.steps)

    def to_json(self) -> dict[str, Any]:
        """For ``--json``."""
        return {
            "good": self.good,
            "error": str(self.error) if self.error else None,
            "plan": {**asdict(self.plan), "spec": self.plan.spec.to_json()},
            "steps": [
                {**asdict(step), "seconds": round(step.seconds, 3), "ended_at_s": round(step.ended_at_s, 3)}
                for step in self.steps
            ],
            "timeline": self.timeline.to_json(),
        }


def walk(
    plan: Plan,
    *,
    say: Callable[[str], None] = lambda _line: None,
    begins: Callable[[Step], None] = lambda _step: None,
    done: Callable[[Step], None] = lambda _step: None,
    loading: Callable[[], AbstractContextManager[Observer | None]] = nullcontext,
    progress: Callable[[Timeline, Verdict], None] = lambda _timeline, _verdict: None,
) -> Proof:
    """Go through all steps on a cluster of its own.

    Failures do not raise: they are the last step's, and ``Proof.error``. ``say`` gets lines of the parts at work,
    ``begins`` each step before it is done and ``done`` when it is over, ``loading`` gives the observer of a load,
    ``progress`` hears each verdict while a good one is waited for. ``KeyboardInterrupt`` passes through when all is
    cleaned up.
    """
    walker = _Walker(plan, say, begins, done, loading, progress)
    with ExitStack() as stack:
        try:
            walker.go(stack)
        except YcsbpyError as error:
            walker.proof.error = error
    return walker.proof


class _Walker:
    def __init__(
        self,
        plan: Plan,
        say: Callable[[str], None],
        begins: Callable[[Step], None],
        done: Callable[[Step], None],
        loading: Callable[[], AbstractContextManager[Observer | None]],
        progress: Callable[[Timeline, Verdict], None],
    ) -> None:
        self.plan = plan
        self.proof = Proof(plan)
        self._say = _each_once(say)
        self._begins = begins
        self._done = done
        self._loading = loading
        self._progress = progress
        self._playground = Playground(plan.spec, say=say)

    def go(self, stack: ExitStack) -> None:
        plan = self.plan
        voters = "every Region has its replicas on distinct stores, and a leader"
        growth = f"{counted(plan.add, 'store')} added under load; Regions move there, and PD comes to rest"
        first, second = (f"{counted(records, 'record')} acknowledged" for records in (plan.records, plan.more_records))
        self._step("start", f"{counted(plan.spec.kv, 'store')} Up", lambda step: self._start(step, stack))
        self._step("load", first, lambda step: self._load(step, plan.records))
        self._step("replication", voters, self._replication)
        self._step("load more", second, lambda step: self._load(step, plan.more_records))
        self._step("replication again", voters, self._replication)
        self._step("scale out", growth, self._scale_out)
        self._step("data", f"all {plan.all_records:,} records are there, with their values", self._data)
        self._step("clean up", "the cluster is stopped, and nothing of it is left", self._clean_up)

    def _step(self, name: str, expects: str, do: Callable[[Step], None]) -> None:
        step = Step(name, expects)
        self.proof.steps.append(step)
        begun = time.monotonic()
        try:
            self.proof.timeline.mark("step", f"step begins: {name}")
            self._begins(step)
            do(step)
            step.good = True
        except YcsbpyError as error:
            step.saw = str(error)
            raise
        except KeyboardInterrupt:
            step.saw = "interrupted"
            raise
        finally:
            step.seconds = time.monotonic() - begun
            step.ended_at_s = self.proof.timeline.now_s()
            self._done(step)

    # ---- the steps ----

    def _start(self, step: Step, stack: ExitStack) -> None:
        self._playground.start()
        stack.callback(self._playground.keep if self.plan.keep else self._playground.stop)
        self._sampling = stack.enter_context(Sampling(self._pd, self.proof.timeline))
        picture = take_picture(self._pd)
        topology = self._playground.topology
        step.facts = {
            "endpoints": list(self._playground.endpoints),
            "backend": topology.backend,
            "why": topology.why,
            **_facts(picture),
        }
        step.saw = f"{counted(len(picture.stores), 'store')}, {_regions(picture)}"

    def _load(self, step: Step, records: int) -> None:
        document = self._perform("load", {"recordcount": records})
        phase = document.phases[-1]
        step.facts = {"records": phase.accounting.ok, "seconds": phase.seconds, "per_second": phase.throughput}
        step.saw = f"{phase.accounting.ok:,} records, {phase.throughput:,.0f} a second"

    def _replication(self, step: Step) -> None:
        judged = self._wait(replication, REPLICATED_WITHIN_S)
        self._judge(step, judged)
        step.saw = f"{_regions(judged.picture)}, {judged.picture.max_replicas} voters each"

    def _scale_out(self, step: Step) -> None:
        with Estate() as estate:
            report = estate.folder() / "during.json"
            load = estate.start("the workload", self._command(report), report.with_suffix(".log"),
                                stop_signal=signal.SIGINT)  # fmt: skip
            time.sleep(self.plan.before_s)
            joined_s = self.proof.timeline.now_s()
            added = tuple(sorted(one.store_id for one in self._playground.scale_out(self.plan.add)))
            judged = self._wait(
                lambda picture: balance(picture, new_stores=added, tolerance=self.plan.tolerance),
                self.plan.timeout_s,
                STABLE_S,
                REST_S,
            )
            step.facts["added"] = list(added)
            self._judge(step, judged)
            load.stop(STOP_GRACE_S)
            if not report.exists():
                last = log_tail(report.with_suffix(".log"), 1).strip()
                raise ClusterError(f"the workload ended before it was to, and left no report: {last or 'no word'}")
            during = read_document(str(report)).phases[-1]
        step.facts["during"] = during_facts(during, self.proof.timeline.started_at, joined_s)
        ended = during.accounting
        if ended.failed + ended.not_found or not ended.ok:
            first = f"; the first error: {during.errors[0].error}" if during.errors else ""
            raise ClusterError(
                f"while stores joined, of {ended.done:,} operations {ended.failed} failed, {ended.unknown} are of "
                f"unknown outcome, {ended.not_found} found no record{first}"
            )
        held = sum(judged.picture.stores[one].regions for one in added)
        step.saw = f"stores {', '.join(map(str, added))} hold {held} replicas; {ended.ok:,} operations, none failed"
        if ended.unknown:  # a leader that loses its place cannot say what became of a write: no fault, but worth saying
            step.saw += f", {ended.unknown} writes of unknown outcome"

    def _data(self, step: Step) -> None:
        document = self._perform("run", {
            "recordcount": self.plan.all_records, "operationcount": self.plan.all_records, **READ_EVERY_RECORD,
        })  # fmt: skip
        found = count_records(document, self.plan.all_records)
        step.facts = {"records": found}
        step.saw = f"{found:,} of {self.plan.all_records:,} records"

    def _clean_up(self, step: Step) -> None:
        if self.plan.keep:
            step.saw = f"left up, as asked; PD at {', '.join(self._playground.endpoints)}"
        else:
            tag = self.plan.spec.tag
            self._sampling.end()
            self._playground.stop()
            step.saw = f"stopped; its data stay under its tag (ycsbpy clean {tag})" if tag else "stopped"

    # ---- what they share ----

    @property
    def _pd(self) -> PdHttp:
        return PdHttp(self._playground.endpoints)

    def _wait(
        self, judge: Callable[[Picture], Verdict], timeout_s: float, stable_s: float = 0.0, rest_s: float = math.inf
    ) -> Judged:
        return wait_for(
            lambda: take_picture(self._pd),
            judge,
            timeout_s=timeout_s,
            stable_s=stable_s,
            rest_s=rest_s,
            progress=lambda _picture, verdict: self._progress(self.proof.timeline, verdict),
        )

    def _judge(self, step: Step, judged: Judged) -> None:
        self.proof.timeline.add(Sample.of(judged.picture))  # so that the last that is drawn is what was judged
        step.facts |= {**_facts(judged.picture), **judged.verdict.to_json(), "waited_s": round(judged.waited_s, 3)}
        if not judged.good:
            hint = f"; perhaps {judged.verdict.hints[0]}" if judged.verdict.hints else ""
            raise ClusterError(f"{judged.why}{hint}")

    def _properties(self) -> dict[str, object]:
        plan = self.plan
        return {
            "tikv.pd": ",".join(self._playground.endpoints),
            "threadcount": plan.threads,
            "tikv.conncount": plan.conncount,
            "dataintegrity": "true",
        }

    def _perform(self, command: Command, values: dict[str, object]) -> Document:
        config = load_config(("workloada",), arguments={**self._properties(), **values})
        job = Job.of(command, "tikv", config)
        with self._loading() as observer:
            watch = GivesUp(observer or Silent())
            document = perform(job, observer=watch, say=self._say, stop=watch.stop)
        problem = verdict(document, job.settings)
        if problem is not None and watch.stop.reason == NO_PROGRESS:
            errors = [error.error for phase in document.phases for error in phase.errors]
            raise RunError(f"nothing succeeded for {GIVE_UP_S:.0f} s; the first error: {', '.join(errors[:1])}")
        if problem is not None:
            raise problem
        return document

    def _command(self, report: Path) -> list[str]:
        """``ycsbpy run`` until it is told to stop."""
        values = {
            **self._properties(), "recordcount": self.plan.all_records, "operationcount": 0, "status.interval": 1,
            "maxexecutiontime": int(self.plan.timeout_s) + 600,
        }  # fmt: skip
        given = [word for name, value in values.items() for word in ("-p", f"{name}={value}")]
        return [sys.executable, "-P", "-m", "ycsbpy", "run", "-P", "workloada", *given, "--json", str(report)]


class GivesUp:
    """An observer that stops a load in which everything has failed for ``GIVE_UP_S``, and passes all on to another."""

    def __init__(self, other: Observer) -> None:
        self.stop = StopSignal()
        self._other = other
        self._good = 0
        self._good_at_ns = 0

    def progress(self, progress: Progress) -> None:
        """A window ended."""
        good = progress.ended - progress.errors
        if good > self._good or not progress.errors:
            self._good, self._good_at_ns = good, progress.elapsed_ns
        elif progress.elapsed_ns - self._good_at_ns >= GIVE_UP_S * NS_PER_SECOND and not self.stop.reason:
            self.stop.request(NO_PROGRESS)
        self._other.progress(progress)

    def interval(self, interval: Interval) -> None:
        """An interval ended."""
        self._other.interval(interval)


def _each_once(say: Callable[[str], None]) -> Callable[[str], None]:
    """For what every load says anew."""
    said: set[str] = set()

    def once(line: str) -> None:
        if line not in said:
            said.add(line)
            say(line)

    return once


def _regions(picture: Picture) -> str:
    return counted(len(picture.regions), "Region")


def _facts(picture: Picture) -> dict[str, Any]:
    stores = sorted(picture.stores.values(), key=lambda one: one.id)
    return {"regions": len(picture.regions), "stores": [store.to_json() for store in stores]}


def during_facts(phase: Summary, timeline_began_at: float, joined_s: float) -> dict[str, Any]:
    """What clients saw while stores joined: counts, service times in microseconds, and the same second by second.

    ``at_s`` and ``joined_s`` are on the timeline's clock; ``timeline_began_at`` is its beginning in seconds since 1970.
    """
    ended = phase.accounting
    began_s = phase.started_wall_ns / NS_PER_SECOND - timeline_began_at
    seconds = [
        {
            "at_s": round(began_s + window.end_ns / NS_PER_SECOND, 3),
            "per_second": round(stats.count / window.seconds, 1),
            **{f"p{each:g}_us": stats.percentiles_ns[each] / 1e3 for each in (50.0, 99.0)},
        }
        for window in phase.windows
        if window.seconds >= PART_OF_A_SECOND and (stats := window.stats.get(TOTAL)) is not None
    ]
    before = [one["p99_us"] for one in seconds if one["at_s"] <= joined_s]
    after = [one["p99_us"] for one in seconds if one["at_s"] > joined_s]
    series = phase.series.get(TOTAL)
    latency = LatencyStats.of(series.service).percentiles_ns if series is not None else {}
    return {
        "ok": ended.ok, "not_found": ended.not_found, "failed": ended.failed, "unknown": ended.unknown,
        "throughput": phase.throughput,
        "service_us": {f"p{each:g}": value / 1e3 for each, value in latency.items()},
        "p99_us_before": median(before) if before else None,
        "p99_us_after": median(after) if after else None,
        "joined_s": round(joined_s, 3),
        "seconds": seconds,
    }  # fmt: skip
