"""The options ``--ca``, ``--cert`` and ``--key`` of commands that ask PD over HTTP."""

from __future__ import annotations

from functools import wraps
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from ycsbpy.errors import UsageError
from ycsbpy.tls import file_problem

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["tls_options"]

_FILE = click.Path(exists=True, dir_okay=False, path_type=Path)


def tls_options(command: Callable[..., None]) -> Callable[..., None]:
    """Give a command the options; it takes them as ``tls``, ``TlsFiles`` or None. ``UsageError`` for some that need
    others."""

    @click.option("--ca", type=_FILE, metavar="PEM", help="Who signed PD's certificate: turns TLS on.")
    @click.option("--cert", type=_FILE, metavar="PEM", help="Certificate of this client, where PD asks for one.")
    @click.option("--key", type=_FILE, metavar="PEM", help="Key of that certificate.")
    @wraps(command)
    def with_tls(*arguments: Any, ca: Path | None, cert: Path | None, key: Path | None, **others: Any) -> None:
        from ycsbpy.cluster.locate import TlsFiles

        if (cert is None) != (key is None):
            raise UsageError("--cert and --key: a certificate needs its key, and a key its certificate")
        if cert is not None and ca is None:
            raise UsageError("--cert: a client's certificate needs TLS, which --ca turns on")
        if ca is not None and (wrong := file_problem(ca, cert, key)) is not None:
            raise UsageError(f"--{wrong[0]}: {wrong[1]}")
        command(*arguments, tls=None if ca is None else TlsFiles(ca, cert, key), **others)

    return with_tls
