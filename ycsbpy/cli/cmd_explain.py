"""``ycsbpy explain``: what a load and a run with these properties would do, without touching a cluster."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import click

from ycsbpy.cli.options import Given, bench_options
from ycsbpy.config import TikvSettings
from ycsbpy.drivers.registry import choose_driver
from ycsbpy.errors import NotSupportedError, UsageError
from ycsbpy.explain import EARLIER_REGION_MIB, HOT, REGION_MIB, explain
from ycsbpy.report.document import check_writable
from ycsbpy.session import Job
from ycsbpy.workload.core import CoreWorkload

if TYPE_CHECKING:
    from ycsbpy.config import Command
    from ycsbpy.explain import Explanation

__all__ = ["dry_run", "explain_command", "show"]

MIB = 1 << 20


@click.command("explain")
@bench_options
def explain_command(given: Given) -> None:
    """Show what would run: records, sizes, Regions, the mix and how skewed the keys are.

    Nothing is sent anywhere. The figures are of the first 10,000 operations that a run with the same seed draws.

    \b
    ycsbpy explain -P workloada
    ycsbpy explain -P workloade -p recordcount=10000000 -p fieldlength=50
    """
    show({command: _job(command, given) for command in ("load", "run")}, given)


def dry_run(command: Command, given: Given) -> None:
    """Show what one command would do, and with which driver; its errors are those of the command itself."""
    job = _job(command, given)
    if isinstance(job, UsageError):
        raise job
    choice = choose_driver(job.database, job.config, natively_drawn=isinstance(job.workload, CoreWorkload))
    if isinstance(job.workload, CoreWorkload) or given.json_file:
        show({command: job}, given)
    else:
        click.echo(f"{_command(command, job)}\nworkload {type(job.workload).__name__} draws operations of its own")
    pd = ",".join(TikvSettings.from_config(job.config).pd) if choice.driver_class.needs_tikv else ""
    where = f", PD at {pd}" if pd else ", on the cluster that is found then" * choice.driver_class.needs_tikv
    click.echo(f"driver   {choice.name}{where}\nNothing was sent: this is a dry run.")


def show(jobs: dict[Command, Job | UsageError], given: Given) -> None:
    """Print what those of the jobs that can run would do; write it as JSON too if that was asked for.

    Raises the ``UsageError`` of the first one if none can.
    """
    if given.json_file:
        check_writable(given.json_file)
    usable = [job for job in jobs.values() if isinstance(job, Job)]
    if not usable:
        raise next(job for job in jobs.values() if isinstance(job, UsageError))
    workload = usable[0].workload
    if not isinstance(workload, CoreWorkload):
        raise NotSupportedError(f"explain: {type(workload).__name__} draws operations of its own; only YCSB's is known")
    found = explain(workload)
    for warning in dict.fromkeys(line for job in usable for line in job.warnings):
        click.echo(f"warning: {warning}", err=True)
    operations = _operations(found) if "run" in jobs else []
    click.echo("\n".join([*_records(found), *(_command(name, job) for name, job in jobs.items()), *operations]))
    if given.json_file:
        Path(given.json_file).write_text(json.dumps(found.to_json(), indent=1) + "\n", encoding="utf-8")


def _job(command: Command, given: Given) -> Job | UsageError:
    """The job, or why that command could not do anything with these properties."""
    try:
        if "seed" not in given.flags:
            given = replace(given, flags={**given.flags, "seed": given.config().everything().get("seed") or "1"})
        return Job.of(command, given.database, given.config())
    except UsageError as error:
        return error


def _records(found: Explanation) -> list[str]:
    lines = [f"records  {found.records:,}, the first is {found.key_example or 'none'}"]
    if found.records:
        each = found.key_bytes + found.row_bytes
        regions = (
            f"{found.regions():,} or more of {REGION_MIB} MiB (TiKV from 8.3 on), "
            f"{found.regions(EARLIER_REGION_MIB):,} of {EARLIER_REGION_MIB} MiB (before)"
        )
        lines += [
            f"row      {found.row_bytes:,.0f} bytes and a key of {found.key_bytes:,.0f}: {each:,.0f} on the wire",
            f"size     {found.total_bytes / MIB:,.1f} MiB in one replica, before compression",
            f"Regions  {regions}",
        ]
    return lines


def _command(name: str, job: Job | UsageError) -> str:
    if isinstance(job, UsageError):
        return f"{name:<8} nothing: {job}"
    settings = job.settings
    count = "operations until it is stopped" if settings.operations is None else f"{settings.operations:,} operations"
    clients = f"{settings.threadcount:,} client{'s' * (settings.threadcount != 1)}"
    pace = f"{settings.target:,.0f} a second" if settings.target else "as fast as it goes"
    limit = f", at most {settings.max_seconds:g} s" if settings.max_seconds else ""
    return f"{name:<8} {count} by {clients}, {pace}{limit}"


def _operations(found: Explanation) -> list[str]:
    if not found.drawn:
        return []
    mix = ", ".join(f"{kind.lower().replace('_', '-')} {share:.1%}" for kind, share in found.mix.items())
    lines = [f"mix      {mix} (of {found.drawn:,} drawn)"]
    if found.keys_drawn:
        lines.append(
            f"keys     {found.keys_drawn:,} different ones; the hottest is {found.hottest_key_share:.1%} of what is "
            f"asked for, the {HOT} hottest {found.hottest_keys_share:.1%}"
        )
    if found.scan_length:
        lines.append(f"scans    {found.scan_length:,.1f} records each, in the mean")
    return lines
