"""Native objects are freed, once, also when the interpreter goes; drawing holds on to nothing.

The programs run in processes of their own: the end of the interpreter is part of the test, and memory is measured where
nothing else happens.
"""

from __future__ import annotations

import os
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

TESTS = Path(__file__).parents[1]
ROOT = TESTS.parent


def run(program: str) -> str:
    path = os.pathsep.join([str(ROOT), str(TESTS), os.environ.get("PYTHONPATH", "")])
    result = subprocess.run(
        [sys.executable, "-X", "faulthandler", "-W", "error", "-c", textwrap.dedent(program)],
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
        env={**os.environ, "PYTHONPATH": path},
    )
    assert result.returncode == 0, result.stderr
    assert result.stderr == ""
    return result.stdout


def test_objects_left_at_exit() -> None:
    """In module globals, in cycles, in use by a view or by a thread that is still running."""
    output = run(
        """
        import threading
        from op_sources import source
        from ycsbpy._native.recording import LatencyCounts, Recorder

        drawn = source(proportions=(1.0,) * 6)
        clone = drawn.clone()
        operations = [drawn.draw(2, number) for number in range(1000)]
        counts = LatencyCounts()
        view = memoryview(counts)
        recorder = Recorder(6, 4, response=True)
        recorder.record(1, 1, 1, 2, 3)

        class Owner:
            def __init__(self):
                self.me, self.source, self.operation = self, source(), drawn.draw(1, 1)

        cycle = Owner()
        operations[0].values = {"self": operations[0]}
        threading.Thread(target=lambda: drawn.digest(2, 0, 300_000), daemon=True).start()
        print("end")
        """
    )
    assert output == "end\n"


def test_operations_in_cycles_are_collected() -> None:
    run(
        """
        import gc
        import weakref
        from op_sources import source

        class Canary:
            pass

        drawn, seen = source(), []
        for number in range(2000):
            operation, canary = drawn.draw(1, number), Canary()
            seen.append(weakref.ref(canary))
            operation.values = {"self": operation, "canary": canary}
        del operation, canary
        gc.collect()
        assert not any(reference() for reference in seen)
        """
    )


def test_drawing_keeps_nothing() -> None:
    """Neither Python's objects nor references to names that all operations share."""
    run(
        """
        import gc
        import sys
        import tracemalloc
        from op_sources import source
        from ycsbpy._native.generators import decode_row, encode_row

        names = [f"field{i}" for i in range(10)]
        columns = {name: i for i, name in enumerate(names)}
        drawn = source(proportions=(1.0,) * 6, readallfields=False, fieldlengthdistribution="uniform")

        def use(count):
            for number in range(count):
                operation = drawn.draw(2, number)
                if operation.kind == 2:
                    drawn.acknowledge(operation.key_number, ok=True)
                if operation.values:
                    assert decode_row(encode_row(operation.values, columns), names) == operation.values
                for wrong in (b"", b"\\x08", b"\\x08\\x00\\x02\\x7f"):
                    try:
                        decode_row(wrong, names)
                    except ValueError:
                        pass
                try:
                    drawn.draw(7, number)
                except ValueError:
                    pass

        use(2000)
        field = next(iter(drawn.draw(1, 0).values))
        gc.collect()
        tracemalloc.start()
        before, references = tracemalloc.get_traced_memory()[0], sys.getrefcount(field)
        use(20_000)
        gc.collect()
        grown = tracemalloc.get_traced_memory()[0] - before
        assert grown < 20_000, grown
        assert sys.getrefcount(field) == references
        """
    )


@pytest.mark.skipif(not Path("/proc/self/statm").exists(), reason="resident memory is read from /proc")
def test_native_memory_is_given_back() -> None:
    """Histograms are a quarter of a megabyte each when full, sources hold a ring and tables."""
    run(
        """
        import gc
        from array import array
        from op_sources import source
        from ycsbpy._native.recording import LatencyCounts, Recorder
        from ycsbpy._native.timer import TimerFd

        everything = array("Q", [int(1.0007 ** i) for i in range(41_000)])

        def use():
            recorder = Recorder(6, 4, response=True)
            for kind in range(6):
                recorder.record(kind, 0, 1, 2, 3)
            for counts in recorder.take().values():
                counts.record_all(everything)
                counts.copy().add(counts)
            recorder.record(0, 0, 1, 2, 3)
            drawn = source(fieldnames=[f"f{i}" for i in range(500)], proportions=(0, 0, 1, 0, 0, 0))
            drawn.clone().digest(1, 0, 3, row=True)
            drawn.draw(2, 0)
            drawn.acknowledge(1000, ok=False)
            try:
                source(minscanlength=0)
            except ValueError:
                pass
            try:
                LatencyCounts().add_counts(b"", 0, 0, 0)
            except ValueError:
                pass
            TimerFd()

        def resident():
            gc.collect()
            with open("/proc/self/statm") as file:
                return int(file.read().split()[1]) * 4096

        for _ in range(20):
            use()
        before = resident()
        for _ in range(200):
            use()
        assert resident() - before < 2_000_000, resident() - before  # one of twelve histograms left behind: 50 MB
        """
    )
