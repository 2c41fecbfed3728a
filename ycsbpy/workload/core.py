"""YCSB's core workload, drawn natively (``docs/drawing.md``)."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from ycsbpy._native.generators import OperationSource, key_name
from ycsbpy.config.settings import WorkloadSettings
from ycsbpy.ops import OpKind, Outcome
from ycsbpy.workload.base import Phase, Workload

if TYPE_CHECKING:
    from ycsbpy.config import Config
    from ycsbpy.ops import Operation, Result, Row

__all__ = ["CoreWorkload"]


class CoreWorkload(Workload):
    """The mix, distributions, keys and values of YCSB's CoreWorkload.

    Reads and scans of records that were inserted during the run come only after the database acknowledged them.
    """

    batches = True

    def __init__(self, settings: WorkloadSettings, seed: int, *, _source: OperationSource | None = None) -> None:
        self.settings = settings
        self.seed = seed
        self.table = settings.table
        self.checks = settings.dataintegrity
        self.warnings = settings.warnings
        self._deletes = settings.proportions[OpKind.DELETE] > 0
        self._source = _source or OperationSource(seed=seed, **settings.source_arguments())
        self._draw = self._source.draw

    @property
    def source(self) -> OperationSource:
        """Where operations are drawn from; the native engine draws from it by itself."""
        return self._source

    @classmethod
    def from_config(cls, config: Config, seed: int) -> CoreWorkload:
        return cls(WorkloadSettings.from_config(config), seed)

    def draw(self, phase: Phase, number: int) -> Operation:
        return self._draw(phase, number)

    def key(self, number: int) -> bytes:
        """The key of a record, without the table."""
        settings = self.settings
        return key_name(number, prefix=settings.keyprefix, zeropadding=settings.zeropadding, order=settings.insertorder)

    def with_inserts_from(self, number: int) -> CoreWorkload:
        """This workload on a table that has all records below ``number``: they are asked for too, unless this client
        is to ask for a part of the table only."""
        settings = self.settings
        whole = settings.insertstart + settings.insertcount == settings.recordcount
        insertcount = number - settings.insertstart if whole else settings.insertcount
        return CoreWorkload(replace(settings, recordcount=number, insertcount=insertcount), self.seed)

    def draw_as(self, kind: OpKind, phase: Phase, number: int) -> Operation:
        return self._source.draw_as(kind, phase, number)

    def completed(self, phase: Phase, operation: Operation, result: Result) -> None:
        if operation.kind == OpKind.INSERT and phase != Phase.LOAD:
            self._source.acknowledge(operation.key_number, result.outcome == Outcome.OK)

    def check(self, operation: Operation, result: Result) -> str:
        if operation.kind not in (OpKind.READ, OpKind.READ_MODIFY_WRITE):
            return ""
        if result.row is not None:
            return self._compare(operation, result.row)
        if result.outcome == Outcome.NOT_FOUND and not self._deletes:
            return f"{_key(operation)}: the record is missing"
        return ""

    def _compare(self, operation: Operation, row: Row) -> str:
        wanted = operation.fields if operation.fields is not None else self.settings.fieldnames
        for name, expected in self._source.expected_values(operation.key, wanted).items():
            found = row.get(name)
            if found is None:
                return f"{_key(operation)}: field {name} is missing"
            if found != expected:
                return f"{_key(operation)}: field {name} is {_shown(found)}, should be {_shown(expected)}"
        return ""

    def for_thread(self) -> CoreWorkload:
        return CoreWorkload(self.settings, self.seed, _source=self._source.clone())


def _key(operation: Operation) -> str:
    return operation.key.decode("utf-8", "backslashreplace")


def _shown(value: bytes, length: int = 40) -> str:
    return repr(value) if len(value) <= length else f"{value[:length]!r}… ({len(value)} bytes)"
