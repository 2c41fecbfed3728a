"""The ``ycsbpy`` command. Subcommands are imported when they are called, so that ``--help`` answers at once."""

from __future__ import annotations

import os
import sys
from importlib import import_module
from typing import IO, TYPE_CHECKING, Any, NamedTuple

import click

from ycsbpy.cli.variables import name_variables
from ycsbpy.errors import DriverError, Interrupted, YcsbpyError

if TYPE_CHECKING:
    from click.shell_completion import CompletionItem

__all__ = ["COMMANDS", "app"]

COMPLETE_VARIABLE = "_YCSBPY_COMPLETE"
"""Set by the completion scripts, as click names it."""


class _Command(NamedTuple):
    where: str  # module:attribute
    summary: str


COMMANDS = {
    "load": _Command("ycsbpy.cli.cmd_bench:load", "Put a workload's records into the database."),
    "run": _Command("ycsbpy.cli.cmd_bench:run", "Run a workload's operations and measure them."),
    "shell": _Command("ycsbpy.cli.cmd_shell:shell", "Read and write single records by hand, or from a pipe."),
    "playground": _Command("ycsbpy.cli.cmd_playground:playground", "Start, scale and show a TiKV cluster here."),
    "top": _Command("ycsbpy.cli.cmd_top:top", "Show Regions and leaders of each store, live."),
    "walk": _Command("ycsbpy.cli.cmd_walk:walk", "Start, load, verify, scale out, verify again, clean up."),
    "verify": _Command("ycsbpy.cli.cmd_verify:verify", "Prove that a cluster is replicated, balanced, complete."),
    "ceiling": _Command("ycsbpy.cli.cmd_ceiling:ceiling", "Show how much load this machine can make."),
    "explain": _Command("ycsbpy.cli.cmd_explain:explain_command", "Show what a load and a run would do."),
    "properties": _Command("ycsbpy.cli.cmd_properties:properties", "Show properties and what they mean."),
    "doctor": _Command("ycsbpy.cli.cmd_doctor:doctor", "Show what is installed, what works here and what does not."),
    "completion": _Command("ycsbpy.cli.cmd_completion:completion", "Print the completion script of bash, zsh or fish."),
    "clean": _Command("ycsbpy.cli.cmd_playground:clean", "Remove what is left of playgrounds."),
}


class ShownError(click.ClickException):
    """One of ycsbpy's errors as click shows it: one line on standard error and its exit code."""

    def __init__(self, error: YcsbpyError) -> None:
        super().__init__(str(error))
        self.exit_code = error.exit_code  # type: ignore[misc]  # click declares it on the class and reads it here

    def show(self, file: IO[Any] | None = None) -> None:
        click.echo(f"ycsbpy: {self.message}", file=file or sys.stderr)


class LazyGroup(click.Group):
    """A group that knows its commands by name and summary and imports one when it is called."""

    def main(self, *args: Any, **kwargs: Any) -> Any:
        if COMPLETE_VARIABLE in os.environ:
            import_module("ycsbpy.cli.completion")  # our versions of click's scripts
        return super().main(*args, **kwargs)

    def shell_complete(self, ctx: click.Context, incomplete: str) -> list[CompletionItem]:
        from click.shell_completion import CompletionItem

        found = [
            CompletionItem(name, help=command.summary)
            for name, command in COMMANDS.items()
            if name.startswith(incomplete)
        ]
        return found + list(click.Command.shell_complete(self, ctx, incomplete))

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in COMMANDS:
            return None
        module, _, attribute = COMMANDS[cmd_name].where.partition(":")
        try:
            found: click.Command = getattr(import_module(module), attribute)
        except ImportError as error:
            if type(error).__name__ != "NativeModuleMissingError":  # its module is the one that cannot be imported
                raise
            raise ShownError(DriverError(str(error))) from error
        name_variables(found, [cmd_name])
        return found

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl([(name, command.summary) for name, command in COMMANDS.items()])

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        if args and args[0] not in COMMANDS and not ctx.resilient_parsing:
            from ycsbpy.errors import did_you_mean

            ctx.fail(f'there is no command "{args[0]}"{did_you_mean(args[0], COMMANDS)}')
        return super().resolve_command(ctx, args)

    def invoke(self, ctx: click.Context) -> Any:
        try:
            return super().invoke(ctx)
        except YcsbpyError as error:
            raise ShownError(error) from error
        except KeyboardInterrupt:  # before or after the work itself, which takes its signals as it sees fit
            raise ShownError(Interrupted("interrupted")) from None


def _version(ctx: click.Context, _parameter: click.Parameter, asked: bool) -> None:
    if asked and not ctx.resilient_parsing:
        from ycsbpy.cli.facts import version_lines

        click.echo("\n".join(version_lines()))
        ctx.exit()


@click.group(cls=LazyGroup, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110})
@click.option(
    "--config",
    "config_file",
    metavar="FILE",
    envvar="YCSBPY_CONFIG",
    show_envvar=True,
    help='Your own properties, weaker than all others; "" for none. [default: ycsbpy.properties in ~/.config/ycsbpy]',
)
@click.option(
    "--version",
    is_flag=True,
    is_eager=True,
    expose_value=False,
    callback=_version,
    help="Show the version and how it was built.",
)
def app(config_file: str | None) -> None:
    """YCSB workloads for TiKV.

    \b
    ycsbpy load -P workloada                            load 1,000 records
    ycsbpy run  -P workloada                            run 1,000 operations on them
    ycsbpy run  -P workloadb -p tikv.pd=10.0.1.5:2379 -p recordcount=1000000 --threads 64 --target 20000

    Without -p tikv.pd, the cluster is a running playground, or a PD on 127.0.0.1:2379, or else an embedded
    mini-cluster that is started for the command and taken down after it.

    Each flag can come from the environment too, by the variable that a command's --help names beside it.

    Exit codes: 0 fine, 1 the run failed, 2 bad input, 3 wrong data, 4 cluster, 5 SLO missed, 130 interrupted.
    """
