"""The fuzzers' corpus, replayed: each input found a path of its own once, and none may go wrong again.

The targets are libFuzzer's, so to look for more, with clang:

    clang++ -std=c++20 -O1 -g -fsanitize=fuzzer,address,undefined -fno-sanitize-recover=all -Iext -Itests/native \
        tests/native/fuzz/fuzz_http2.cpp -o fuzz_http2
    ./fuzz_http2 -max_len=4096 work tests/native/fuzz/corpus/http2
    ./fuzz_http2 -merge=1 smaller work         # what is worth keeping
"""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest
from native.http2_harness import build

pytestmark = pytest.mark.once

FUZZ = Path(__file__).parent / "fuzz"
TARGETS = sorted(path.stem.removeprefix("fuzz_") for path in FUZZ.glob("fuzz_*.cpp"))


@pytest.mark.parametrize("target", TARGETS)
def test_the_corpus_again(target: str) -> None:
    inputs = sorted((FUZZ / "corpus" / target).iterdir())
    assert len(inputs) >= 50
    program = build(FUZZ / "replay.cpp", FUZZ / f"fuzz_{target}.cpp")
    ran = subprocess.run([program, *inputs], capture_output=True, text=True, check=False)
    assert ran.returncode == 0, ran.stderr
    assert ran.stdout == f"{len(inputs)} inputs\n"


def test_the_corpus_is_small() -> None:
    assert sum(path.stat().st_size for path in (FUZZ / "corpus").rglob("*") if path.is_file()) < 300_000


def test_a_failure_is_seen(tmp_path: Path) -> None:
    """The replay ends with an error where a target does."""
    target = tmp_path / "fuzz_failing.cpp"
    target.write_text(
        '#include "check.hpp"\n#include <cstdint>\n#include <cstddef>\n'
        'extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {\n'
        "    CHECK(size == 0 || data[0] != 7);\n    return 0;\n}\n"
    )
    program = build(FUZZ / "replay.cpp", target)
    for byte, good in ((6, True), (7, False)):
        (tmp_path / "input").write_bytes(bytes([byte]))
        ran = subprocess.run([program, tmp_path / "input"], capture_output=True, check=False)
        assert (ran.returncode == 0) == good
