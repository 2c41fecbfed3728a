"""Completion scripts: click's, with two differences in bash and one in zsh.

Bash ends words at ``=`` and ``:`` too, so ``-p requestdistribution=zi`` comes as three of them, and what is offered may
only be what stands after the last of those: here bash hands over the line and the places where it ends words, and the
rest is done in Python. And where a word goes on, after ``NAME=`` or a folder, neither shell may add a blank.

Importing this module makes these the classes that click uses.
"""

from __future__ import annotations

import os
import re
from pathlib import PurePath
from typing import TYPE_CHECKING, ClassVar

from click.shell_completion import BashComplete, FishComplete, ZshComplete, add_completion_class, split_arg_string

from ycsbpy.cli.complete import NO_BLANK

if TYPE_CHECKING:
    from typing import Any

    from click.shell_completion import CompletionItem, ShellComplete

__all__ = ["SHELLS"]

_SPECIAL = re.compile(r"([^A-Za-z0-9_@%+=:,./~-])")

_BASH = """\
# Completion of %(prog_name)s in bash: source <(%(prog_name)s completion bash)
%(complete_func)s() {
    local type value
    COMPREPLY=()
    while IFS=, read -r type value; do
        case $type in
            plain) COMPREPLY+=("$value") ;;
            nospace) COMPREPLY+=("$value"); compopt -o nospace ;;
            file) compopt -o default ;;
            dir) compopt -o dirnames ;;
        esac
    done < <(COMP_LINE="${COMP_LINE:0:COMP_POINT}" COMP_WORDBREAKS="$COMP_WORDBREAKS" \\
        %(complete_var)s=bash_complete "$1" 2>/dev/null)
}
complete -o nosort -F %(complete_func)s %(prog_name)s
"""

_ZSH = """\
#compdef %(prog_name)s
# Completion of %(prog_name)s in zsh: source <(%(prog_name)s completion zsh)
%(complete_func)s() {
    local -a plain described open open_described response
    local type key about
    response=("${(@f)$(COMP_WORDS="${words[*]}" COMP_CWORD=$((CURRENT-1)) \\
        %(complete_var)s=zsh_complete ${words[1]} 2>/dev/null)}")
    for type key about in ${response}; do
        case $type in
            plain) if [[ $about == _ ]]; then plain+=("$key"); else described+=("$key:$about"); fi ;;
            nospace) if [[ $about == _ ]]; then open+=("$key"); else open_described+=("$key:$about"); fi ;;
            dir) _path_files -/ ;;
            file) _path_files -f ;;
        esac
    done
    (( $#described )) && _describe -V unsorted described -U
    (( $#open_described )) && _describe -V unsorted open_described -U -S ''
    (( $#plain )) && compadd -U -V unsorted -a plain
    (( $#open )) && compadd -U -V unsorted -S '' -a open
}
if [[ $zsh_eval_context[-1] == loadautofunc ]]; then
    %(complete_func)s "$@"
else
    compdef %(complete_func)s %(prog_name)s
fi
"""


@add_completion_class
class Bash(BashComplete):
    """See the module."""

    source_template: ClassVar[str] = _BASH

    def source(self) -> str:
        return self.source_template % self.source_vars()  # without asking a bash on PATH how old it is

    def get_completion_args(self) -> tuple[list[str], str]:
        line = os.environ.get("COMP_LINE", "")
        words = split_arg_string(line)
        names = [number for number, word in enumerate(words) if PurePath(word).name == self.prog_name]
        words = words[names[0] + 1 :] if names else words[1:]  # past "sudo", past "A=b"
        begun = words.pop() if words and not line[-1:].isspace() else ""
        self._kept = _kept(begun, os.environ.get("COMP_WORDBREAKS", ""))
        return words, begun

    def format_completion(self, item: CompletionItem[Any]) -> str:
        value = _SPECIAL.sub(r"\\\1", str(item.value).removeprefix(self._kept))
        return f"{item.type},{value}"


@add_completion_class
class Zsh(ZshComplete):
    """See the module."""

    source_template: ClassVar[str] = _ZSH


@add_completion_class
class Fish(FishComplete):
    """Fish adds no blank after ``=`` and ``/`` of itself."""

    def format_completion(self, item: CompletionItem[Any]) -> str:
        if item.type == NO_BLANK:
            item.type = "plain"
        return super().format_completion(item)


SHELLS: dict[str, type[ShellComplete]] = {"bash": Bash, "zsh": Zsh, "fish": Fish}


def _kept(begun: str, breaks: str) -> str:
    """The part of a word that bash keeps and does not want offered again: up to the last place where it ends words."""
    if begun.startswith("-") and "=" in begun:  # click completes what stands after --flag=
        begun = begun.partition("=")[2]
    end = max((begun.rfind(char) for char in breaks if not char.isspace()), default=-1)
    return begun[: end + 1]
