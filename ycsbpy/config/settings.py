"""What each part of the program needs, taken out of a ``Config`` and checked as a whole.

A ``Config`` holds values that are right one by one; here pairs are looked at: what contradicts what, what cannot work.
Every error names all properties that take part and where each was written. Warnings are for what works and is probably
not what was meant.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal, TypedDict

from ycsbpy.config.lengths import LengthHistogram, read_length_histogram
from ycsbpy.config.values import AllowedErrors, Latency, printable, shown
from ycsbpy.errors import PropertyError, UsageError
from ycsbpy.tls import file_problem

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ycsbpy.config.config import Config

__all__ = ["PROPORTIONS", "Command", "RunSettings", "SourceArguments", "TikvSettings", "WorkloadSettings", "clash"]

Command = Literal["load", "run"]

PROPORTIONS = (
    "readproportion",
    "updateproportion",
    "insertproportion",
    "scanproportion",
    "readmodifywriteproportion",
    "deleteproportion",
)
"""The properties of the mix, in the order of ``OpKind``."""

MAX_KEY_BYTES = 8192
"""TiKV's default ``storage.max-key-size``."""
MAX_ROW_BYTES = 2**31 - 1
"""No protobuf message is longer."""
USUAL_ROW_BYTES = 8 * 2**20
"""TiKV's default ``raftstore.raft-entry-max-size``."""
_DIGITS = 19  # of 2^63, the largest hash; record numbers are smaller
_LEAST_TARGET = 0.001  # operations per second
_HOST_PORT = re.compile(r"(?P<host>\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9._-]+):(?P<port>[0-9]{1,5})")


class SourceArguments(TypedDict):
    """The arguments of ``ycsbpy._native.generators.OperationSource``, but for the seed."""

    recordcount: int
    insertstart: int
    insertcount: int
    operationcount: int
    proportions: Sequence[float]
    requestdistribution: str
    hotspotdatafraction: float
    hotspotopnfraction: float
    exponential_percentile: float
    exponential_frac: float
    minscanlength: int
    maxscanlength: int
    scanlengthdistribution: str
    fieldnames: Sequence[str]
    minfieldlength: int
    fieldlength: int
    fieldlengthdistribution: str
    fieldlengthhistogram: Sequence[int]
    fieldlengthblocksize: int
    readallfields: bool
    readallfieldsbyname: bool
    writeallfields: bool
    dataintegrity: bool
    keyprefix: str
    zeropadding: int
    insertorder: str


@dataclass(frozen=True, slots=True)
class WorkloadSettings:
    """What is drawn. Fields are named as the properties; ``proportions`` are in the order of ``OpKind``."""

    table: str
    recordcount: int
    insertstart: int
    insertcount: int
    operationcount: int
    proportions: tuple[float, ...]
    requestdistribution: str
    hotspotdatafraction: float
    hotspotopnfraction: float
    exponential_percentile: float
    exponential_frac: float
    minscanlength: int
    maxscanlength: int
    scanlengthdistribution: str
    fieldnames: tuple[str, ...]
    minfieldlength: int
    fieldlength: int
    fieldlengthdistribution: str
    fieldlengths: LengthHistogram | None
    readallfields: bool
    readallfieldsbyname: bool
    writeallfields: bool
    dataintegrity: bool
    keyprefix: str
    zeropadding: int
    insertorder: str
    warnings: tuple[str, ...] = ()

    @classmethod
    def from_config(cls, config: Config) -> WorkloadSettings:
        """Take and check what is drawn. Raises ``PropertyError``; reads the histogram file if there is one."""
        recordcount, insertstart, insertcount = _records(config)
        _check_mix(config)
        _check_scan_lengths(config)
        _check_exponential(config)
        _check_integrity(config)
        _check_key_length(config)
        fieldlengths = _field_lengths(config)
        longest = config.integer("fieldlength") if fieldlengths is None else fieldlengths.longest
        warnings = _row_warnings(config, longest)
        prefix = config.text("fieldnameprefix")
        return cls(
            table=config.text("table"),
            recordcount=recordcount,
            insertstart=insertstart,
            insertcount=insertcount,
            operationcount=config.integer("operationcount"),
            proportions=tuple(config.number(name) for name in PROPORTIONS),
            requestdistribution=_request_distribution(config),
            hotspotdatafraction=config.number("hotspotdatafraction"),
            hotspotopnfraction=config.number("hotspotopnfraction"),
            exponential_percentile=config.number("exponential.percentile"),
            exponential_frac=config.number("exponential.frac"),
            minscanlength=config.integer("minscanlength"),
            maxscanlength=config.integer("maxscanlength"),
            scanlengthdistribution=config.text("scanlengthdistribution"),
            fieldnames=tuple(f"{prefix}{number}" for number in range(config.integer("fieldcount"))),
            minfieldlength=config.integer("minfieldlength"),
            fieldlength=config.integer("fieldlength"),
            fieldlengthdistribution=config.text("fieldlengthdistribution"),
            fieldlengths=fieldlengths,
            readallfields=config.boolean("readallfields"),
            readallfieldsbyname=config.boolean("readallfieldsbyname"),
            writeallfields=config.boolean("writeallfields"),
            dataintegrity=config.boolean("dataintegrity"),
            keyprefix=config.text("keyprefix"),
            zeropadding=config.integer("zeropadding"),
            insertorder=_key_order(config),
            warnings=tuple(warnings),
        )

    def source_arguments(self) -> SourceArguments:
        """Keyword arguments for ``OperationSource``; the seed is one more."""
        lengths = self.fieldlengths
        return SourceArguments(
            recordcount=self.recordcount,
            insertstart=self.insertstart,
            insertcount=self.insertcount,
            operationcount=self.operationcount,
            proportions=self.proportions,
            requestdistribution=self.requestdistribution,
            hotspotdatafraction=self.hotspotdatafraction,
            hotspotopnfraction=self.hotspotopnfraction,
            exponential_percentile=self.exponential_percentile,
            exponential_frac=self.exponential_frac,
            minscanlength=self.minscanlength,
            maxscanlength=self.maxscanlength,
            scanlengthdistribution=self.scanlengthdistribution,
            fieldnames=self.fieldnames,
            minfieldlength=self.minfieldlength,
            fieldlength=self.fieldlength,
            fieldlengthdistribution=self.fieldlengthdistribution,
            fieldlengthhistogram=() if lengths is None else lengths.counts,
            fieldlengthblocksize=1 if lengths is None else lengths.block_size,
            readallfields=self.readallfields,
            readallfieldsbyname=self.readallfieldsbyname,
            writeallfields=self.writeallfields,
            dataintegrity=self.dataintegrity,
            keyprefix=self.keyprefix,
            zeropadding=self.zeropadding,
            insertorder=self.insertorder,
        )


@dataclass(frozen=True, slots=True)
class RunSettings:
    """How a command does its work: times in seconds, None for what is not limited or not wanted."""

    command: Command
    threadcount: int
    operations: int | None
    """Operations planned, over all clients: records of a load, ``operationcount`` of a run."""
    target: float | None
    """Operations per second over all clients."""
    max_seconds: float | None
    warmup_seconds: float
    """0 for none; a load has none."""
    allowed_errors: AllowedErrors
    interval_seconds: float
    """Between status lines; 0 for none."""
    shown_latency: Latency
    """Which latency tables show; without a target there is only ``OP``, the service time."""
    seed: int | None
    """None: to be drawn at random."""
    label: str
    batch: int = 1
    """Records of one operation."""
    insert_retries: int = 0
    insert_retry_seconds: float = 3.0
    insert_from_found: bool = True
    """Whether the inserts of a run begin behind the records that are there; else at ``recordcount``."""
    warnings: tuple[str, ...] = ()

    @classmethod
    def from_config(cls, config: Config, command: Command) -> RunSettings:
        """Take and check what `command` needs. Raises ``PropertyError``, also where there is nothing for it to do."""
        operations = _records_to_load(config) if command == "load" else _operations_to_run(config)
        target = config.number("target")
        if 0 < target < _LEAST_TARGET:
            raise config.error("target", f"{shown(target)} is too small; the least is {_LEAST_TARGET} per second")
        latency, warnings = _latency(config)
        if command == "run":
            warnings += _mix_warnings(config)
            _check_batches(config)
        return cls(
            command=command,
            threadcount=config.integer("threadcount"),
            operations=operations,
            target=target or None,
            max_seconds=config.number("maxexecutiontime") or None,
            warmup_seconds=config.number("warmuptime") if command == "run" else 0.0,
            allowed_errors=config.allowed_errors(),
            interval_seconds=_interval_seconds(config),
            shown_latency=latency,
            seed=config.optional_integer("seed"),
            label=config.text("label"),
            batch=config.integer("batch.size"),
            insert_retries=config.integer("core_workload_insertion_retry_limit"),
            insert_retry_seconds=config.number("core_workload_insertion_retry_interval"),
            insert_from_found=config.text("insertfrom") == "found",
            warnings=tuple(warnings),
        )


@dataclass(frozen=True, slots=True)
class TikvSettings:
    """How TiKV is reached. ``pd`` is empty while no address was given; certificates are None where there is no TLS."""

    pd: tuple[str, ...]
    driver: str
    type: str
    apiversion: str
    conncount: int
    timeout_seconds: float
    """Deadline of one operation, whatever is tried again underneath."""
    ca: Path | None = None
    cert: Path | None = None
    key: Path | None = None
    batchsize: int = 128
    native_threads: int = 0
    ttl: int = 0
    """Seconds; 0 for ever."""
    cf: str = "default"
    keyspace: str = "DEFAULT"
    """Of API V2, by name."""

    @classmethod
    def from_config(cls, config: Config) -> TikvSettings:
        """Take and check what the TiKV drivers need. Raises ``PropertyError``, also for a file that is not there or
        does not hold what it should."""
        ca, cert, key = (_file(config, name) for name in ("tikv.ca", "tikv.cert", "tikv.key"))
        if (cert is None) != (key is None):
            raise clash(config, "a certificate needs its key, and a key its certificate", "tikv.cert", "tikv.key")
        if cert is not None and ca is None:
            raise clash(config, "a client's certificate needs TLS, which tikv.ca turns on", "tikv.cert", "tikv.ca")
        if ca is not None and (wrong := file_problem(ca, cert, key)) is not None:
            raise config.error(f"tikv.{wrong[0]}", printable(wrong[1]))
        return cls(
            pd=tuple(_endpoint(config, text) for text in config.items("tikv.pd")),
            driver=config.text("tikv.driver"),
            type=config.text("tikv.type"),
            apiversion=config.text("tikv.apiversion"),
            conncount=config.integer("tikv.conncount"),
            timeout_seconds=config.number("tikv.timeout"),
            ca=ca,
            cert=cert,
            key=key,
            batchsize=config.integer("tikv.batchsize"),
            native_threads=config.integer("native.threads"),
            ttl=config.integer("tikv.ttl"),
            cf=config.text("tikv.cf"),
            keyspace=config.text("tikv.keyspace"),
        )


def _key_order(config: Config) -> str:
    """The word for ``OperationSource``: go-ycsb hashes the number's bytes from the highest on, Java from the lowest."""
    order = config.text("insertorder")
    return "hashed-big-endian" if order == "hashed" and config.text("profile") == "go-ycsb" else order


def _request_distribution(config: Config) -> str:
    """The word for ``OperationSource``: which of the two Zipf laws is meant depends on the profile."""
    law = config.text("requestdistribution")
    return "zipfian-exact" if law == "zipfian" and config.text("profile") == "exact" else law


def clash(config: Config, reason: str, *names: str) -> PropertyError:
    """An error about several properties; it is laid at the door of the one that was written last."""
    blamed = max(names, key=config.rank)
    said = ", ".join(_said(config, name) for name in names)
    return config.error(blamed, f"{reason}: {said}")


def _said(config: Config, name: str) -> str:
    value = config.value(name)
    written = "unset" if value is None or value == "" else printable(shown(value))
    return f"{name}={written} ({config.origin(name)})"


def _records(config: Config) -> tuple[int, int, int]:
    """recordcount, insertstart and insertcount; that there is a record at all is for the command to ask."""
    recordcount, insertstart = config.integer("recordcount"), config.integer("insertstart")
    insertcount = config.optional_integer("insertcount")
    for name in ("insertcount", "insertstart"):
        if recordcount == 0 and config.value(name):
            needed = insertstart + insertcount if insertcount else "N"
            reason = f"{_zero(config, 'recordcount')}, and {_said(config, name)} needs it; write recordcount={needed}"
            raise config.error("recordcount", reason)
    if insertstart > recordcount:
        raise clash(config, "the first record is after the last", "insertstart", "recordcount")
    if insertcount is None:
        insertcount = recordcount - insertstart
    if insertstart + insertcount > recordcount:
        reason = "insertstart and insertcount together are more than recordcount"
        raise clash(config, reason, "insertcount", "insertstart", "recordcount")
    return recordcount, insertstart, insertcount


def _records_to_load(config: Config) -> int:
    recordcount, _, insertcount = _records(config)
    if recordcount == 0:
        raise config.error(
            "recordcount", f"{_zero(config, 'recordcount')}, so there is nothing to load; write recordcount=N"
        )
    if insertcount == 0:
        raise clash(config, "no record is left to load", "insertcount", "insertstart", "recordcount")
    return insertcount


def _operations_to_run(config: Config) -> int | None:
    """Operations of a run; None where only time limits it."""
    recordcount, _, insertcount = _records(config)
    asks = any(config.number(name) > 0 for name in PROPORTIONS if name != "insertproportion")
    if asks and recordcount == 0:
        why = "a run has to know how many records were loaded (YCSB and go-ycsb would ask for 2147483647)"
        raise config.error("recordcount", f"{_zero(config, 'recordcount')}; {why}; write recordcount=N")
    if asks and insertcount == 0:
        raise clash(config, "no record is left to ask for", "insertcount", "insertstart", "recordcount")
    count = config.integer("operationcount")
    if count == 0 and config.number("maxexecutiontime") == 0:
        reason = "and there is no time limit; write operationcount=N or maxexecutiontime=SECONDS"
        raise config.error("operationcount", f"{_zero(config, 'operationcount')} {reason}")
    return count or None


def _zero(config: Config, name: str) -> str:
    return "is 0" if config.was_set(name) else "is not set"


def _check_mix(config: Config) -> None:
    if not any(config.number(name) > 0 for name in PROPORTIONS):
        raise clash(config, "all proportions are 0, so there is nothing to do", *PROPORTIONS)


def _check_batches(config: Config) -> None:
    if config.integer("batch.size") > 1 and config.number("scanproportion") > 0:
        raise clash(config, "scans do not come in batches", "batch.size", "scanproportion")


def _check_scan_lengths(config: Config) -> None:
    if config.integer("minscanlength") > config.integer("maxscanlength"):
        raise clash(config, "the shortest scan is longer than the longest", "minscanlength", "maxscanlength")


def _check_exponential(config: Config) -> None:
    """The truncated law exists only where the newest part gets more than its share (docs/drawing.md 3)."""
    if config.text("requestdistribution") != "exponential":
        return
    percentile, frac = config.number("exponential.percentile"), config.number("exponential.frac")
    if not 0 < percentile < 100 or not 0 < frac < 1:
        reason = "percentile has to be between 0 and 100, frac between 0 and 1, and the bounds are not allowed"
        raise clash(config, reason, "exponential.percentile", "exponential.frac")
    if percentile / 100 <= frac:
        reason = (
            f"no exponential law puts {shown(percentile)} % of its mass into {shown(frac)} of the range; it takes more"
        )
        raise clash(config, reason, "exponential.percentile", "exponential.frac")


def _check_integrity(config: Config) -> None:
    if not config.boolean("dataintegrity"):
        return
    if config.text("fieldlengthdistribution") != "constant":
        reason = "values can be checked only if all are of the same length"
        raise clash(config, reason, "dataintegrity", "fieldlengthdistribution")
    for name in ("keyprefix", "fieldnameprefix"):
        if not config.text(name).isascii():
            raise clash(config, "values can be checked only if keys and names are ASCII", "dataintegrity", name)


def _check_key_length(config: Config) -> None:
    parts = {
        "table": len(config.text("table").encode()) + 1,  # and a colon
        "keyprefix": len(config.text("keyprefix").encode()),
        "zeropadding": max(config.integer("zeropadding"), _DIGITS),
    }
    if sum(parts.values()) > MAX_KEY_BYTES:
        longest = max(parts, key=lambda name: parts[name])
        reason = f"keys would have {sum(parts.values())} bytes, and TiKV takes {MAX_KEY_BYTES}"
        raise config.error(longest, f"{reason}: the table's name, keyprefix and zeropadding together")


def _field_lengths(config: Config) -> LengthHistogram | None:
    law = config.text("fieldlengthdistribution")
    if law in ("uniform", "zipfian") and config.integer("minfieldlength") > config.integer("fieldlength"):
        raise clash(config, "the shortest value is longer than the longest", "minfieldlength", "fieldlength")
    if law != "histogram":
        return None
    try:
        return read_length_histogram(Path(config.text("fieldlengthhistogram")).expanduser())
    except (UsageError, RuntimeError) as error:
        raise config.error("fieldlengthhistogram", printable(str(error))) from error


def _row_warnings(config: Config, longest: int) -> list[str]:
    """Rows have to fit into a message; TiKV takes less unless it was told to."""
    row = config.integer("fieldcount") * longest
    if row > MAX_ROW_BYTES:
        size = f"a record would have up to {row} bytes, and no message carries more than {MAX_ROW_BYTES}"
        histogram = config.text("fieldlengthdistribution") == "histogram"
        raise clash(config, size, "fieldlengthhistogram" if histogram else "fieldlength", "fieldcount")
    if row > USUAL_ROW_BYTES:
        mib = shown(round(row / 2**20, 1))
        return [f"records have up to {mib} MiB; TiKV refuses those above 8 MiB unless raft-entry-max-size is raised"]
    return []


def _mix_warnings(config: Config) -> list[str]:
    shares = {name: config.number(name) for name in PROPORTIONS}
    total = sum(shares.values())
    if abs(total - 1) <= 1e-6:
        return []
    mix = ", ".join(f"{name.removesuffix('proportion')} {share / total:.1%}" for name, share in shares.items() if share)
    by_default = [name for name in shares if shares[name] and not config.was_set(name)]
    hint = f" ({', '.join(_said(config, name) for name in by_default)})" if by_default else ""
    return [f"proportions sum to {total:.6g}{hint} and are scaled to 1: {mix}"]


def _latency(config: Config) -> tuple[Latency, list[str]]:
    """Which latency to show; a number says nothing about it."""
    wanted = config.interval().latency or Latency.BOTH
    if config.number("target") > 0:
        return wanted, []
    if wanted is Latency.INTENDED:
        where = config.origin("measurement.interval")
        return Latency.OP, [
            f"{where}: measurement.interval: without a target there is no schedule, so service time is shown"
        ]
    return Latency.OP, []


def _interval_seconds(config: Config) -> float:
    """``status.interval`` or go-ycsb's ``measurement.interval``, whichever was written later; 0 for no status lines."""
    seconds = config.number("status.interval")
    other = config.interval().seconds
    if other is not None and config.rank("measurement.interval") >= config.rank("status.interval"):
        if config.rank("measurement.interval") == config.rank("status.interval") and other != seconds:
            raise clash(config, "the two say different seconds", "measurement.interval", "status.interval")
        seconds = other
    return seconds if config.boolean("status") else 0.0


def _endpoint(config: Config, text: str) -> str:
    address = text.removeprefix("http://").rstrip("/")
    if address.startswith("https://"):
        raise config.error("tikv.pd", f'"{printable(text)}": write HOST:PORT, and tikv.ca for TLS')
    match = _HOST_PORT.fullmatch(address)
    if match is None or not 0 < int(match["port"]) < 65536:
        hint = f"; write {address}:2379" if re.fullmatch(r"[A-Za-z0-9._-]*[A-Za-z.][A-Za-z0-9._-]*", address) else ""
        raise config.error("tikv.pd", f'"{printable(text)}" is not HOST:PORT{hint}')
    return address


def _file(config: Config, name: str) -> Path | None:
    text = config.text(name)
    if not text:
        return None
    path = Path(text)
    try:
        path = path.expanduser()
        with path.open("rb"):
            return path
    except (OSError, RuntimeError) as error:
        raise config.error(name, f"{printable(text)}: {getattr(error, 'strerror', None) or error}") from error
