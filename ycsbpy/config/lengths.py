"""The file that ``fieldlengthhistogram`` names: how often values of which length are written.

The format is YCSB's: a first line ``BlockSize``, tab, bytes; then lines of bucket, tab, count. A value of bucket b has
(b + 1) times BlockSize bytes. As in go-ycsb, buckets may come in any order and those left out are empty.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from ycsbpy.config.properties import MAX_COUNT, MAX_LENGTH
from ycsbpy.config.values import Bounds, Kind, parse_value
from ycsbpy.errors import UsageError

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["LengthHistogram", "read_length_histogram"]

_MAX_BUCKETS = 1_000_000


@dataclass(frozen=True, slots=True)
class LengthHistogram:
    """Counts per bucket, the last one not 0; bucket b stands for (b + 1) * ``block_size`` bytes."""

    block_size: int
    counts: tuple[int, ...]

    @property
    def longest(self) -> int:
        """The longest value that can be drawn, in bytes."""
        return len(self.counts) * self.block_size


def read_length_histogram(path: Path) -> LengthHistogram:
    """Read a file. Raises ``UsageError`` for one that is missing or malformed, saying on which line."""
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "is not text"
        raise UsageError(f"{path}: {reason}") from error
    counts: dict[int, int] = {}
    block_size = 0
    for number, line in enumerate(lines, start=1):
        if not line.strip():
            continue
        try:
            if not block_size:
                block_size = _block_size(line)
            else:
                bucket, count = _bucket(line, counts)
                counts[bucket] = count
        except ValueError as error:
            raise UsageError(f"{path}:{number}: {error}") from None
    return _checked(path, block_size, counts)


def _block_size(line: str) -> int:
    title, _, size = line.strip().partition("\t")
    if title != "BlockSize":
        raise ValueError("the first line has to be BlockSize, a tab and a number of bytes")
    return _whole(size, "the block size", minimum=1, maximum=MAX_LENGTH)


def _bucket(line: str, counts: dict[int, int]) -> tuple[int, int]:
    columns = line.strip().split("\t")
    if len(columns) != 2:
        raise ValueError("write a bucket, a tab and a count")
    bucket = _whole(columns[0], "the bucket", minimum=0, maximum=_MAX_BUCKETS - 1)
    if bucket in counts:
        raise ValueError(f"bucket {bucket} comes twice")
    return bucket, _whole(columns[1], "the count", minimum=0, maximum=MAX_COUNT)


def _whole(text: str, what: str, *, minimum: int, maximum: int) -> int:
    try:
        value = parse_value(Kind.INT, text, Bounds(minimum=minimum, maximum=maximum))
    except ValueError as error:
        raise ValueError(f"{what} {error}") from None
    assert isinstance(value, int)
    return value


def _checked(path: Path, block_size: int, counts: dict[int, int]) -> LengthHistogram:
    if not block_size:
        raise UsageError(f"{path}: is empty; the first line has to be BlockSize, a tab and a number of bytes")
    if not 0 < sum(counts.values()) <= MAX_COUNT:
        raise UsageError(f"{path}: its counts sum to {sum(counts.values())}; write 1 to {MAX_COUNT}")
    last = max(bucket for bucket, count in counts.items() if count)
    histogram = LengthHistogram(block_size, tuple(counts.get(bucket, 0) for bucket in range(last + 1)))
    if histogram.longest > MAX_LENGTH:
        raise UsageError(f"{path}: its longest value has {histogram.longest} bytes; the most is {MAX_LENGTH}")
    return histogram
