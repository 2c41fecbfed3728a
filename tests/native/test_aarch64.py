"""The native code on aarch64, where there is none: cross-compiled, and run by QEMU's user mode.

What that can show: the same draws bit by bit (GCC fuses a product and a sum into one rounding there unless it is told
not to), unsigned ``char``, another layout of structures and other numbers of system calls. What it cannot: the order in
which a weaker memory shows writes to other threads, since the emulator runs on this machine's. For that there is
ThreadSanitizer (``test_sanitized.py``), which judges by C++'s memory model and not by a processor's.
"""

from __future__ import annotations

import ast
import shutil
import subprocess
from itertools import product
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from op_sources import DISTRIBUTIONS, source

from ycsbpy._native.generators import DOMAIN_LOAD, DOMAIN_RUN, DOMAIN_WARMUP

if TYPE_CHECKING:
    from collections.abc import Iterable

HERE = Path(__file__).parent
ROOT = HERE.parents[1]
FUZZ = HERE / "fuzz"
COMPILER = "aarch64-linux-gnu-g++"
EMULATOR = "qemu-aarch64-static" if shutil.which("qemu-aarch64-static") else "qemu-aarch64"
MISSING = [name for name in (COMPILER, EMULATOR) if shutil.which(name) is None]

pytestmark = [
    pytest.mark.once,
    pytest.mark.skipif(
        bool(MISSING),
        reason=f"not here: {' and '.join(MISSING)} (Debian has them in g++-aarch64-linux-gnu and qemu-user-static)",
    ),
]

LENGTHS = ("constant", "uniform", "zipfian", "histogram")
ORDERS = ("ordered", "hashed", "hashed-big-endian")
DOMAINS = (DOMAIN_LOAD, DOMAIN_RUN, DOMAIN_WARMUP)


def flags_of_the_package() -> list[str]:
    """With which ``setup.py`` compiles, but for those that make a release or a debug build of it."""
    for statement in ast.parse((ROOT / "setup.py").read_text()).body:
        if isinstance(statement, ast.Assign) and ast.unparse(statement.targets[0]) == "COMPILE":
            return list(ast.literal_eval(statement.value))
    raise AssertionError("setup.py has no COMPILE")


def cross_compiled(sources: Iterable[Path], program: Path, *flags: str) -> Path:
    """Statically, so that no library of that machine is needed here."""
    folders = [f"-I{ROOT / 'ext'}", f"-I{HERE}"]
    command = [COMPILER, *flags_of_the_package(), *flags, *folders, *map(str, sources), "-o", str(program)]
    built = subprocess.run([*command, "-static", "-pthread"], capture_output=True, text=True, check=False)
    assert built.returncode == 0, built.stderr
    return program


def emulated(program: Path, *arguments: Path) -> str:
    """What it prints; that it ends well is checked."""
    command = [EMULATOR, *map(str, (program, *arguments))]
    ran = subprocess.run(command, capture_output=True, text=True, check=False, timeout=600)
    assert ran.returncode == 0, ran.stderr
    return ran.stdout


@pytest.mark.parametrize("name", ["generators", "recording", "counter", "http2", "kvproto", "engine"])
def test_native(name: str, tmp_path: Path) -> None:
    program = cross_compiled([HERE / f"native_{name}.cpp"], tmp_path / name, "-O1", "-D_GLIBCXX_ASSERTIONS")
    assert emulated(program).endswith("ok\n")


@pytest.mark.parametrize("target", ["grpc", "hpack", "http2", "kvproto"])
def test_the_corpus_again(target: str, tmp_path: Path) -> None:
    inputs = sorted((FUZZ / "corpus" / target).iterdir())
    sources = [FUZZ / "replay.cpp", FUZZ / f"fuzz_{target}.cpp"]
    program = cross_compiled(sources, tmp_path / target, "-O1", "-D_GLIBCXX_ASSERTIONS")
    assert emulated(program, *inputs) == f"{len(inputs)} inputs\n"


def digests_here() -> str:
    """What ``digests.cpp`` prints, by the module that this interpreter has."""
    lines = []
    for records, lengths, domain in product(range(len(DISTRIBUTIONS)), range(len(LENGTHS)), DOMAINS):
        drawn = source(
            2**60,
            proportions=(0.2, 0.2, 0.2, 0.15, 0.15, 0.1),
            requestdistribution=DISTRIBUTIONS[records],
            scanlengthdistribution="zipfian" if lengths % 2 else "uniform",
            fieldlengthdistribution=LENGTHS[lengths],
            fieldlengthhistogram=(1, 0, 5, 2),
            fieldlengthblocksize=9,
            insertorder=ORDERS[(records + lengths) % 3],
        )
        digest = drawn.digest(domain, 0, 3000, row=domain != DOMAIN_WARMUP)
        lines.append(f"{records} {lengths} {domain} {digest}\n")
    return "".join(lines)


def test_the_same_operations_are_drawn(tmp_path: Path) -> None:
    """Keys, lengths and bytes, by this machine's module and by that machine's code, both as ``setup.py`` compiles."""
    program = cross_compiled([HERE / "digests.cpp"], tmp_path / "digests", "-O3")
    assert emulated(program) == digests_here()


def test_a_difference_would_be_seen(tmp_path: Path) -> None:
    """With fused products and sums, which ``setup.py`` forbids, that machine draws something else."""
    program = cross_compiled([HERE / "digests.cpp"], tmp_path / "digests", "-O2", "-ffp-contract=fast")
    there, here = emulated(program).splitlines(), digests_here().splitlines()
    differing = {DISTRIBUTIONS[int(line[0])] for line, other in zip(there, here, strict=True) if line != other}
    assert {"latest", "exponential"} <= differing < set(DISTRIBUTIONS)
