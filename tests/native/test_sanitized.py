"""The native tests: standalone programs, compiled here with sanitizers and run.

They need the compiler that built the package (``$CXX``, or ``c++``) and its sanitizers' libraries; where those are not
installed the tests are skipped and say so. The one that is about time (``clock``) runs without them then.
"""

from __future__ import annotations

import os
import shlex
import shutil
import subprocess
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

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


@pytest.fixture(scope="module")
def compiled(
    request: pytest.FixtureRequest, unusable: dict[str, str], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[dict[str, Future[Path]]]:
    """Of each chosen test its program, as many compiled at a time as there are processors: that is most of the time."""
    folder = tmp_path_factory.mktemp("compiled")
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        begun: dict[str, Future[Path]] = {}
        for item in request.session.items:
            if isinstance(item, pytest.Function) and item.path == Path(__file__):
                given: dict[str, Any] = item.callspec.params
                program = folder / str(len(begun))
                if "header" in given:
                    begun[item.name] = pool.submit(compile_header, given["header"], program)
                elif why_not(given["flags"], unusable) is None:
                    begun[item.name] = pool.submit(compile_native, given["name"], given["flags"], program)
        yield begun
        pool.shutdown(cancel_futures=True)


def why_not(flags: list[str], unusable: dict[str, str]) -> str | None:
    """Why a program is not tried with these flags, if it is not."""
    if flags[0] in unusable:
        return unusable[flags[0]]
    return "it runs with sanitizers" if flags == PLAIN and MEMORY[0] not in unusable else None


def compile_native(name: str, flags: list[str], program: Path) -> Path:
    libraries = OPENSSL if TLS[0] in flags else []
    built = compile_program(HERE / f"{name}.cpp", program, *flags, libraries=libraries)
    assert built.returncode == 0, built.stderr
    return program


def compile_header(header: Path, program: Path) -> Path:
    source = program.with_suffix(".cpp")
    source.write_text(f'#include "{header.relative_to(ROOT / "ext").as_posix()}"\n')
    for flags in ([], TLS) if header.name == "tls.hpp" and has_openssl(program.parent) else ([],):
        built = compile_program(source, program, "-fsyntax-only", *flags)
        assert built.returncode == 0, built.stderr
    return source


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
def test_native(
    name: str,
    flags: list[str],
    unusable: dict[str, str],
    compiled: dict[str, Future[Path]],
    tmp_path: Path,
    request: pytest.FixtureRequest,
) -> None:
    if reason := why_not(flags, unusable):
        pytest.skip(reason)
    if TLS[0] in flags and not has_openssl(tmp_path):
        pytest.skip("OpenSSL's headers are not here, so the engine has no TLS either")
    program = compiled[request.node.name].result()
    ran = subprocess.run([program], capture_output=True, text=True, check=False, timeout=300)
    assert ran.returncode == 0, f"{name}: {ran.stderr}"
    assert ran.stdout.endswith("ok\n")


@pytest.mark.parametrize("header", sorted((ROOT / "ext").glob("*/*.hpp")), ids=lambda path: path.name)
def test_headers_are_self_contained(
    header: Path, unusable: dict[str, str], compiled: dict[str, Future[Path]], request: pytest.FixtureRequest
) -> None:
    """Each compiles alone, so that the order of includes never matters."""
    if shutil.which(COMPILER[0]) is None:
        pytest.skip(unusable[MEMORY[0]])
    assert compiled[request.node.name].result().read_text() == f'#include "{header.parent.name}/{header.name}"\n'
