"""``ycsbpy completion``: the script that makes a shell complete ycsbpy's words."""

from __future__ import annotations

import os
from pathlib import PurePath

import click

from ycsbpy.cli import complete
from ycsbpy.cli.completion import SHELLS
from ycsbpy.errors import UsageError, did_you_mean

__all__ = ["completion"]


@click.command()
@click.argument("shell", required=False, metavar="[bash|zsh|fish]", shell_complete=complete.shells)
@click.pass_context
def completion(ctx: click.Context, shell: str | None) -> None:
    """Print the script by which a shell completes commands, flags, properties and their values.

    \b
    source <(ycsbpy completion bash)                            for this shell; in ~/.bashrc for all
    source <(ycsbpy completion zsh)                             in ~/.zshrc, after compinit
    ycsbpy completion fish > ~/.config/fish/completions/ycsbpy.fish

    Without a name, that of your login shell ($SHELL).
    """
    name = shell or PurePath(os.environ.get("SHELL", "")).name
    made = SHELLS.get(name)
    if made is None:
        raise UsageError(
            f'completion: there is none for "{name}", only for {", ".join(SHELLS)}{did_you_mean(name, SHELLS)}'
        )
    program = ctx.find_root().info_name or "ycsbpy"
    click.echo(made(ctx.find_root().command, {}, program, f"_{program.upper()}_COMPLETE").source(), nl=False)
