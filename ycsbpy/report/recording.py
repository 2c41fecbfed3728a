"""All that a phase leaves in files, by one value of settings: opened before it, fed meanwhile, finished after it."""

from __future__ import annotations

from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from ycsbpy.clock import NS_PER_SECOND
from ycsbpy.errors import RunError
from ycsbpy.measure.taps import Taps
from ycsbpy.report.exporters import exported
from ycsbpy.report.files import check_prefix, open_for_writing, write_file
from ycsbpy.report.hdrlog import IntervalLog, SeriesLogs
from ycsbpy.report.rawlines import RawLines
from ycsbpy.report.spectrum import go_ycsb_spectrum, hgrm, write_spectra
from ycsbpy.report.styles import as_go_ycsb_names
from ycsbpy.report.text import summary_table

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ycsbpy.config import Latency, OutputSettings
    from ycsbpy.measure.summary import Series, Summary
    from ycsbpy.measure.taps import WindowSink

__all__ = ["Finished", "Recording", "final_figures", "recording"]

_WORTH_SAYING_NS = 50_000_000


@dataclass(slots=True)
class Finished:
    """Lines about the files of a phase: where they are, what is to be known of them, what could not be written."""

    written: list[str] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)


class Recording:
    """The files of one phase, open."""

    def __init__(self, settings: OutputSettings, show: Latency) -> None:
        self._settings = settings
        self._show = show
        self._stack = ExitStack()
        self._raw: RawLines | None = None
        sinks: list[WindowSink] = []
        with ExitStack() as stack:
            if settings.tables_file:
                open_for_writing(settings.tables_file).close()
            for prefix in (settings.percentile_files, settings.hgrm):
                if prefix is not None:
                    check_prefix(prefix)
            if settings.hlog:
                sinks.append(_closing(stack, IntervalLog(settings.hlog)))
            if settings.logs is not None:
                sinks.append(_closing(stack, SeriesLogs(settings.logs)))
            if settings.raw:
                self._raw = RawLines(settings.raw_file, as_go_ycsb=settings.as_go_ycsb)
                stack.callback(self._raw.close)
            self._stack = stack.pop_all()
        self.taps = Taps(self._raw.queue if self._raw is not None else None, tuple(sinks))

    def finish(self, summary: Summary) -> Finished:
        """Write what needs the whole phase, and close everything. Raises nothing: a result must not be lost because a
        file cannot be written."""
        done = Finished()
        for write in (self._write_spectra, self._write_tables):
            try:
                write(summary, done)
            except RunError as error:
                done.problems.append(str(error))
        try:
            self.close()
        except RunError as error:
            done.problems.append(str(error))
        if self._raw is not None and self._raw.held_up_ns > _WORTH_SAYING_NS:
            seconds = self._raw.held_up_ns / NS_PER_SECOND
            done.warnings.append(
                f"clients waited {seconds:.1f} s for raw lines to be written, which the figures contain"
            )
        return done

    def _write_spectra(self, summary: Summary, done: Finished) -> None:
        settings, series = self._settings, self._series(summary)
        if settings.percentile_files is not None:
            written = write_spectra(series, settings.percentile_files, "-percentiles.txt", go_ycsb_spectrum)
            done.written += [f"latency spectrum of {name}: {path}" for name, path in written]
        if settings.hgrm is not None:
            written = write_spectra(series, settings.hgrm, ".hgrm", hgrm)
            done.written += [f"latency spectrum of {name}: {path}" for name, path in written]

    def _write_tables(self, summary: Summary, _done: Finished) -> None:
        if self._settings.tables_file and self._settings.summary:
            write_file(self._settings.tables_file, final_figures(self._settings, summary, self._show))

    def close(self) -> None:
        """May be called more than once. Raises ``RunError`` for what could not be written."""
        self._stack.close()

    def _series(self, summary: Summary) -> dict[str, Series]:
        return as_go_ycsb_names(summary.series) if self._settings.as_go_ycsb else dict(summary.series)


@contextmanager
def recording(settings: OutputSettings, show: Latency) -> Iterator[Recording]:
    """A recording that is closed in any case. Raises ``UsageError`` for a file that cannot be written."""
    made = Recording(settings, show)
    try:
        yield made
    finally:
        with suppress(RunError):  # told by ``finish``; where it was not called, something worse is
            made.close()


def final_figures(settings: OutputSettings, summary: Summary, show: Latency) -> str:
    """The figures of a phase in the style or by the exporter that was asked for, with their last newline."""
    if settings.exporter != "none":
        return exported(settings.exporter, summary, show, settings.percentiles)
    return "".join(f"{line}\n" for line in summary_table(summary, show, settings))


def _closing(stack: ExitStack, log: IntervalLog | SeriesLogs) -> WindowSink:
    stack.callback(log.close)
    return log
