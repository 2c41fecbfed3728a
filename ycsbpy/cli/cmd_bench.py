"""``ycsbpy load`` and ``ycsbpy run``: flags in, one session, text and JSON out."""

from __future__ import annotations

import sys
from contextlib import nullcontext
from typing import TYPE_CHECKING

import click

from ycsbpy.cli.options import Given, bench_options
from ycsbpy.report.document import check_writable, write_document
from ycsbpy.report.live import LiveLine, live_line
from ycsbpy.report.recording import final_figures
from ycsbpy.report.text import facts, headlines, interval_lines, properties_lines
from ycsbpy.session import Job, perform, verdict

if TYPE_CHECKING:
    from ycsbpy.config import Command
    from ycsbpy.measure.summary import Interval, Summary
    from ycsbpy.runner.plan import Progress


dry_run_option = click.option("--dry-run", is_flag=True, help="Only show what would be done, as explain does.")


@click.command()
@bench_options
@dry_run_option
def load(given: Given, dry_run: bool) -> None:
    """Put the records of a workload into the database DB (tikv if none is named).

    \b
    ycsbpy load -P workloada
    ycsbpy load -P workloada -p recordcount=1000000 --threads 64 -p tikv.pd=10.0.1.5:2379
    ycsbpy load memory -P workloada --json report.json
    """
    _bench("load", given, dry_run=dry_run)


@click.command()
@bench_options
@dry_run_option
def run(given: Given, dry_run: bool) -> None:
    """Run the operations of a workload against the database DB (tikv if none is named) and measure them.

    \b
    ycsbpy run -P workloada
    ycsbpy run -P workloadb --threads 64 --target 20000 -p operationcount=1000000 --interval 10
    ycsbpy run -P workloadc -p maxexecutiontime=60 -p operationcount=0 --json report.json
    """
    _bench("run", given, dry_run=dry_run)


def _bench(command: Command, given: Given, *, dry_run: bool) -> None:
    if dry_run:
        from ycsbpy.cli import cmd_explain

        cmd_explain.dry_run(command, given)
        return
    config = given.config()
    if given.json_file:
        check_writable(given.json_file)
    job = Job.of(command, given.database, config)
    for warning in job.warnings:
        _say(f"warning: {warning}")
    line = live_line()
    printer = _Printer(line, job)
    printer.tell(properties_lines(job.shown_properties(all_of_them=given.verbose)))
    with line or nullcontext():
        document = perform(job, observer=printer, say=_say)
    for phase in document.phases:
        printer.final(phase)
    if given.json_file:
        write_document(document, given.json_file)
    problem = verdict(document, job.settings)
    if problem is not None:
        raise problem


class _Printer:
    """Figures to standard output, progress to the live line, which steps aside for them. What is for people goes to
    standard error where standard output is for a machine."""

    def __init__(self, line: LiveLine | None, job: Job) -> None:
        self._line = line
        self._outputs = job.outputs
        self._show = job.settings.shown_latency

    def tell(self, lines: list[str]) -> None:
        """What is for people."""
        click.echo("\n".join(lines), err=self._outputs.stdout_is_data)

    def progress(self, progress: Progress) -> None:
        if self._line is not None:
            self._line.progress(progress)

    def interval(self, interval: Interval) -> None:
        outputs = self._outputs
        if outputs.exporter != "none" or not outputs.summary:  # neither has a form for intervals
            return
        lines = interval_lines(interval, self._show, outputs)
        if self._line is not None and sys.stdout.isatty():
            self._line.print(lines)
        else:
            click.echo("\n".join(lines))

    def final(self, summary: Summary) -> None:
        outputs = self._outputs
        self.tell(headlines(summary))
        if outputs.summary and not outputs.tables_file:
            click.echo(final_figures(outputs, summary, self._show), nl=False)
        self.tell(facts(summary))


def _say(line: str) -> None:
    click.echo(line, err=True)
