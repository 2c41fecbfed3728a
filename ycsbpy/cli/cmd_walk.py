"""``ycsbpy walk``: the page "Replication and Rebalancing" as one command."""

from __future__ import annotations

import json
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from ycsbpy.cli.cmd_playground import PATH, PORT, split_size
from ycsbpy.cli.cmd_verify import ProgressLine
from ycsbpy.cluster.topology import Spec
from ycsbpy.errors import ClusterError, DataIntegrityError, Interrupted, UsageError
from ycsbpy.report.document import check_writable
from ycsbpy.report.live import live_line
from ycsbpy.walk import Plan
from ycsbpy.walk import walk as go

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ycsbpy.errors import YcsbpyError
    from ycsbpy.measure.summary import Interval
    from ycsbpy.report.live import LiveLine
    from ycsbpy.runner.plan import Observer, Progress
    from ycsbpy.walk import Proof, Step

__all__ = ["walk"]

POSITIVE = click.IntRange(1)


@click.command()
@click.option("--backend", default="auto", metavar="NAME", help="auto, tiup, binaries or minicluster. [default: auto]")
@click.option("--kv", type=click.IntRange(1, 100), default=3, show_default=True, metavar="N", help="Stores at first.")
@click.option("--add", type=POSITIVE, default=2, show_default=True, metavar="N", help="Stores to add.")
@click.option("--records", type=POSITIVE, default=1_000, show_default=True, metavar="N", help="First load.")
@click.option("--more-records", type=POSITIVE, default=1_000_000, show_default=True, metavar="N", help="Second load.")
@click.option("--threads", type=POSITIVE, default=16, show_default=True, metavar="N", help="Clients of the loads.")
@click.option("--conncount", type=POSITIVE, default=16, show_default=True, metavar="N", help="Connections a store.")
@click.option("--region-split-size", callback=split_size, metavar="SIZE", help="Split Regions at this size, as 16MB.")
@click.option("--tolerance", type=click.FloatRange(min=0), metavar="SHARE",
              help="Largest difference of Region counts, of their mean. [default: what PD tolerates]")  # fmt: skip
@click.option("--timeout", type=click.FloatRange(min=1), default=600.0, show_default=True, metavar="S",
              help="How long PD may take to balance.")  # fmt: skip
@click.option("--tag", "-T", default="", metavar="TAG", help="The playground's name.")
@click.option("--keep", is_flag=True, help="Leave the cluster up in the end.")
@click.option("--json", "json_file", metavar="FILE", help="Write the proof of each step there.")
@click.option("--pd.port", "pd_port", type=PORT, help="PD's port. [default: 2379, or the next that is free]")
@click.option("--kv.port", "kv_port", type=PORT, help="The first store's port. [default: 20160, or the next]")
@click.option("--version", default="", metavar="VERSION", help="TiUP's version of TiKV, such as v8.5.0.")
@click.option("--bin-dir", type=PATH, metavar="DIR", help="Where pd-server and tikv-server are. [default: PATH]")
def walk(json_file: str | None, timeout: float, **flags: Any) -> None:
    """Start a cluster, load it, prove that it is replicated, add stores under load, prove that Regions moved there and
    no record was lost, and clean up.

    \b
    ycsbpy walk --more-records 200000 --region-split-size 8MB     a minute or two on a laptop, without TiKV
    ycsbpy walk --version v8.5.0 --backend tiup --json proof.json  as on TiKV's page, on a real one

    The exit code is 4 (3 for data) when a step is not as expected, and the line says which.
    """
    spec_fields = ("backend", "kv", "region_split_size", "tag", "pd_port", "kv_port", "version", "bin_dir")
    spec = Spec(**{name: flags.pop(name) for name in spec_fields})
    plan = Plan(spec=spec, timeout_s=timeout, **flags)
    if json_file:
        check_writable(json_file)
    line = ProgressLine()

    def done(step: Step) -> None:
        line.clear()
        click.echo(f"{'ok  ' if step.good else 'FAIL'} {step.name:<18} {step.seconds:7.1f} s  {step.saw}")

    try:
        proof = go(plan, say=_say, done=done, loading=_loading, progress=line.show)
    finally:
        line.clear()
    if json_file:
        _write(proof, json_file)
    if proof.error is not None:
        raise _named(proof.steps[-1], proof.error)
    click.echo(f"walk: all {len(proof.steps)} steps as expected")


def _named(step: Step, error: YcsbpyError) -> YcsbpyError:
    text = f"walk: {step.name}: {error}"
    for kind in (DataIntegrityError, UsageError, Interrupted):
        if isinstance(error, kind):
            return kind(text)
    return ClusterError(text)


@contextmanager
def _loading() -> Iterator[Observer | None]:
    """A live line for one load, on a terminal."""
    live = live_line()
    if live is None:
        yield None
        return
    with live:
        yield _Progress(live)


class _Progress:
    """What the loads show on a terminal."""

    def __init__(self, line: LiveLine) -> None:
        self._line = line

    def progress(self, progress: Progress) -> None:
        self._line.progress(progress)

    def interval(self, interval: Interval) -> None:
        """Not shown."""


def _write(proof: Proof, file: str) -> None:
    try:
        Path(file).write_text(json.dumps(proof.to_json(), indent=1) + "\n", encoding="utf-8")
    except OSError as error:
        raise UsageError(f"{file}: cannot be written: {error.strerror}") from error


def _say(line: str) -> None:
    click.echo(line, err=True)
