"""Raw output: a line for every operation, written while the run goes on.

Recorders put operations into a queue of bounded size (``ycsbpy._native.recording.SampleQueue``); a thread of this file
takes what is there, which makes lines of it natively and without the GIL, and writes it. When the disk is slower than
the run, the queue fills up and the clients wait for it: nothing is dropped, and the report says how long they waited.
"""

from __future__ import annotations

import sys
import threading
from pathlib import Path
from typing import BinaryIO

from ycsbpy._native.recording import SampleQueue
from ycsbpy.errors import RunError
from ycsbpy.measure.summary import series_name
from ycsbpy.ops import OpKind, Outcome
from ycsbpy.report.files import open_for_writing
from ycsbpy.report.styles import go_ycsb_name

__all__ = ["RawLines"]

_WAIT_NS = 200_000_000


class RawLines:
    """The lines of one phase, in a file or, with an empty path, on standard output.

    go-ycsb's three columns are ``operation,timestamp_us,latency_us``: when it was sent, in microseconds since 1970, and
    its service time. Ours has two more, the response time (in a run with a target) and the outcome. With
    ``as_go_ycsb`` there are only its own, and its line of the total behind each line that counts there.
    """

    def __init__(self, path: str, *, as_go_ycsb: bool) -> None:
        """Raises ``UsageError`` where the file cannot be written."""
        self.queue = SampleQueue(_names(as_go_ycsb=as_go_ycsb), wide=not as_go_ycsb, totals=as_go_ycsb)
        self._path = path
        self._file: BinaryIO = sys.stdout.buffer
        if path:
            open_for_writing(path).close()
            self._file = Path(path).expanduser().open("wb")
        else:
            sys.stdout.flush()
        self._problem: OSError | None = None
        self._put(self.queue.header.encode())
        self._thread = threading.Thread(target=self._drain, name="ycsbpy-raw", daemon=True)
        self._thread.start()

    @property
    def held_up_ns(self) -> int:
        """How long clients have waited for the file, all together."""
        return self.queue.held_up_ns

    def close(self) -> None:
        """Write what is left. Raises ``RunError`` if not all could be written."""
        self.queue.close()
        self._thread.join()
        try:
            self._file.close() if self._path else self._file.flush()
        except OSError as error:
            self._problem = self._problem or error
        if self._problem is not None:
            raise RunError(f"{self._path or 'stdout'}: not all could be written: {self._problem.strerror}")

    def _drain(self) -> None:
        while (lines := self.queue.take(_WAIT_NS)) is not None:
            self._put(lines)

    def _put(self, lines: bytes) -> None:
        """Write; after a failure look away, so that the run comes to its end and says so."""
        if lines and self._problem is None:
            try:
                self._file.write(lines)
                self._file.flush()
            except OSError as error:
                self._problem = error


def _names(*, as_go_ycsb: bool) -> list[list[tuple[str, str, bool]]]:
    """For each kind and outcome: the first column, the last one, and whether it is in the total."""
    return [
        [
            (
                go_ycsb_name(series_name(kind, outcome)) if as_go_ycsb else kind.name,
                outcome.name,
                outcome is Outcome.OK,
            )
            for outcome in Outcome
        ]
        for kind in OpKind
    ]
