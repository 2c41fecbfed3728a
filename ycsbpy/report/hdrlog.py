"""HdrHistogram interval logs: the whole distribution of every window, as Java's and Python's tools read it.

A log begins with comments (format, start of the run) and a legend; each line after them is one interval of one
series: ``Tag=READ,start,length,max,histogram``, times in seconds, the largest value in milliseconds, the histogram V2
compressed in base64, values in nanoseconds. There is no line of the total: merging the tags makes it.

Compressing a histogram takes a millisecond or so, which is why it is done on a thread of the log's own and not on the
event loop.
"""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, TextIO

from ycsbpy.clock import NS_PER_SECOND
from ycsbpy.errors import RunError
from ycsbpy.measure.collector import INTENDED
from ycsbpy.measure.histogram import encode
from ycsbpy.measure.summary import TOTAL
from ycsbpy.report.files import check_prefix, open_for_writing

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from ycsbpy._native.recording import LatencyCounts
    from ycsbpy.measure.summary import Series

__all__ = ["IntervalLog", "SeriesLogs"]

_VERSION = "1.3"
_NS_PER_MS = 1_000_000
_LEGEND = '"StartTimestamp","Interval_Length","Interval_Max","Interval_Compressed_Histogram"'


class _Log:
    """What both forms share: one thread that writes, and the first error it met."""

    def __init__(self) -> None:
        self._pool = ThreadPoolExecutor(1, thread_name_prefix="ycsbpy-hlog")
        self._started_ns = time.time_ns()
        self._problem: OSError | None = None

    def begin(self, started_wall_ns: int) -> None:
        self._started_ns = started_wall_ns

    def window(self, start_ns: int, end_ns: int, series: Mapping[str, Series]) -> None:
        self._pool.submit(self._write, start_ns, end_ns, series)

    def _write(self, start_ns: int, end_ns: int, series: Mapping[str, Series]) -> None:
        if self._problem is not None:
            return
        try:
            for name, counts in _tagged(series):
                self._put(name, _interval(start_ns, end_ns, counts))
        except OSError as error:
            self._problem = error

    def _put(self, name: str, line: str) -> None:
        raise NotImplementedError

    def _close(self, path: str, files: Iterable[TextIO]) -> None:
        self._pool.shutdown()
        for file in files:
            try:
                file.close()
            except OSError as error:
                self._problem = self._problem or error
        if self._problem is not None:
            raise RunError(f"{path}: could not be written: {self._problem.strerror}")


class IntervalLog(_Log):
    """One log of all series, each line with its tag."""

    def __init__(self, path: str) -> None:
        """Raises ``UsageError`` where the file cannot be written."""
        super().__init__()
        self._path = path
        self._file = open_for_writing(path)

    def begin(self, started_wall_ns: int) -> None:
        super().begin(started_wall_ns)
        self._file.write(_head("all operations, by tag", started_wall_ns))

    def _put(self, name: str, line: str) -> None:
        self._file.write(f"Tag={name},{line}\n")
        self._file.flush()

    def close(self) -> None:
        """Raises ``RunError`` if not all could be written."""
        self._close(self._path, [self._file])


class SeriesLogs(_Log):
    """A log for each series, ``<prefix>READ.hdr``, without tags, as Java YCSB makes them."""

    def __init__(self, prefix: str) -> None:
        """Raises ``UsageError`` where such files cannot be written."""
        super().__init__()
        self._prefix = prefix
        self._files: dict[str, TextIO] = {}
        check_prefix(prefix)

    def _put(self, name: str, line: str) -> None:
        file = self._files.get(name)
        if file is None:
            file = self._files[name] = Path(f"{self._prefix}{name}.hdr").expanduser().open("w", encoding="utf-8")
            file.write(_head(name, self._started_ns))
        file.write(line + "\n")
        file.flush()

    def close(self) -> None:
        """Raises ``RunError`` if not all could be written."""
        self._close(f"{self._prefix}*.hdr", self._files.values())


def _head(title: str, started_wall_ns: int) -> str:
    started = started_wall_ns / NS_PER_SECOND
    when = datetime.fromtimestamp(started, UTC).isoformat(timespec="milliseconds")
    comments = (
        f"[Logging for: {title}]",
        f"[Histogram log format version {_VERSION}]",
        f"[StartTime: {started:.3f} (seconds since epoch), {when}]",
        f"[BaseTime: {started:.3f} (seconds since epoch)]",
        "[Values: nanoseconds]",
    )
    return "".join(f"#{comment}\n" for comment in comments) + _LEGEND + "\n"


def _tagged(series: Mapping[str, Series]) -> Iterator[tuple[str, LatencyCounts]]:
    for name, one in sorted(series.items()):
        if name != TOTAL:
            yield name, one.service
            if one.response is not None:
                yield INTENDED + name, one.response


def _interval(start_ns: int, end_ns: int, counts: LatencyCounts) -> str:
    start, length = start_ns / NS_PER_SECOND, (end_ns - start_ns) / NS_PER_SECOND
    return f"{start:.3f},{length:.3f},{counts.max_ns / _NS_PER_MS:.3f},{encode(counts)}"
