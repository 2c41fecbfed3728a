"""``ycsbpy playground`` and ``ycsbpy clean``: flags in, a host or a call to one, lines and JSON out."""

from __future__ import annotations

import contextlib
import json
import re
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import click

from ycsbpy.cli import complete
from ycsbpy.cli.columns import columns
from ycsbpy.cli.options import playground_options
from ycsbpy.cluster import statedir
from ycsbpy.cluster.playground import Playground
from ycsbpy.cluster.topology import Display, Phase, Row, Spec
from ycsbpy.errors import ClusterError, UsageError

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["clean", "playground", "uptime"]

VERSION = re.compile(r"(v\d|\^|latest$|nightly)")


class PlaygroundGroup(click.Group):
    """A group that takes TiUP's version argument, ``playground v7.1.0 --kv 3``, before its commands and flags."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        if args and VERSION.match(args[0]):
            args = ["--version", *args]
        return super().parse_args(ctx, args)


@click.group(cls=PlaygroundGroup, invoke_without_command=True, subcommand_metavar="[VERSION] [COMMAND] [ARGS]...")
@playground_options
@click.option("--pd", type=click.IntRange(1, 1), default=1, help="PDs; one is what there can be.", hidden=True)
@click.option("--mode", type=click.Choice(["tikv-slim"]), default="tikv-slim", hidden=True)
@click.option("-d", "--background", is_flag=True, help="Return when it is ready and let it run.")
@click.option("--without-monitor", is_flag=True, help="No dashboard and no files for Prometheus.")
@click.pass_context
def playground(ctx: click.Context, /, background: bool, without_monitor: bool, **flags: Any) -> None:
    """Start a TiKV cluster on this machine: real, by TiUP or from its programs, or the embedded one.

    \b
    ycsbpy playground                                   three stores, until Ctrl-C
    ycsbpy playground v8.5.0 --backend tiup --kv 3      a real one, by TiUP
    ycsbpy playground -T t1 --region-split-size 16MB -d in the background, under a name
    ycsbpy playground scale-out --kv 2                  two stores more
    ycsbpy playground display -v                        what runs, and what it holds

    load and run find a playground that runs by themselves.
    """
    if ctx.invoked_subcommand is not None:
        ctx.obj = flags["tag"]
        return
    for only_one_choice in ("pd", "mode"):  # TiUP's users write them
        flags.pop(only_one_choice)
    spec = Spec(monitor=not without_monitor, **flags)
    if background:
        _background(spec)
    else:
        _foreground(spec)


def _foreground(spec: Spec) -> None:
    from ycsbpy.cluster import host

    host.run(spec, _say)


def _background(spec: Spec) -> None:
    made = Playground(spec, say=_say).start()
    made.keep()
    _say(f"The playground {made.tag} runs in the background; to stop it: ycsbpy playground stop --tag {made.tag}")


def _say(line: str) -> None:
    with contextlib.suppress(OSError, ValueError):  # whoever read it may be gone; what is left to do is done even so
        click.echo(line)


tag_option = click.option(
    "-T", "--tag", default="", metavar="TAG", shell_complete=complete.tags, help="Which playground, if several run."
)


def _attached(ctx: click.Context, tag: str) -> Playground:
    return Playground.attach(tag or ctx.obj or "", say=_say)


@playground.command("scale-out")
@click.option("--kv", type=click.IntRange(1, 100), default=1, show_default=True, metavar="N", help="Stores to add.")
@tag_option
@click.pass_context
def scale_out(ctx: click.Context, kv: int, tag: str) -> None:
    """Add stores and wait until they are Up; PD moves Regions to them afterwards."""
    for one in _attached(ctx, tag).scale_out(kv):
        _say(f"{one.name}: store {one.store_id} at {one.address}, pid: {one.pid}")


@playground.command("scale-in")
@click.option("--pid", type=int, multiple=True, metavar="PID", help="The store with this process id.")
@click.option("--store", type=int, multiple=True, metavar="ID", help="The store with this store id.")
@click.option("--wait", "wait_s", type=click.FloatRange(0), default=0.0, metavar="S", help="Wait until it is gone.")
@tag_option
@click.pass_context
def scale_in(ctx: click.Context, pid: tuple[int, ...], store: tuple[int, ...], wait_s: float, tag: str) -> None:
    """Take a store out: PD moves its Regions away, then its process is stopped."""
    if not pid and not store:
        raise UsageError("say which store, with --pid or --store (ycsbpy playground display -v)")
    attached = _attached(ctx, tag)
    for one in pid:
        _say(attached.scale_in(pid=one, wait_s=wait_s))
    for one in store:
        _say(attached.scale_in(store=one, wait_s=wait_s))


@playground.command()
@click.option("-v", "--verbose", is_flag=True, help="Store id, address, state, Regions and leaders too.")
@click.option("--json", "as_json", is_flag=True, help="Everything, as JSON.")
@tag_option
@click.pass_context
def display(ctx: click.Context, verbose: bool, as_json: bool, tag: str) -> None:
    """Show the processes of a playground."""
    shown = _attached(ctx, tag).display()
    if as_json:
        click.echo(json.dumps(shown.to_json(), indent=2))
    else:
        click.echo("\n".join(display_lines(shown, verbose=verbose)))
        if shown.problem and verbose:
            click.echo(f"ycsbpy: {shown.problem}", err=True)


@playground.command()
@tag_option
@click.pass_context
def stop(ctx: click.Context, tag: str) -> None:
    """Stop a playground; with a tag or a data folder its data stay."""
    attached = _attached(ctx, tag)
    name = attached.tag
    _say(f"Stop playground {name}, pid: {attached.topology.pid}")  # a real TiKV takes its time
    attached.stop()
    _say(f"The playground {name} has stopped")


@playground.command()
@click.option("--json", "as_json", is_flag=True, help="As JSON.")
def ps(as_json: bool) -> None:
    """List this user's playgrounds, those too that do not run but have data."""
    rows = [_entry(home) for home in statedir.homes()]
    if as_json:
        click.echo(json.dumps(rows, indent=2))
    else:
        cells = [[str(row[name]) for name in ("tag", "pid", "state", "backend", "pd", "data")] for row in rows]
        click.echo("\n".join(columns(["Tag", "Pid", "State", "Backend", "PD", "Data"], cells)))


@click.command()
@click.argument("tags", metavar="TAG", nargs=-1, shell_complete=complete.tags)
@click.option("--all", "everything", is_flag=True, help="All playgrounds of this user, also those that run.")
def clean(tags: Sequence[str], everything: bool) -> None:
    """Stop playgrounds and remove all that is left of them, their data included."""
    from ycsbpy.cluster.cleanup import clean as clean_one

    if bool(tags) == everything:
        raise UsageError("say which playgrounds to clean, or --all")
    chosen = statedir.homes() if everything else [statedir.Home(statedir.root() / statedir.valid_tag(t)) for t in tags]
    for home in chosen:
        if not home.path.is_dir():
            raise ClusterError(f"there is no playground {home.tag}")
    for home in chosen:
        clean_one(home, _say)


# ---- how it looks ----


def display_lines(shown: Display, *, verbose: bool) -> list[str]:
    """The table of ``display``; its first three columns are TiUP's."""
    head = ["Pid", "Role", "Uptime"]
    if verbose:
        head += ["Name", "Store", "Address", "State", "Regions", "Leaders"]
    return columns(head, [_cells(row)[: len(head)] for row in shown.rows], numbers={"Store", "Regions", "Leaders"})


def _cells(row: Row) -> list[str]:
    counts = ["-" if count is None else str(count) for count in (row.regions, row.leaders)]
    store = str(row.store_id) if row.store_id else "-"
    return [
        *[str(row.pid), str(row.role), row.ended or uptime(row.uptime_s)],
        *[row.name, store, row.address, row.state or "-", *counts],
    ]


def uptime(seconds: float) -> str:
    """Seconds as Go writes a duration: ``1m3.5s``."""
    tenths = round(seconds * 10)
    minutes, tenths = divmod(tenths, 600)
    hours, minutes = divmod(minutes, 60)
    text = f"{tenths // 10}.{tenths % 10}".removesuffix(".0") + "s"
    if hours:
        return f"{hours}h{minutes}m{text}"
    return f"{minutes}m{text}" if minutes else text


def _entry(home: statedir.Home) -> dict[str, Any]:
    topology = home.read()
    alive = home.alive()
    if topology is None:
        state = str(Phase.STARTING) if alive else "stale"
        return {"tag": home.tag, "pid": 0, "state": state, "backend": "", "pd": "", "data": ""}
    ended = topology.phase is Phase.STOPPED
    topology = topology if alive else replace(topology, pid=0)
    return {
        "tag": home.tag,
        "pid": topology.pid,
        "state": str(topology.phase) if alive or ended else "stale",
        "backend": topology.backend,
        "pd": ",".join(topology.endpoints),
        "data": topology.data_dir if topology.keeps_data else "(temporary)",
    }
