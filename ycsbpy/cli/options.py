"""Flags that several commands share. A command's flags become one value, ``Given``, before anything else happens."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field, replace
from functools import wraps
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from ycsbpy.cli import complete
from ycsbpy.cli.variables import SharedOption, WordsOption, placed
from ycsbpy.errors import ClusterError, UsageError
from ycsbpy.userdirs import config_folder

if TYPE_CHECKING:
    from collections.abc import Callable

    from ycsbpy.cluster.locate import TlsFiles
    from ycsbpy.cluster.pdhttp import PdHttp
    from ycsbpy.config import Config

__all__ = [
    "PATH",
    "PD_HELP",
    "USER_FILE",
    "Given",
    "bench_options",
    "cluster_http",
    "given_endpoints",
    "pd_option",
    "playground_options",
    "record_options",
    "user_file",
]

USER_FILE = "ycsbpy.properties"
"""In the user's folder for settings."""

FLAGS = {
    "threads": "threadcount",
    "target": "target",
    "interval": "status.interval",
    "seed": "seed",
    "allow_errors": "allowerrors",
    "exporter": "exporter",
    "hlog": "measurement.hlog",
    "hgrm": "measurement.hgrm",
}
"""Flag → the property it sets."""

FILES = "Read properties from a file, or a shipped workload such as workloada. May be repeated."
PROPERTIES = "Set a property; stronger than a file's. May be repeated."
PD_HELP = "PD's address. [default: your file's tikv.pd, else the playground that runs, else 127.0.0.1:2379]"
PATH = click.Path(path_type=Path)
PORT = click.IntRange(1, 65535)


@dataclass(frozen=True, slots=True)
class Given:
    """What was written on the command line of a workload's command, or in the environment in its place."""

    database: str = "tikv"
    property_files: tuple[str, ...] = ()
    properties: tuple[str, ...] = ()
    flags: dict[str, str] = field(default_factory=dict)
    lenient: bool = False
    verbose: bool = False
    json_file: str = ""
    user_file: Path | None = None
    """The user's own properties, weaker than all others."""

    def config(self) -> Config:
        """Read the files and put everything together. Raises ``UsageError`` for what does not fit."""
        from ycsbpy.config import load_config, written_value
        from ycsbpy.drivers.registry import driver_properties

        given = (self.property_files, self.properties, self.flags)
        extra = driver_properties(self.database, written_value("tikv.driver", *given, user_file=self.user_file))
        return load_config(*given, user_file=self.user_file, lenient=self.lenient, extra=extra)


def user_file() -> Path | None:
    """The user's own properties: the file of ``--config``, else ``ycsbpy.properties`` in the folder for settings.

    Raises ``UsageError`` if the one that was named is not there.
    """
    named = click.get_current_context().find_root().params.get("config_file")
    if named is None:
        usual = config_folder() / USER_FILE
        return usual if usual.exists() else None
    if named and not Path(named).exists():
        raise UsageError(f"--config {named}: no such file")
    return Path(named) if named else None


def record_options(command: Callable[..., None]) -> Callable[..., None]:
    """Give a command DB and what says where records are and what they look like; call it with a ``Given``."""

    @click.argument("database", metavar="[DB]", default="tikv", shell_complete=complete.databases)
    @click.option(
        "-P",
        "--property-file",
        "--property_file",
        "property_files",
        cls=WordsOption,
        multiple=True,
        metavar="FILE",
        help=FILES,
        shell_complete=complete.property_files,
    )
    @click.option(
        "-p",
        "--prop",
        "properties",
        cls=WordsOption,
        multiple=True,
        metavar="NAME=VALUE",
        help=PROPERTIES,
        shell_complete=complete.properties,
    )
    @click.option(
        "--table",
        cls=SharedOption,
        metavar="NAME",
        help="Table to use. [default: usertable]",
        shell_complete=complete.tables,
    )
    @click.option(
        "--lenient", cls=SharedOption, is_flag=True, help="Warn of unknown properties instead of refusing them."
    )
    @wraps(command)
    def wrapped(
        database: str,
        property_files: tuple[str, ...],
        properties: tuple[str, ...],
        table: str | None,
        lenient: bool,
        **rest: Any,
    ) -> None:
        flags = {} if table is None else {"table": placed("table", table)}
        given = Given(database, property_files, properties, flags, lenient, user_file=user_file())
        command(given, **rest)

    return wrapped


def bench_options(command: Callable[..., None]) -> Callable[..., None]:
    """Give a command DB and the flags of go-ycsb and ours, and call it with a ``Given``."""

    @record_options
    @click.option("--threads", cls=SharedOption, metavar="N", help="Closed-loop clients. [default: 1]")
    @click.option(
        "--target", cls=SharedOption, metavar="OPS", help="Operations a second over all clients. [default: no limit]"
    )
    @click.option(
        "--interval", cls=SharedOption, metavar="SECONDS", help="Seconds between interval reports. [default: 10]"
    )
    @click.option(
        "--seed", cls=SharedOption, metavar="N", help="Draw the same operations as another run. [default: random]"
    )
    @click.option(
        "--allow-errors",
        cls=SharedOption,
        metavar="N[%]",
        help="Failed or unknown operations that are fine. [default: 0]",
    )
    @click.option(
        "--json",
        "json_file",
        metavar="FILE",
        shell_complete=complete.files,
        help="Write the full report, histograms included, as JSON.",
    )
    @click.option(
        "-v",
        "--verbose",
        cls=SharedOption,
        is_flag=True,
        help="Show all properties, not only those that are not the default.",
    )
    @click.option(
        "--exporter", cls=SharedOption, metavar="NAME", help="Print figures as Java YCSB: text, json or jsonarray."
    )
    @click.option(
        "--hlog",
        metavar="FILE",
        shell_complete=complete.files,
        help="Write an HdrHistogram interval log, tagged by operation.",
    )
    @click.option(
        "--hgrm",
        metavar="PREFIX",
        shell_complete=complete.files,
        help="Write latency spectra to PREFIX + OPERATION.hgrm.",
    )
    @wraps(command)
    def wrapped(given: Given, json_file: str | None, verbose: bool, **rest: Any) -> None:
        flags = {FLAGS[name]: placed(name, str(rest.pop(name))) for name in FLAGS if rest.get(name) is not None}
        rest = {name: value for name, value in rest.items() if name not in FLAGS}
        command(replace(given, flags={**given.flags, **flags}, verbose=verbose, json_file=json_file or ""), **rest)

    return wrapped


def _split_size(_ctx: click.Context, _parameter: click.Parameter, value: str | None) -> int:
    from ycsbpy.cluster.tikv import parse_size

    return parse_size(value) if value is not None else 0


def playground_options(command: Callable[..., None]) -> Callable[..., None]:
    """Give a command the flags of a cluster that it starts, under the names of ``topology.Spec``'s fields."""
    for option in reversed(
        [
            click.option("--kv", type=click.IntRange(1, 100), default=3, show_default=True, metavar="N",
                         help="Stores at first."),
            click.option("--backend", default="auto", metavar="NAME", shell_complete=complete.backends,
                         help="auto, tiup, binaries or minicluster. [default: auto]"),
            click.option("--pd.port", "pd_port", type=PORT,
                         help="PD's port. [default: 2379, or the next that is free]"),
            click.option("--kv.port", "kv_port", type=PORT,
                         help="The first store's port. [default: 20160, or the next]"),
            click.option("--region-split-size", callback=_split_size, metavar="SIZE",
                         help="Split Regions at this size, as 16MB."),
            click.option("-T", "--tag", default="", metavar="TAG", shell_complete=complete.tags,
                         help="The playground's name; with it, data stay for the next start."),
            click.option("--version", default="", metavar="VERSION", help="TiUP's version of TiKV, such as v8.5.0."),
            click.option("--bin-dir", type=PATH, metavar="DIR",
                         help="Where pd-server and tikv-server are. [default: PATH]"),
            click.option("--pd.binpath", "pd_binpath", type=PATH, metavar="FILE", help="The pd-server program."),
            click.option("--kv.binpath", "kv_binpath", type=PATH, metavar="FILE", help="The tikv-server program."),
            click.option("--tiup", default="", metavar="FILE", help="The tiup program. [default: from PATH]"),
            click.option("--pd.config", "pd_config", type=PATH, metavar="FILE",
                         help="PD's configuration, merged over ours."),
            click.option("--kv.config", "kv_config", type=PATH, metavar="FILE",
                         help="TiKV's configuration, merged over ours."),
            click.option("--data-dir", type=PATH, metavar="DIR", help="Keep the data there, for the next start."),
            click.option("--wait", "wait_s", type=click.FloatRange(1.0), default=120.0, metavar="S", show_default=True,
                         help="How long the cluster may take to be ready."),
        ]
    ):  # fmt: skip
        command = option(command)
    return command


def pd_option(command: Callable[..., None]) -> Callable[..., None]:
    """Give a command on a cluster the flag that names it."""
    option = click.option(
        "--pd", cls=SharedOption, metavar="HOST:PORT", help=PD_HELP, shell_complete=complete.pd_addresses
    )
    return option(command)


def cluster_http(pd: str | None, tls: TlsFiles | None = None) -> PdHttp:
    """The PD that a command on a cluster is to ask: the given one, the one that the user's file names, a playground's,
    or the one on 127.0.0.1:2379. With TLS where there are files for it, or the user's file names some.

    Raises ``UsageError`` for what is not host:port or no certificate, and ``ClusterError`` where there is no PD.
    """
    from ycsbpy.cluster.locate import Kind, locate
    from ycsbpy.cluster.pdhttp import PdHttp

    if tls is None:
        tls = _own_tls()
    found = asyncio.run(locate(given_endpoints(pd), tls=tls))
    if found.kind is Kind.EMBEDDED:
        raise ClusterError(f"{found.why}, and no playground runs: name the cluster with --pd HOST:PORT")
    if found.kind is not Kind.GIVEN:
        click.echo(found.why, err=True)
    return PdHttp(found.endpoints, tls=tls)


def _own_tls() -> TlsFiles | None:
    """By the file of the user's own."""
    from ycsbpy.cluster.locate import TlsFiles
    from ycsbpy.config import TikvSettings, load_config, written_value

    file = user_file()
    if file is None or not written_value("tikv.ca", user_file=file):
        return None
    return TlsFiles.of(TikvSettings.from_config(load_config(user_file=file)))


def given_endpoints(pd: str | None) -> tuple[str, ...]:
    """The PD that the user names, by ``--pd`` or in the file of their own; empty if none. Raises ``UsageError``."""
    from ycsbpy.config import written_value

    place, file = "--pd", user_file()
    if pd is None and file is not None:
        place, pd = f"{file}: tikv.pd", written_value("tikv.pd", user_file=file) or None
    given = tuple(each.strip() for each in pd.split(",") if each.strip()) if pd else ()
    if pd is not None and any("/" in each or not each.rpartition(":")[2].isdigit() for each in given or ("",)):
        raise UsageError(f'{place}: "{pd}" is not HOST:PORT')
    return given
