"""The native engine and the drivers in Python mean the same by an error: one table, written down twice.

``ext/tikv/verdict.hpp`` and ``ycsbpy/drivers/tikv_errors.py`` are asked about every kind of region error, alone and
with others, and about texts of a store's own errors; any difference fails.
"""

from __future__ import annotations

import subprocess
from itertools import combinations, product
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st
from native.http2_harness import build

from ycsbpy.drivers.tikv_errors import REGION_ERRORS, Failure, Proof, region_failure, store_failure
from ycsbpy.proto import errorpb_pb2 as errorpb

if TYPE_CHECKING:
    from collections.abc import Iterable

KINDS = sorted(name for name in errorpb.Error.DESCRIPTOR.fields_by_name if name != "message")

TEXTS = [
    "max key size exceeded, size: 9000, limit: 8192",
    "KeyTooLarge { size: 9000, limit: 8192 }",
    "invalid cf name: nope",
    'InvalidCf("nope")',
    "[components/x.rs]: cf is deprecated",
    "ttl is not enabled, but get put request with ttl",
    "TtlNotEnabled",
    "Api version in request does not match with TiKV storage, cmd: raw_put",
    "ApiVersionNotMatched { cmd: raw_put }",
    "key mode mismatched with the request mode",
    "InvalidKeyMode { cmd: raw_put }",
    "Invalid CF",
    "keytoolarge?",
    "max key size",
    "",
    "RocksDB: IO error: no space left on device",
    "ttl  is not enabled",
    "\u212aeyTooLarge",
    "\u017ftore",
]


@pytest.fixture(scope="module")
def program() -> Path:
    return build(Path(__file__).parent / "verdict_harness.cpp")


def natively(program: Path, questions: Iterable[tuple[str, bytes]]) -> list[tuple[str, Proof]]:
    asked = "".join(f"{what} {data.hex()}\n" for what, data in questions)
    ran = subprocess.run([program], input=asked, capture_output=True, text=True, check=False)
    assert ran.returncode == 0, ran.stderr
    return [(name, Proof(int(proof))) for name, _, proof in (line.partition(" ") for line in ran.stdout.splitlines())]


def expected(failure: Failure) -> tuple[str, Proof]:
    return failure.name, failure.proof


def region_error(*kinds: str, message: str = "") -> bytes:
    error = errorpb.Error(message=message)
    for kind in kinds:
        getattr(error, kind).SetInParent()
    return error.SerializeToString()


def test_region_errors(program: Path) -> None:
    assert set(KINDS) == set(REGION_ERRORS)
    cases = [(kind, message) for kind, message in product(["", *KINDS], ["", "words"])]
    found = natively(program, [("region", region_error(*filter(None, [k]), message=m)) for k, m in cases])
    assert found == [expected(region_failure(kind)) for kind, _ in cases]


def test_an_error_that_says_two_things_proves_nothing(program: Path) -> None:
    pairs = list(combinations(KINDS, 2))
    found = natively(program, [("region", region_error(*pair)) for pair in pairs])
    assert found == [expected(region_failure(""))] * len(pairs)


def test_one_that_says_one_thing_twice_says_it(program: Path) -> None:
    found = natively(program, [("region", region_error(kind) * 2) for kind in KINDS])
    assert found == [expected(region_failure(kind)) for kind in KINDS]


def test_fields_that_nobody_knows_change_nothing(program: Path) -> None:
    unknown = [bytes([0xBA, 0x06, 2, 1, 2]), bytes([0xB8, 0x06, 7]), bytes([0xBD, 0x06, 1, 2, 3, 4])]  # field 103
    cases = [(kind, extra) for kind, extra in product(["", *KINDS], unknown)]
    before = natively(program, [("region", extra + region_error(*filter(None, [k]))) for k, extra in cases])
    behind = natively(program, [("region", region_error(*filter(None, [k])) + extra) for k, extra in cases])
    assert before == behind == [expected(region_failure(kind)) for kind, _ in cases]


def test_texts_of_a_store(program: Path) -> None:
    texts = [form for text in TEXTS for form in (text, text.upper(), text.lower(), f"a: {text} (b)", text[1:])]
    found = natively(program, [("store", text.encode()) for text in texts])
    assert found == [expected(store_failure(text)) for text in texts]
    assert {name for name, _ in found} >= {"key_too_large", "invalid_cf", "ttl_not_enabled", "store_error"}


@given(st.lists(st.one_of(st.sampled_from(TEXTS), st.text(max_size=5)), max_size=6))
def test_texts_made_of_such_texts(program: Path, parts: list[str]) -> None:
    text = "".join(parts)
    assert natively(program, [("store", text.encode())]) == [expected(store_failure(text))]
