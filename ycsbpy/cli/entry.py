"""Entry point of the console script: Ctrl-C while Python still imports ends the process quietly, as it does later.

The modules of the command line are imported in here and not above, or the traceback of an interrupted import would be
the answer to a Ctrl-C in the first tenth of a second.
"""

from __future__ import annotations

import os
import signal

__all__ = ["main"]


def main() -> None:
    """Run the ``ycsbpy`` command."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    os.environ.setdefault("GRPC_VERBOSITY", "NONE")  # grpc writes its own lines over ours; errors come as exceptions
    from ycsbpy.cli.app import app

    signal.signal(signal.SIGINT, signal.default_int_handler)
    app(prog_name="ycsbpy")
