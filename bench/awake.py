"""Processors that do not go to sleep while something is measured, as those of a machine with a busy store on it.

A processor that has nothing to do halts, and waking it again costs whoever sends it a message: on a virtual machine an
exit to the hypervisor, some microseconds that are charged to the sender. Benchmarks of the network therefore forbid
the sleep (``idle=poll``, ``cpupower idle-set``, tuned's ``network-latency``), which takes root and a machine of one's
own. Here each processor has a process instead that runs only when nothing else wants to (SCHED_IDLE, sched(7)), for all
contestants alike.
"""

from __future__ import annotations

import os
import subprocess
import sys
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["processors_awake"]

SPIN = """
import os, sys
os.sched_setaffinity(0, {int(sys.argv[1])})
os.sched_setscheduler(0, os.SCHED_IDLE, os.sched_param(0))
parent = int(sys.argv[2])
while os.getppid() == parent:
    for _ in range(1_000_000):
        pass
"""


@contextmanager
def processors_awake() -> Iterator[int]:
    """Keep every processor that this process may use from sleeping; their number (0 where there is no SCHED_IDLE)."""
    if not hasattr(os, "SCHED_IDLE"):
        yield 0
        return
    spinning = [
        subprocess.Popen([sys.executable, "-S", "-c", SPIN, str(processor), str(os.getpid())])
        for processor in sorted(os.sched_getaffinity(0))
    ]
    try:
        yield len(spinning)
    finally:
        for one in spinning:
            one.kill()
            one.wait()
