"""Is every record that was loaded there? The properties of a run that reads each once, and what its document says."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ycsbpy.errors import ClusterError, DataIntegrityError

if TYPE_CHECKING:
    from ycsbpy.report.document import Document

__all__ = ["READ_EVERY_RECORD", "count_records"]

READ_EVERY_RECORD = {
    "requestdistribution": "sequential",
    "readproportion": "1",
    "updateproportion": "0",
    "insertproportion": "0",
    "scanproportion": "0",
    "readmodifywriteproportion": "0",
    "deleteproportion": "0",
}
"""With ``operationcount`` set to the number of records."""


def count_records(document: Document, expected: int) -> int:
    """How many records such a run has read, which is ``expected``.

    Raises ``DataIntegrityError`` where one is missing or wrong, ``ClusterError`` where one could not be read.
    """
    phase = document.phases[-1]
    ended = phase.accounting
    if phase.integrity_violations or ended.not_found:
        example = phase.integrity_example or "records are missing"
        raise DataIntegrityError(f"{ended.not_found + phase.integrity_violations} records are not as loaded: {example}")
    if ended.ok != expected:
        error = phase.errors[0] if phase.errors else None
        raise ClusterError(f"{expected - ended.ok} records could not be read" + (f": {error.error}" if error else ""))
    return ended.ok
