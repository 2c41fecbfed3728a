"""``ycsbpy doctor``: what is installed, what works here, and what does not and why."""

from __future__ import annotations

import asyncio
import json
from typing import TYPE_CHECKING

import click

from ycsbpy import __version__
from ycsbpy.cli import checkup
from ycsbpy.cli.checkup import Check, State
from ycsbpy.cli.options import given_endpoints, pd_option, user_file
from ycsbpy.cli.tls import tls_options
from ycsbpy.cli.variables import variables
from ycsbpy.errors import DriverError, of_exit_code
from ycsbpy.userdirs import state_folder

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ycsbpy.cluster.locate import TlsFiles

__all__ = ["doctor"]


@click.command()
@pd_option
@tls_options
@click.option("--json", "as_json", is_flag=True, help="Everything, as JSON.")
@click.pass_context
def doctor(ctx: click.Context, pd: str | None, as_json: bool, tls: TlsFiles | None) -> None:
    """Show what is installed, which drivers work and why others do not, limits, clock, programs, and the cluster.

    \b
    ycsbpy doctor
    ycsbpy doctor --pd 10.0.1.5:2379 --json

    The exit code is 0 when all that is needed works: ycsbpy itself, a TiKV driver, folders that can be written, and
    the PD that was named. If not, it is that of the first thing that does not.
    """
    endpoints = given_endpoints(pd) if pd is not None else ()
    checks = _all_checks(ctx, endpoints, tls)
    broken = [check for check in checks if check.needed and check.state is State.FAIL]
    if as_json:
        found = {"version": __version__, "ok": not broken, "checks": [check.to_json() for check in checks]}
        click.echo(json.dumps(found, indent=2))
    else:
        click.echo("\n".join(_lines(checks)))
    if broken:
        first = broken[0]
        error = DriverError if first.exit_code == DriverError.exit_code else type(of_exit_code(first.exit_code, ""))
        raise error(f"doctor: {first.name}: {first.text}")


def _all_checks(ctx: click.Context, endpoints: tuple[str, ...], tls: TlsFiles | None) -> list[Check]:
    own, config = checkup.settings(user_file())
    names = _variables(ctx)
    return [
        *checkup.installed(),
        own,
        *([] if names is None else checkup.environment(names)),
        *checkup.drivers(config),
        checkup.open_files(),
        checkup.cores(),
        checkup.clock(),
        *checkup.folders(state_folder()),
        *checkup.programs(),
        *asyncio.run(checkup.pd(endpoints, config, tls)),
    ]


def _variables(ctx: click.Context) -> list[str] | None:
    """Of all flags of all commands; None where not all commands can be imported."""
    root = ctx.find_root().command
    assert isinstance(root, click.Group)
    try:
        commands = [root.get_command(ctx, name) for name in root.list_commands(ctx)]
    except click.ClickException:
        return None
    return [*variables(click.Command("", params=root.params)), *(v for one in commands if one for v in variables(one))]


def _lines(checks: Sequence[Check]) -> list[str]:
    widest = max(len(check.name) for check in checks)
    return [f"{check.state:<4}  {check.name:<{widest}}  {check.text}" for check in checks]
