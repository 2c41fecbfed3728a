"""What drawing an operation costs: CPU nanoseconds on one core.

    python bench/bench_generators.py

Claim: at most 150 ns for an operation of workload A and 350 ns for a row of a load (10 fields of 100 bytes), native.

The rows "native" are what the native path pays: decide the operation, write its key and, where it writes, its values in
the row codec into a buffer; every byte is read again for a digest, so that nothing can be left out by an optimiser, and
that reading is in the numbers. The rows "as Python objects" are what ``OperationSource.draw`` pays, and so what a
workload driven from Python pays. The rows "memory driver" are whole operations: drawn, called and recorded, and so the
ceiling of the asyncio runner. Records: 1,000,000 (10,000 for the memory driver's run), and as many operations
expected in a run.
"""

from __future__ import annotations

import sys
from functools import partial
from typing import TYPE_CHECKING, Any

from harness import Case, main

from ycsbpy import MemoryDriver, load, run
from ycsbpy._native.generators import DOMAIN_LOAD, DOMAIN_RUN, Operation, OperationSource, encode_row

if TYPE_CHECKING:
    from collections.abc import Callable

RECORDS = 1_000_000
FIELDS = [f"field{i}" for i in range(10)]
INSERT = 2

MIXES: dict[str, tuple[tuple[float, ...], str]] = {
    # read, update, insert, scan, read-modify-write, delete; request distribution
    "A": ((0.5, 0.5, 0.0, 0.0, 0.0, 0.0), "zipfian"),
    "B": ((0.95, 0.05, 0.0, 0.0, 0.0, 0.0), "zipfian"),
    "C": ((1.0, 0.0, 0.0, 0.0, 0.0, 0.0), "zipfian"),
    "C, zipfian-exact": ((1.0, 0.0, 0.0, 0.0, 0.0, 0.0), "zipfian-exact"),
    "D": ((0.95, 0.0, 0.05, 0.0, 0.0, 0.0), "latest"),
    "E": ((0.0, 0.0, 0.05, 0.95, 0.0, 0.0), "zipfian"),
    "F": ((0.5, 0.0, 0.0, 0.0, 0.5, 0.0), "zipfian"),
}


def source(workload: str) -> OperationSource:
    """Operations of one of YCSB's workloads; all but the mix is the same in all of them."""
    proportions, distribution = MIXES[workload]
    parameters: dict[str, Any] = {
        "seed": 1,
        "recordcount": RECORDS,
        "insertstart": 0,
        "insertcount": RECORDS,
        "operationcount": RECORDS,
        "proportions": proportions,
        "requestdistribution": distribution,
        "hotspotdatafraction": 0.2,
        "hotspotopnfraction": 0.8,
        "exponential_percentile": 95.0,
        "exponential_frac": 0.8571428571,
        "minscanlength": 1,
        "maxscanlength": 100,
        "scanlengthdistribution": "uniform",
        "fieldnames": FIELDS,
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
        "insertorder": "hashed",
    }
    return OperationSource(**parameters)


def native(workload: str, domain: int) -> Callable[[int], object]:
    drawn = source(workload)
    return lambda times: drawn.digest(domain, 0, times, row=True)


def as_python_objects(workload: str, domain: int) -> Callable[[int], object]:
    drawn = source(workload)

    def run(times: int) -> None:
        draw = drawn.draw
        for number in range(times):
            draw(domain, number)

    return run


def through_the_runner(command: str) -> Callable[[int], object]:
    """Whole operations of the asyncio runner on the driver that only keeps records: the harness's ceiling."""
    driver = MemoryDriver()
    if command == "load":
        return lambda times: load("workloada", driver=driver, recordcount=times, threadcount=16)
    load("workloada", driver=driver, recordcount=10_000)
    return lambda times: run(
        "workloada", driver=driver, recordcount=10_000, operationcount=times, threadcount=16, status=False
    )


def bytes_each(workload: str, domain: int) -> float:
    """Key and row of an operation, on the average over the first ten thousand."""
    drawn, size = source(workload), 0
    columns = {name: column for column, name in enumerate(FIELDS)}
    for number in range(10_000):
        operation: Operation = drawn.draw(domain, number)
        size += len(operation.key)
        if operation.values is not None:
            size += len(encode_row(operation.values, columns))
        if operation.kind == INSERT:
            drawn.acknowledge(operation.key_number, ok=True)
    return size / 10_000


CASES = [
    *(
        Case(
            f"native, workload {workload}",
            2_000_000,
            partial(native, workload, DOMAIN_RUN),
            150 if workload == "A" else None,
            partial(bytes_each, workload, DOMAIN_RUN),
        )
        for workload in MIXES
    ),
    Case(
        "native, load row of 10 x 100 B",
        1_000_000,
        partial(native, "A", DOMAIN_LOAD),
        350,
        partial(bytes_each, "A", DOMAIN_LOAD),
    ),
    Case("as Python objects, workload A", 300_000, partial(as_python_objects, "A", DOMAIN_RUN)),
    Case("as Python objects, load row", 200_000, partial(as_python_objects, "A", DOMAIN_LOAD)),
    Case("memory driver, asyncio runner, workload A", 200_000, partial(through_the_runner, "run")),
    Case("memory driver, asyncio runner, load", 200_000, partial(through_the_runner, "load")),
]

if __name__ == "__main__":
    sys.exit(main(__file__, CASES))
