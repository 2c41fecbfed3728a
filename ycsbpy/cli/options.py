"""Flags that several commands share. A command's flags become one value, ``Given``, before anything else happens."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import wraps
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from collections.abc import Callable

    from ycsbpy.config import Config

__all__ = ["Given", "bench_options"]

FLAGS = {
    "table": "table",
    "threads": "threadcount",
    "target": "target",
    "interval": "status.interval",
    "seed": "seed",
    "allow_errors": "allowerrors",
}
"""Flag → the property it sets."""

FILES = "Read properties from a file, or a shipped workload such as workloada. May be repeated."
PROPERTIES = "Set a property; stronger than a file's. May be repeated."


@dataclass(frozen=True, slots=True)
class Given:
    """What was written on the command line of ``load`` or ``run``."""

    database: str = "tikv"
    property_files: tuple[str, ...] = ()
    properties: tuple[str, ...] = ()
    flags: dict[str, str] = field(default_factory=dict)
    lenient: bool = False
    verbose: bool = False
    json_file: str = ""

    def config(self) -> Config:
        """Read the files and put everything together. Raises ``UsageError`` for what does not fit."""
        from ycsbpy.config import load_config, written_value
        from ycsbpy.drivers.registry import driver_properties

        given = (self.property_files, self.properties, self.flags)
        extra = driver_properties(self.database, written_value("tikv.driver", *given))
        return load_config(*given, lenient=self.lenient, extra=extra)


def bench_options(command: Callable[[Given], None]) -> Callable[..., None]:
    """Give a command DB and the flags of go-ycsb and ours, and call it with a ``Given``."""

    @click.argument("database", metavar="[DB]", default="tikv")
    @click.option(
        "-P", "--property-file", "--property_file", "property_files", multiple=True, metavar="FILE", help=FILES
    )
    @click.option("-p", "--prop", "properties", multiple=True, metavar="NAME=VALUE", help=PROPERTIES)
    @click.option("--table", metavar="NAME", help="Table to use. [default: usertable]")
    @click.option("--threads", metavar="N", help="Closed-loop clients. [default: 1]")
    @click.option("--target", metavar="OPS", help="Operations a second over all clients. [default: no limit]")
    @click.option("--interval", metavar="SECONDS", help="Seconds between interval reports. [default: 10]")
    @click.option("--seed", metavar="N", help="Draw the same operations as another run. [default: random]")
    @click.option("--allow-errors", metavar="N[%]", help="Failed or unknown operations that are fine. [default: 0]")
    @click.option("--json", "json_file", metavar="FILE", help="Write the full report, histograms included, as JSON.")
    @click.option("--lenient", is_flag=True, help="Warn of unknown properties instead of refusing them.")
    @click.option("-v", "--verbose", is_flag=True, help="Show all properties, not only those that are not the default.")
    @wraps(command)
    def wrapped(database: str, property_files: tuple[str, ...], properties: tuple[str, ...], json_file: str | None,
                lenient: bool, verbose: bool, **flags: Any) -> None:  # fmt: skip
        given = {FLAGS[name]: str(value) for name, value in flags.items() if value is not None}
        command(Given(database, property_files, properties, given, lenient, verbose, json_file or ""))

    return wrapped
