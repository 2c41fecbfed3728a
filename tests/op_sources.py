"""Operation sources for the native tests: the defaults of the properties, and what a test changes."""

from __future__ import annotations

from typing import Any

from ycsbpy._native.generators import DOMAIN_RUN, OperationSource

READ, UPDATE, INSERT, SCAN, READ_MODIFY_WRITE, DELETE = range(6)
READ_ONLY = (1.0, 0.0, 0.0, 0.0, 0.0, 0.0)
SCAN_ONLY = (0.0, 0.0, 0.0, 1.0, 0.0, 0.0)
INSERT_ONLY = (0.0, 0.0, 1.0, 0.0, 0.0, 0.0)
DISTRIBUTIONS = ["uniform", "zipfian", "zipfian-exact", "latest", "hotspot", "exponential", "sequential"]
"""Of requests."""


def source(records: int = 1000, **changes: Any) -> OperationSource:
    """A source over `records` loaded records; keys are ordered, so that ``key_number`` says which was drawn."""
    parameters: dict[str, Any] = {
        "seed": 20260101,
        "recordcount": records,
        "insertstart": 0,
        "insertcount": records,
        "operationcount": 0,
        "proportions": READ_ONLY,
        "requestdistribution": "uniform",
        "hotspotdatafraction": 0.2,
        "hotspotopnfraction": 0.8,
        "exponential_percentile": 95.0,
        "exponential_frac": 0.8571428571,
        "minscanlength": 1,
        "maxscanlength": 1000,
        "scanlengthdistribution": "uniform",
        "fieldnames": [f"field{i}" for i in range(10)],
        "minfieldlength": 1,
        "fieldlength": 100,
        "fieldlengthdistribution": "constant",
        "fieldlengthhistogram": [],
        "fieldlengthblocksize": 1,
        "readallfields": True,
        "readallfieldsbyname": False,
        "writeallfields": False,
        "dataintegrity": False,
        "keyprefix": "user",
        "zeropadding": 1,
        "insertorder": "ordered",
    }
    unknown = changes.keys() - parameters.keys()
    assert not unknown, unknown
    return OperationSource(**(parameters | changes))


def records(drawn: OperationSource, count: int, first: int = 0) -> list[int]:
    """The records that operations first … first + count - 1 of a run ask for."""
    draw = drawn.draw
    return [draw(DOMAIN_RUN, number).key_number for number in range(first, first + count)]


def grow(drawn: OperationSource, limit: int, number: int = 0) -> int:
    """Draw operations, acknowledging every insert, until the limit is reached; returns the number of the next one."""
    while drawn.limit < limit:
        operation = drawn.draw(DOMAIN_RUN, number)
        number += 1
        if operation.kind == INSERT:
            drawn.acknowledge(operation.key_number, ok=True)
    return number
