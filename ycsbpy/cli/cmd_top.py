"""``ycsbpy top``: Regions and leaders of each store, live, on any cluster that has a PD."""

from __future__ import annotations

import json
import sys
import time
from typing import TYPE_CHECKING

import click

from ycsbpy.cli.board import board, store_lines
from ycsbpy.cli.options import cluster_http, pd_option
from ycsbpy.cli.tls import tls_options
from ycsbpy.cluster.timeline import Timeline, look
from ycsbpy.errors import ClusterError
from ycsbpy.wording import counted

if TYPE_CHECKING:
    from collections.abc import Callable

    from ycsbpy.cluster.locate import TlsFiles
    from ycsbpy.cluster.pdhttp import PdHttp

__all__ = ["top"]


@click.command()
@pd_option
@click.option("--interval", type=click.FloatRange(min=0.1), default=1.0, show_default=True, metavar="S",
              help="Seconds between two looks.")  # fmt: skip
@tls_options
@click.option("--once", is_flag=True, help="Look once and end, as in a pipe.")
@click.option("--json", "as_json", is_flag=True, help="Look once and print it as JSON.")
def top(pd: str | None, interval: float, once: bool, as_json: bool, tls: TlsFiles | None) -> None:
    """Show Regions and leaders of each store, and splits, joining stores and moves as they happen.

    On a terminal until Ctrl-C; in a pipe, one look. PD is asked for counts only, which costs it little.
    """
    http = cluster_http(pd, tls)
    timeline = Timeline()
    timeline.add(look(http))  # a PD that cannot be asked at all is an error, not an empty screen
    if as_json:
        click.echo(json.dumps(timeline.samples[-1].to_json(), indent=2))
    elif once or not sys.stdout.isatty():
        last = timeline.samples[-1]
        click.echo("\n".join(store_lines(last.stores)))
        click.echo(f"{counted(last.regions, 'Region')}, {counted(last.operators, 'operator')}")
    else:
        watch(http, timeline, interval)


def watch(http: PdHttp, timeline: Timeline, interval: float, sleep: Callable[[float], object] = time.sleep) -> None:
    """Draw again and again until Ctrl-C; what PD does not answer is said under the last picture."""
    from rich.live import Live

    note = ""
    with Live(board(timeline), auto_refresh=False) as live:
        try:
            while True:
                sleep(interval)
                try:
                    timeline.add(look(http))
                    note = ""
                except ClusterError as error:
                    note = str(error)
                live.update(board(timeline, note), refresh=True)
        except KeyboardInterrupt:
            return
