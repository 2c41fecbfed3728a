"""The native tests: standalone programs, compiled here with sanitizers and run.

They need the compiler that built the package (``$CXX``, or ``c++``) and its sanitizers' libraries; where those are not
installed the tests are skipped and say so. The one that is about time (``clock``) runs without them, too.
"""

from __future__ import annotations

import os
import shlex
import shutil
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Sequence

pytestmark = pytest.mark.once

HERE = Path(__file__).parent
ROOT = HERE.parents[1]
COMPILER = shlex.split(os.environ.get("CXX", "c++"))
FLAGS = ["-std=c++20", "-g", "-ffp-contract=off", "-Wall", "-Wextra", "-Wpedantic", "-Wshadow"]
MEMORY = ["-fsanitize=address,undefined,float-cast-overflow", "-fno-sanitize-recover=all", "-D_GLIBCXX_ASSERTIONS"]
THREADS = ["-fsanitize=thread", "-O1"]
PLAIN = ["-O1"]
TLS = ["-DYCSBPY_TLS=1"]
OPENSSL = ["-lssl", "-lcrypto"]


def compile_program(
    source: Path, program: Path, *flags: str, libraries: Sequence[str] = ()
) -> subprocess.CompletedProcess[str]:
    command = [*COMPILER, *FLAGS, *flags, f"-I{ROOT / 'ext'}", str(source), "-o", str(program), "-pthread", *libraries]
    return subprocess.run(command, capture_output=True, text=True, check=False)


@pytest.fixture(scope="session")
def unusable(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """For each sanitizer that cannot be used here, why not."""
    if shutil.which(COMPILER[0]) is None:
        return dict.fromkeys([MEMORY[0], THREADS[0], PLAIN[0]], f"there is no {COMPILER[0]}")
    folder = tmp_path_factory.mktemp("sanitizers")
    source = folder / "nothing.cpp"
    source.write_text("int main() {}\n")
    reasons = {}
    for flag in (MEMORY[0], THREADS[0]):
        built = compile_program(source, folder / "nothing", flag)
        ran = (
            subprocess.run([folder / "nothing"], capture_output=True, text=True, check=False)
            if not built.returncode
            else built
        )
        if ran.returncode:
            reasons[flag] = f"{flag} does not work here: {ran.stderr.strip()[-200:]}"
    return reasons


def has_openssl(folder: Path) -> bool:
    source = folder / "openssl.cpp"
    source.write_text("#include <openssl/ssl.h>\nint main() { return SSL_CTX_new(TLS_client_method()) == nullptr; }\n")
    return compile_program(source, folder / "openssl", libraries=OPENSSL).returncode == 0


@pytest.mark.parametrize(
    ("name", "flags"),
    [
        pytest.param("native_generators", MEMORY, id="generators-memory"),
        pytest.param("native_recording", MEMORY, id="recording-memory"),
        pytest.param("native_recording", THREADS, id="recording-threads"),
        pytest.param("native_http2", MEMORY, id="http2-memory"),
        pytest.param("native_kvproto", MEMORY, id="kvproto-memory"),
        pytest.param("native_engine", MEMORY, id="engine-memory"),
        pytest.param("native_engine", THREADS, id="engine-threads"),
        pytest.param("native_clock", MEMORY, id="clock-memory"),
        pytest.param("native_clock", PLAIN, id="clock"),
        pytest.param("native_tls", [*MEMORY, *TLS], id="tls-memory"),
        pytest.param("native_counter", MEMORY, id="counter-memory"),
        pytest.param("native_counter", THREADS, id="counter-threads"),
    ],
)
def test_native(name: str, flags: list[str], unusable: dict[str, str], tmp_path: Path) -> None:
    if flags[0] in unusable:
        pytest.skip(unusable[flags[0]])
    program = tmp_path / name
    with_tls = TLS[0] in flags
    if with_tls and not has_openssl(tmp_path):
        pytest.skip("OpenSSL's headers are not here, so the engine has no TLS either")
    built = compile_program(HERE / f"{name}.cpp", program, *flags, libraries=OPENSSL if with_tls else ())
    assert built.returncode == 0, built.stderr
    ran = subprocess.run([program], capture_output=True, text=True, check=False, timeout=300)
    assert ran.returncode == 0, ran.stderr
    assert ran.stdout.endswith("ok\n")


@pytest.mark.parametrize("header", sorted((ROOT / "ext").glob("*/*.hpp")), ids=lambda path: path.name)
def test_headers_are_self_contained(header: Path, unusable: dict[str, str], tmp_path: Path) -> None:
    """Each compiles alone, so that the order of includes never matters."""
    if shutil.which(COMPILER[0]) is None:
        pytest.skip(unusable[MEMORY[0]])
    source = tmp_path / "alone.cpp"
    source.write_text(f'#include "{header.relative_to(ROOT / "ext").as_posix()}"\n')
    for flags in ([], TLS) if header.name == "tls.hpp" and has_openssl(tmp_path) else ([],):
        built = compile_program(source, tmp_path / "alone.o", "-fsyntax-only", *flags)
        assert built.returncode == 0, built.stderr
