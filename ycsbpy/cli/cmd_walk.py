"""``ycsbpy walk``: the page "Replication and Rebalancing" as one command."""

from __future__ import annotations

import json
import signal
import sys
from contextlib import contextmanager
from dataclasses import fields
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from ycsbpy.cli import complete
from ycsbpy.cli.board import board
from ycsbpy.cli.options import playground_options
from ycsbpy.cli.progress import ProgressLine, loading
from ycsbpy.cluster.topology import Spec
from ycsbpy.errors import Interrupted, UsageError, of_exit_code
from ycsbpy.report.document import check_writable
from ycsbpy.walk import Plan
from ycsbpy.walk import walk as go
from ycsbpy.walkreport import walk_report

if TYPE_CHECKING:
    from collections.abc import Iterator
    from types import TracebackType
    from typing import Self

    from rich.live import Live

    from ycsbpy.cluster.timeline import Timeline
    from ycsbpy.cluster.verdict import Verdict
    from ycsbpy.walk import Step

__all__ = ["walk"]

POSITIVE = click.IntRange(1)


@click.command()
@playground_options
@click.option("--add", type=POSITIVE, default=2, show_default=True, metavar="N", help="Stores to add.")
@click.option("--records", type=POSITIVE, default=1_000, show_default=True, metavar="N", help="First load.")
@click.option("--more-records", type=POSITIVE, default=1_000_000, show_default=True, metavar="N", help="Second load.")
@click.option("--threads", type=POSITIVE, default=16, show_default=True, metavar="N", help="Clients of the loads.")
@click.option("--conncount", type=POSITIVE, default=16, show_default=True, metavar="N", help="Connections a store.")
@click.option("--tolerance", type=click.FloatRange(min=0), metavar="SHARE",
              help="Largest difference of Region counts, of their mean. [default: what PD tolerates]")  # fmt: skip
@click.option("--timeout", type=click.FloatRange(min=1), default=600.0, show_default=True, metavar="S",
              help="How long PD may take to balance.")  # fmt: skip
@click.option("--keep", is_flag=True, help="Leave the cluster up in the end.")
@click.option(
    "--report",
    "html_file",
    metavar="FILE",
    shell_complete=complete.files,
    help="Write the steps and pictures there, as one HTML page.",
)
@click.option(
    "--json", "json_file", metavar="FILE", shell_complete=complete.files, help="Write the proof of each step there."
)
def walk(json_file: str | None, html_file: str | None, timeout: float, **flags: Any) -> None:
    """Start a cluster, load it, prove that it is replicated, add stores under load, prove that Regions moved there and
    no record was lost, and clean up.

    \b
    ycsbpy walk --more-records 200000 --region-split-size 8MB       a minute or two on a laptop, without TiKV
    ycsbpy walk --version v8.5.0 --backend tiup --report walk.html  as on TiKV's page, on a real one

    The exit code is 4 (3 for data) when a step is not as expected, and the line says which.
    """
    spec = Spec(**{each.name: flags.pop(each.name) for each in fields(Spec) if each.name in flags})
    plan = Plan(spec=spec, timeout_s=timeout, **flags)
    for file in (json_file, html_file):
        if file:
            check_writable(file)
    waiting = _Waiting()

    last: list[Step] = []

    def begins(step: Step) -> None:
        click.echo(f"..   {step.name:<18} {'':9}  {step.expects}")

    def done(step: Step) -> None:
        last[:] = [step]
        waiting.clear()
        click.echo(f"{'ok  ' if step.good else 'FAIL'} {step.name:<18} {step.seconds:7.1f} s  {step.saw}")

    try:
        with waiting, _stopped_by_sigterm():
            proof = go(plan, say=_say, begins=begins, done=done, loading=loading, progress=waiting.show)
    except KeyboardInterrupt:
        where = "".join(f"{step.name}: " for step in last if not step.good)
        raise Interrupted(f"walk: {where}interrupted") from None
    if json_file:
        _write(json.dumps(proof.to_json(), indent=1) + "\n", json_file)
    if html_file:
        _write(walk_report(proof), html_file)
    if proof.error is not None:
        raise of_exit_code(proof.error.exit_code, f"walk: {proof.steps[-1].name}: {proof.error}")
    click.echo(f"walk: all {len(proof.steps)} steps as expected")


@contextmanager
def _stopped_by_sigterm() -> Iterator[None]:
    """Let SIGTERM do what Ctrl-C does also while no load, which has its own handlers, is running."""

    def interrupt(_number: int, _frame: object) -> None:
        raise KeyboardInterrupt

    before = signal.signal(signal.SIGTERM, interrupt)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


class _Waiting:
    """While a verdict is waited for: the board of stores, on a terminal, with what is still wanting under it."""

    def __init__(self) -> None:
        self._terminal = sys.stderr.isatty()
        self._line: ProgressLine | None = None
        self._live: Live | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.clear()

    def show(self, timeline: Timeline, verdict: Verdict) -> None:
        """Draw."""
        if not self._terminal:
            last = timeline.samples[-1:]
            self._line = self._line or ProgressLine()
            self._line.show(last[0].regions if last else 0, last[0].operators if last else 0, verdict)
            return
        from rich.console import Console
        from rich.live import Live

        if self._live is None:
            self._live = Live(console=Console(file=sys.stderr), auto_refresh=False, transient=True)
            self._live.start()
        note = verdict.findings[0].text if verdict.findings else "good so far; it has to stay so"
        self._live.update(board(timeline, note), refresh=True)

    def clear(self) -> None:
        """Take it away."""
        live, self._live, self._line = self._live, None, None
        if live is not None:
            live.stop()


def _write(text: str, file: str) -> None:
    try:
        Path(file).write_text(text, encoding="utf-8")
    except OSError as error:
        raise UsageError(f"{file}: cannot be written: {error.strerror}") from error


def _say(line: str) -> None:
    click.echo(line, err=True)
