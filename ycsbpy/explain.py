"""What a workload would do, found by drawing some of it: no database is touched.

Operation *i* is a function of the seed and *i*, so what is drawn here is what a run with that seed does first.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from ycsbpy._native.generators import DOMAIN_LOAD, DOMAIN_RUN, encode_row
from ycsbpy.ops import OpKind

if TYPE_CHECKING:
    from ycsbpy.workload.core import CoreWorkload

__all__ = ["Explanation", "explain"]

DRAWN = 10_000
HOT = 10
MIB = 1 << 20
REGION_MIB = 256
"""TiKV's ``coprocessor.region-split-size`` since 8.3; before, 96."""
EARLIER_REGION_MIB = 96


@dataclass(frozen=True, slots=True)
class Explanation:
    """Sizes are in bytes and of one replica, as sent: stores compress. Shares are of what was drawn, 0 to 1."""

    records: int
    key_example: str
    key_bytes: float
    row_bytes: float
    drawn: int
    mix: dict[str, float]
    keys_drawn: int
    hottest_key_share: float
    hottest_keys_share: float
    scan_length: float

    @property
    def total_bytes(self) -> int:
        """Of all records, once."""
        return round(self.records * (self.key_bytes + self.row_bytes))

    def regions(self, region_mib: int = REGION_MIB) -> int:
        """How many Regions the records fill, at the least, when each is split at that size."""
        return max(1, -(-self.total_bytes // (region_mib * MIB)))

    def to_json(self) -> dict[str, Any]:
        """Everything."""
        return {
            **asdict(self),
            "total_bytes": self.total_bytes,
            "regions": {str(size): self.regions(size) for size in (EARLIER_REGION_MIB, REGION_MIB)},
        }


def explain(workload: CoreWorkload, *, drawn: int = DRAWN) -> Explanation:
    """Draw the first operations of a load and of a run and say what they are."""
    settings = workload.settings
    source = workload.source.clone()
    columns = {name: place for place, name in enumerate(settings.fieldnames)}
    records = settings.insertcount or settings.recordcount
    keys: list[bytes] = []
    row_bytes = 0
    for number in range(min(records, drawn // 10)):
        operation = source.draw(DOMAIN_LOAD, number)
        keys.append(operation.key)
        row_bytes += len(encode_row(operation.values or {}, columns))
    kinds: Counter[str] = Counter()
    asked: Counter[bytes] = Counter()
    scanned: list[int] = []
    for number in range(drawn if records else 0):
        operation = source.draw(DOMAIN_RUN, number)
        kinds[OpKind(operation.kind).name] += 1
        if operation.kind != OpKind.INSERT:
            asked[operation.key] += 1
        if operation.kind == OpKind.SCAN:
            scanned.append(operation.scan_length)
    prefix = len(settings.table) + 1
    chosen = asked.total()
    return Explanation(
        records=records,
        key_example=f"{settings.table}:{keys[0].decode(errors='backslashreplace')}" if keys else "",
        key_bytes=prefix + sum(map(len, keys)) / max(1, len(keys)),
        row_bytes=row_bytes / max(1, len(keys)),
        drawn=drawn if records else 0,
        mix={kind: count / drawn for kind, count in kinds.most_common()},
        keys_drawn=len(asked),
        hottest_key_share=asked.most_common(1)[0][1] / chosen if chosen else 0.0,
        hottest_keys_share=sum(count for _, count in asked.most_common(HOT)) / chosen if chosen else 0.0,
        scan_length=sum(scanned) / len(scanned) if scanned else 0.0,
    )
