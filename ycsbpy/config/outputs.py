"""What a command writes down of its measurements, and where: one value, taken out of a ``Config`` and checked."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from ycsbpy.config.settings import clash
from ycsbpy.config.values import printable

if TYPE_CHECKING:
    from ycsbpy.config.config import Config

__all__ = ["OutputSettings"]

_RAW = ("raw", "csv", "hdrhistogram+raw")
_SHOWN = (50.0, 90.0, 95.0, 99.0, 99.9, 99.99)
_EXPORTED = (50.0, 95.0, 99.0)
_MOST_DIGITS = 12


@dataclass(frozen=True, slots=True)
class OutputSettings:
    """Files are paths as they were written; an empty one is standard output, or, where there is a switch beside it or
    no other place, none."""

    style: str = "plain"
    """Of tables: ``plain``, ``table`` or ``json``."""
    exporter: str = "none"
    """``text``, ``json``, ``jsonarray``: the final figures as Java YCSB writes them."""
    as_go_ycsb: bool = False
    """Columns, names and figures exactly as go-ycsb's."""
    percentiles: tuple[float, ...] = _SHOWN
    tables_file: str = ""
    raw: bool = False
    raw_file: str = ""
    summary: bool = True
    """Whether tables are shown at all."""
    percentile_files: str | None = None
    """What the names of go-ycsb's percentile files begin with; None for no such files."""
    hgrm: str | None = None
    """The same of ``.hgrm`` files."""
    hlog: str = ""
    logs: str | None = None
    """The same of an interval log for each operation."""

    @classmethod
    def from_config(cls, config: Config) -> OutputSettings:
        """Take and check what is to be written. Raises ``PropertyError``."""
        raw = config.text("measurementtype") in _RAW
        raw_file, tables_file = _files(config, raw=raw)
        exporter, style = config.text("exporter"), config.text("outputstyle")
        if exporter != "none" and config.was_set("outputstyle") and style != "plain":
            raise clash(config, "one of the two says how the figures look", "exporter", "outputstyle")
        return cls(
            style=style,
            exporter=exporter,
            as_go_ycsb=config.text("profile") == "go-ycsb",
            percentiles=_percentiles(config, _EXPORTED if exporter != "none" else _SHOWN),
            tables_file=tables_file,
            raw=raw,
            raw_file=raw_file,
            summary=not (raw and (config.boolean("measurement.raw.no_summary") or not (raw_file or tables_file))),
            percentile_files=_prefix(config, "histogram.percentiles.export", "histogram.percentiles.export.filepath"),
            hgrm=config.text("measurement.hgrm") or None,
            hlog=config.text("measurement.hlog"),
            logs=_prefix(config, "hdrhistogram.fileoutput", "hdrhistogram.output.path"),
        )

    @property
    def raw_on_stdout(self) -> bool:
        return self.raw and not self.raw_file

    @property
    def stdout_is_data(self) -> bool:
        """Whether standard output is for a machine: what people read goes to standard error then. go-ycsb mixes the
        two, and its profile does as well."""
        tables = self.summary and not self.tables_file and (self.style == "json" or self.exporter != "none")
        return not self.as_go_ycsb and (self.raw_on_stdout or tables)


def _files(config: Config, *, raw: bool) -> tuple[str, str]:
    """Where the raw lines go, and where the tables go."""
    output, raw_file, export = (
        config.text(name) for name in ("measurement.output_file", "measurement.raw.output_file", "exportfile")
    )
    if raw and raw_file and output and raw_file != output:
        raise clash(config, "the two say different files", "measurement.raw.output_file", "measurement.output_file")
    if not raw and export and output and export != output:
        raise clash(config, "the two say different files", "exportfile", "measurement.output_file")
    if raw and export and export == (raw_file or output):
        names = ("exportfile", "measurement.raw.output_file" if raw_file else "measurement.output_file")
        raise clash(config, "lines and figures cannot go to the same file", *names)
    return (raw_file or output, export) if raw else ("", export or output)


def _prefix(config: Config, switch: str, prefix: str) -> str | None:
    return config.text(prefix) if config.boolean(switch) else None


def _percentiles(config: Config, default: tuple[float, ...]) -> tuple[float, ...]:
    name = "hdrhistogram.percentiles"
    ranks = []
    for text in config.items(name):
        try:
            rank = float(text)
        except ValueError:
            raise config.error(name, f'"{printable(text, 40)}" is not a number') from None
        if not 0 < rank <= 100:
            raise config.error(name, f"{printable(text, 40)} is not above 0 and at most 100")
        ranks.append(round(rank, _MOST_DIGITS))
    if len(set(ranks)) != len(ranks):
        raise config.error(name, "names one percentile twice")
    return tuple(ranks) or default
