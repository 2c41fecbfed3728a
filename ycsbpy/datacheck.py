"""Is every record that was loaded there? The properties of a run that reads each once, and what its document says."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ycsbpy.errors import ClusterError, DataIntegrityError, Interrupted
from ycsbpy.wording import counted

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

    Raises ``DataIntegrityError`` where one is missing or wrong, ``ClusterError`` where one could not be read,
    ``Interrupted`` where it was not read to the end.
    """
    if not document.phases:
        raise Interrupted("interrupted before a record was read")
    phase = document.phases[-1]
    ended = phase.accounting
    if phase.integrity_violations or ended.not_found:
        example = f"; the first: {phase.integrity_example}" if phase.integrity_example else ": they are missing"
        wrong = ended.not_found + phase.integrity_violations
        raise DataIntegrityError(f"{counted(wrong, 'record')} {'is' if wrong == 1 else 'are'} not as loaded{example}")
    if phase.stopped_by == "interrupt":
        raise Interrupted(f"interrupted after {ended.done:,} of {counted(expected, 'record')}, all as loaded")
    if ended.ok != expected:
        first = f": {phase.errors[0].error}" if phase.errors else ""
        raise ClusterError(f"{counted(expected - ended.ok, 'record')} could not be read{first}")
    return ended.ok
