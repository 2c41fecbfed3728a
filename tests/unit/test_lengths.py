"""The file of value lengths: what is read, and what is refused on which line."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from ycsbpy.config.lengths import LengthHistogram, read_length_histogram
from ycsbpy.errors import UsageError

if TYPE_CHECKING:
    from pathlib import Path


@pytest.mark.parametrize(
    ("text", "histogram", "longest"),
    [
        ("BlockSize\t1024\n0\t5\n1\t3\n", LengthHistogram(1024, (5, 3)), 2048),
        ("BlockSize\t1\r\n0\t1", LengthHistogram(1, (1,)), 1),
        ("BlockSize\t10\n3\t1\n1\t2\n", LengthHistogram(10, (0, 2, 0, 1)), 40),
        ("BlockSize\t10\n0\t1\n\n5\t0\n", LengthHistogram(10, (1,)), 10),
        ("\nBlockSize\t 10 \n 0 \t 1 \n", LengthHistogram(10, (1,)), 10),
    ],
)
def test_what_is_read(tmp_path: Path, text: str, histogram: LengthHistogram, longest: int) -> None:
    path = tmp_path / "hist.txt"
    path.write_text(text)
    assert read_length_histogram(path) == histogram
    assert histogram.longest == longest


HEAD = "the first line has to be BlockSize, a tab and a number of bytes"


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"", f": is empty; {HEAD}"),
        (b"\n \n", f": is empty; {HEAD}"),
        (b"0\t1\n", f":1: {HEAD}"),
        (b"BlockSize 10\n", f":1: {HEAD}"),
        (b"BlockSize\t\n", ":1: the block size is empty; write a whole number"),
        (b"BlockSize\t0\n", ":1: the block size 0 is too small; the least is 1"),
        (b"BlockSize\t1e3\n", ':1: the block size "1e3" is not a whole number; write 1000'),
        (b"BlockSize\t10\n", f": its counts sum to 0; write 1 to {2**60}"),
        (b"BlockSize\t10\n0\t0\n", f": its counts sum to 0; write 1 to {2**60}"),
        (b"BlockSize\t10\n0\n", ":2: write a bucket, a tab and a count"),
        (b"BlockSize\t10\n0\t1\t2\n", ":2: write a bucket, a tab and a count"),
        (b"BlockSize\t10\n0 1\n", ":2: write a bucket, a tab and a count"),
        (b"BlockSize\t10\n-1\t1\n", ":2: the bucket -1 is too small; the least is 0"),
        (b"BlockSize\t10\n1000000\t1\n", ":2: the bucket 1000000 is too large; the most is 999999"),
        (b"BlockSize\t10\n0\t-1\n", ":2: the count -1 is too small; the least is 0"),
        (b"BlockSize\t10\n0\tx\n", ':2: the count "x" is not a whole number'),
        (b"BlockSize\t10\n0\t1\n\n0\t2\n", ":4: bucket 0 comes twice"),
        (b"BlockSize\t10\n0\t%d\n1\t%d\n" % (2**60, 1), f": its counts sum to {2**60 + 1}; write 1 to {2**60}"),
        (b"BlockSize\t1073741824\n1\t1\n", ": its longest value has 2147483648 bytes; the most is 1073741824"),
        (b"\xff\xfe\x00", ": is not text"),
    ],
)
def test_what_is_refused(tmp_path: Path, data: bytes, message: str) -> None:
    path = tmp_path / "hist.txt"
    path.write_bytes(data)
    with pytest.raises(UsageError) as caught:
        read_length_histogram(path)
    assert str(caught.value) == f"{path}{message}"


def test_a_missing_file(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="No such file or directory"):
        read_length_histogram(tmp_path / "hist.txt")
