"""``ycsbpy verify``: is every Region replicated, is the cluster balanced, are the records there."""

from __future__ import annotations

import json
import math
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Any

import click

from ycsbpy.cli.board import store_lines
from ycsbpy.cli.options import Given, bench_options, cluster_http, pd_option
from ycsbpy.cli.progress import ProgressLine, loading
from ycsbpy.cli.tls import tls_options
from ycsbpy.cluster.verification import BALANCED_WITHIN_S, REST_S, STABLE_S, verify_balance, verify_replication
from ycsbpy.datacheck import READ_EVERY_RECORD, count_records
from ycsbpy.errors import ClusterError, UsageError
from ycsbpy.wording import counted

if TYPE_CHECKING:
    from collections.abc import Callable

    from ycsbpy.cluster.locate import TlsFiles
    from ycsbpy.cluster.pdhttp import PdHttp
    from ycsbpy.cluster.picture import Picture
    from ycsbpy.cluster.verdict import Verdict
    from ycsbpy.cluster.waiting import Judged
    from ycsbpy.report.document import Document

    Show = Callable[[Picture, Verdict], None]

__all__ = ["verify"]

SECONDS = click.FloatRange(min=0)


@click.group()
def verify() -> None:
    """Prove what PD and the stores say: replication, balance, data. Works on any cluster that has a PD.

    \b
    ycsbpy verify replication                          every Region: three voters on three stores, and a leader
    ycsbpy verify balance --new-store 4 --new-store 5  Regions have moved to the new stores, and all is quiet
    ycsbpy verify data -P workloada                    every record that was loaded is there
    """


def _cluster_options(command: Callable[..., None], wait: str) -> Callable[..., None]:
    for option in (
        click.option("--json", "as_json", is_flag=True, help="Print the verdict and its facts as JSON."),
        click.option(
            "--timeout", type=SECONDS, metavar="S", help=f"Wait so long for it to become true. [default: {wait}]"
        ),
    ):
        command = option(command)
    return pd_option(command)


@verify.command("replication")
@partial(_cluster_options, wait="look once")
@tls_options
def replication(pd: str | None, timeout: float | None, as_json: bool, tls: TlsFiles | None) -> None:
    """Check that every Region has its replicas on distinct stores that are Up, and a leader.

    Exit code 4 if not.
    """
    judged = _judge(
        pd, tls, lambda http, progress: verify_replication(http, timeout_s=timeout or 0.0, progress=progress)
    )
    _report("replication", judged, as_json=as_json)


@verify.command("balance")
@partial(_cluster_options, wait="300, or until PD has been at rest for a minute")
@tls_options
@click.option(
    "--new-store", "new_stores", type=int, multiple=True, metavar="ID", help="Store that has to hold Regions."
)
@click.option("--tolerance", type=SECONDS, metavar="SHARE", help="Largest difference of Region counts, of their mean.")
@click.option("--stable", type=SECONDS, default=STABLE_S, show_default=True, metavar="S", help="How long it must last.")
def balance(
    pd: str | None, timeout: float | None, as_json: bool, new_stores: tuple[int, ...], tolerance: float | None,
    stable: float, tls: TlsFiles | None,
) -> None:  # fmt: skip
    """Check that PD has spread the Regions and has nothing more to do.

    The criterion is PD's, not equal counts: all replicated, nothing pending, no operator under way, new stores hold
    Regions, and that for a while. The spread by count, size and PD's score is shown. Exit code 4 if not.
    """
    judged = _judge(
        pd,
        tls,
        lambda http, progress: verify_balance(
            http,
            new_stores=new_stores,
            tolerance=tolerance,
            timeout_s=timeout if timeout is not None else BALANCED_WITHIN_S,
            stable_s=stable,
            rest_s=math.inf if timeout is not None else REST_S,
            progress=progress,
        ),
    )
    _report("balance", judged, as_json=as_json)


@verify.command("data")
@bench_options
def data(given: Given) -> None:
    """Read every record that a load with the same properties has made; with dataintegrity=true, check its values.

    Exit code 3 if a record is missing or wrong.
    """
    from ycsbpy.session import Job, perform

    base = given.config()
    count = base.integer("insertcount") if base.optional_integer("insertcount") else base.integer("recordcount")
    if not count:
        raise UsageError("recordcount: is not set; write how many records were loaded")
    flags = {**given.flags, "operationcount": str(count), **READ_EVERY_RECORD}
    job = Job.of("run", given.database, replace(given, flags=flags).config())
    with loading() as observer:
        document = perform(job, observer=observer, say=lambda line: click.echo(line, err=True))
    if document.phases and not document.phases[-1].stopped_by:
        click.echo(f"data: {data_line(document, count)}")
    count_records(document, count)


def data_line(document: Document, count: int) -> str:
    """How many of ``count`` records such a run has found. Where values are checked, a missing record is a wrong one."""
    phase = document.phases[-1]
    ended, wrong = phase.accounting, phase.integrity_violations
    there = f"{ended.ok:,} of {counted(count, 'record')} {'is' if count == 1 else 'are'} there"
    if wrong:
        return f"{there} and as loaded, {wrong:,} missing or wrong, {ended.failed - wrong:,} could not be read"
    return f"{there}, {ended.not_found:,} missing, {ended.failed:,} could not be read"


def _judge(pd: str | None, tls: TlsFiles | None, verify: Callable[[PdHttp, Show], Judged]) -> Judged:
    http = cluster_http(pd, tls)
    line = ProgressLine()
    try:
        return verify(http, lambda picture, seen: line.show(len(picture.regions), len(picture.operators), seen))
    finally:
        line.clear()


def _report(what: str, judged: Judged, *, as_json: bool) -> None:
    picture, verdict = judged.picture, judged.verdict
    if as_json:
        shape: dict[str, Any] = {
            "check": what,
            **verdict.to_json(),
            "good": judged.good,
            "stable": judged.stable,
            "waited_s": round(judged.waited_s, 3),
            "max_replicas": picture.max_replicas,
            "regions": len(picture.regions),
            "operators": list(picture.operators),
            "stores": [store.to_json() for store in picture.stores.values()],
        }
        click.echo(json.dumps(shape, indent=2))
    else:
        _print(what, judged)
    if not judged.good:
        more = f" (and {len(verdict.findings) - 1} more)" if len(verdict.findings) > 1 else ""
        raise ClusterError(f"{what}: {judged.why}{more}")


def _print(what: str, judged: Judged) -> None:
    picture, verdict = judged.picture, judged.verdict
    click.echo("\n".join(store_lines(picture.stores.values())))
    for finding in verdict.findings:
        click.echo(f"  {finding.kind}: {finding.text}")
    for hint in verdict.hints:
        click.echo(f"  perhaps: {hint}")
    for warning in verdict.warnings:
        click.echo(f"  note: {warning}")
    for name, spread in verdict.spreads.items():
        low, high = (f"{value:.1f}".removesuffix(".0") for value in (spread.smallest, spread.largest))
        unit = " MiB" if name == "size" else ""
        click.echo(f"  {name} per store: {low} to {high}{unit}, a difference of {spread.share:.0%} of the mean")
    if judged.good:
        one = len(picture.regions) == 1
        regions = counted(len(picture.regions), "Region")
        replicas = f"{counted(picture.max_replicas, 'voter')} on distinct stores"
        sentence = {
            "replication": f"{'the' if one else 'each of'} {regions} has {replicas}, and a leader",
            "balance": f"{regions} {'is' if one else 'are'} spread, {replicas} each, and PD has nothing more to do",
        }[what]
        click.echo(f"{what}: {sentence}")
