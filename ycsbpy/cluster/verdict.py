"""Is every Region replicated? Is the cluster balanced? And if not, why not. Pure: a picture in, a verdict out.

*Replicated*: each Region has ``max-replicas`` voters on as many stores that are Up, one of them leads, none lags or is
down, and there is nothing else (no learner left over, no joint state); together the Regions cover all keys once.

*Balanced* is PD's own idea of it, not equal counts: the new stores hold Regions, everything is replicated, and PD has
nothing more to do. PD tolerates differences by design and balances by its score, so the spread is reported, and fails
only where a tolerance is asked for. That it stays so for a while is for the caller to see (``waiting``).
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from ycsbpy.wording import counted

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator

    from ycsbpy.cluster.picture import Picture, RegionFacts, StoreFacts

__all__ = ["Finding", "Spread", "Verdict", "balance", "replication"]

EMPTY_MIB = 1
EMPTY_MOVES_BELOW = 100
SHOWN = 5


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that is wrong: which kind, in a sentence, and what it is about."""

    kind: str
    text: str
    regions: tuple[int, ...] = ()
    stores: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class Spread:
    """How unequal stores are: the largest and smallest, and their difference as a share of the mean (0 for none)."""

    smallest: float
    largest: float
    share: float

    @classmethod
    def of(cls, values: Collection[float]) -> Spread:
        """The spread of some numbers."""
        if not values:
            return cls(0, 0, 0)
        mean = sum(values) / len(values)
        return cls(min(values), max(values), (max(values) - min(values)) / mean if mean else 0.0)


@dataclass(frozen=True, slots=True)
class Verdict:
    """``findings`` is what is wrong, ``hints`` what may be in the way, ``warnings`` what is worth knowing."""

    findings: tuple[Finding, ...]
    hints: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()
    spreads: dict[str, Spread] = field(default_factory=dict)

    @property
    def good(self) -> bool:
        """Nothing is wrong."""
        return not self.findings

    def to_json(self) -> dict[str, Any]:
        """For ``--json``."""
        return {
            "good": self.good,
            "findings": [
                {"kind": f.kind, "text": f.text, "regions": list(f.regions), "stores": list(f.stores)}
                for f in self.findings
            ],
            "hints": list(self.hints),
            "warnings": list(self.warnings),
            "spreads": {
                name: {"smallest": s.smallest, "largest": s.largest, "share_of_mean": s.share}
                for name, s in self.spreads.items()
            },
        }


# ---- replicated?


def replication(picture: Picture) -> Verdict:
    """Whether every Region is replicated as it should be."""
    findings = [*_stores_problems(picture), *_range_problems(picture), *_region_problems(picture)]
    warnings = []
    if picture.max_replicas == 1 and len(picture.tikv_stores) > 1:
        warnings.append("max-replicas is 1: each Region has one replica, and that is what was checked")
    return Verdict(tuple(findings), tuple(_repair_hints(picture)) if findings else (), tuple(warnings))


def _stores_problems(picture: Picture) -> Iterator[Finding]:
    if not picture.tikv_stores:
        yield Finding("no stores", "PD knows no TiKV store")
    seen: dict[str, int] = {}
    for store in picture.tikv_stores:
        if store.address and store.up and store.address in seen:
            pair = (seen[store.address], store.id)
            yield Finding("same address", f"stores {pair[0]} and {pair[1]} are both at {store.address}", stores=pair)
        if store.up:
            seen[store.address] = store.id


def _range_problems(picture: Picture) -> Iterator[Finding]:
    reached: bytes | None = b""
    for region in sorted(picture.regions, key=lambda one: one.start):
        if reached is None or region.start < reached:
            yield Finding("overlap", f"Region {region.id} holds keys of the Region before it", (region.id,))
        elif region.start > reached:
            yield Finding("hole", f"no Region holds the keys from {_key(reached)} to {_key(region.start)}")
        reached = region.end or None
    if reached is not None:
        yield Finding("hole", f"no Region holds the keys from {_key(reached)} on")


def _region_problems(picture: Picture) -> Iterator[Finding]:
    wrong: dict[tuple[str, str], list[RegionFacts]] = {}
    for region in picture.regions:
        for problem in _wrong_with(region, picture):
            wrong.setdefault(problem, []).append(region)
    for (kind, text), regions in sorted(wrong.items()):
        ids = tuple(region.id for region in regions)
        many = f"{len(ids)} Regions" if len(ids) > 1 else "Region"
        shown = ", ".join(map(str, ids[:SHOWN])) + (", …" if len(ids) > SHOWN else "")
        stores = tuple(sorted({peer.store_id for region in regions for peer in region.peers}))
        yield Finding(kind, f"{many} {shown}: {text}" if len(ids) == 1 else f"{many} ({shown}): {text}", ids, stores)


def _wrong_with(region: RegionFacts, picture: Picture) -> Iterator[tuple[str, str]]:
    peers = [
        peer for peer in region.peers if not (peer.store_id in picture.stores and _tiflash(picture, peer.store_id))
    ]
    voters = [peer for peer in peers if peer.role == "Voter"]
    wanted = picture.max_replicas
    if len(voters) < wanted:
        yield "missing peer", f"{len(voters)} of {counted(wanted, 'voter')}"
    elif len(voters) > wanted:
        yield "extra peer", f"{len(voters)} voters, {wanted} are wanted"
    if any(peer.role in ("IncomingVoter", "DemotingVoter") for peer in peers):
        yield "joint state", "in the middle of a change of its peers"
    if any(peer.role == "Learner" for peer in peers):
        yield "learner left over", "a learner that is no voter yet or any more"
    if len({peer.store_id for peer in peers}) < len(peers):
        yield "two peers on one store", "two peers on one store"
    for peer in voters:
        store = picture.stores.get(peer.store_id)
        if store is None or not store.up:
            yield "store not up", f"a voter on store {peer.store_id}, which is {store.state if store else 'not known'}"
    if not region.leader:
        yield "no leader", "no leader"
    elif region.leader not in {peer.store_id for peer in voters}:
        yield "no leader", f"its leader on store {region.leader} is no voter"
    if region.pending:
        yield "pending peer", "a peer that lags behind"
    if region.down:
        yield "down peer", "a peer that is down"


def _tiflash(picture: Picture, store_id: int) -> bool:
    return picture.stores[store_id].tiflash


def _repair_hints(picture: Picture) -> Iterator[str]:
    """What keeps PD from mending it, or that it is at it."""
    up = [store for store in picture.tikv_stores if store.up]
    if len(up) < picture.max_replicas:
        yield f"{counted(len(up), 'store')} Up, and max-replicas is {picture.max_replicas}: start more, or lower it"
    for store in picture.tikv_stores:
        if not store.up:
            yield f"store {store.id} at {store.address} is {store.state}"
    yield from _operator_hints(picture)
    for name in ("enable-make-up-replica", "enable-replace-offline-replica", "enable-remove-extra-replica"):
        if str(picture.schedule.get(name, "true")).lower() == "false":
            yield f"{name} is false"
    if str(picture.schedule.get("halt-scheduling", "false")).lower() == "true":
        yield "halt-scheduling is true: PD moves nothing"


def _operator_hints(picture: Picture) -> Iterator[str]:
    if picture.operators:
        first = picture.operators[0].partition(" (")[0]
        yield f"PD is at it: {counted(len(picture.operators), 'operator')}, the first is {first}"


def _key(key: bytes) -> str:
    return key.hex().upper()[:40] if key else "the beginning"


# ---- balanced?


def balance(picture: Picture, *, new_stores: Collection[int] = (), tolerance: float | None = None) -> Verdict:
    """Whether PD has spread the Regions; ``new_stores`` have to hold some. ``tolerance`` is the largest difference of
    Region counts between stores that is fine, as a share of their mean."""
    base = replication(picture)
    stores = [store for store in picture.tikv_stores if store.up]
    spreads = {
        "regions": Spread.of([store.regions for store in stores]),
        "leaders": Spread.of([store.leaders for store in stores]),
        "size": Spread.of([store.size_mib for store in stores]),
        "score": Spread.of([store.score for store in stores]),
    }
    findings = [*base.findings, *_new_store_problems(picture, new_stores)]
    if picture.operators:
        findings.append(Finding("operators running", f"PD has {counted(len(picture.operators), 'operator')} under way"))
    if tolerance is not None and spreads["regions"].share > tolerance:
        worst = spreads["regions"]
        findings.append(
            Finding(
                "outside tolerance",
                f"stores hold {worst.smallest:g} to {worst.largest:g} Regions, a difference of {worst.share:.0%} of "
                f"their mean; {tolerance:.0%} were allowed",
            )
        )
    hints = tuple(dict.fromkeys([*base.hints, *_balance_hints(picture, stores, tolerance)])) if findings else ()
    return Verdict(tuple(findings), hints, base.warnings, spreads)


def _new_store_problems(picture: Picture, new_stores: Collection[int]) -> Iterator[Finding]:
    replicas: dict[int, int] = {}
    for region in picture.regions:
        for peer in region.peers:
            replicas[peer.store_id] = replicas.get(peer.store_id, 0) + 1
    for store_id in new_stores:
        store = picture.stores.get(store_id)
        if store is None:
            yield Finding("store not there", f"PD knows no store {store_id}", stores=(store_id,))
        elif not store.up:
            yield Finding("store not up", f"store {store_id} is {store.state}", stores=(store_id,))
        elif not replicas.get(store_id):
            yield Finding("empty store", f"store {store_id} holds no Region yet", stores=(store_id,))


def _balance_hints(picture: Picture, stores: list[StoreFacts], tolerance: float | None) -> Iterator[str]:
    yield from _operator_hints(picture)
    if "balance-region-scheduler" not in picture.schedulers:
        yield "the balance-region scheduler is not there (it was removed)"
    if not int(picture.schedule.get("region-schedule-limit", 1)):
        yield "region-schedule-limit is 0: PD moves no Regions"
    limits = picture.schedule.get("store-limit") or {}
    slow = [f"{store}: {rate['add-peer']:g}" for store, rate in limits.items() if 0 < rate.get("add-peer", 0) <= 15]
    if slow and picture.operators:
        yield f"store limits let a store take few replicas a minute ({', '.join(slow[:SHOWN])})"
    empty = sum(region.size_mib <= EMPTY_MIB for region in picture.regions)
    if empty and len(picture.regions) >= EMPTY_MOVES_BELOW:
        yield f"{empty} Regions are empty (1 MiB at most): PD moves none of those once there are {EMPTY_MOVES_BELOW}"
    if stores and len(picture.regions) * picture.max_replicas < 2 * len(stores):
        count = len(picture.regions)
        few = "1 Region is" if count == 1 else f"{count} Regions are"
        yield f"{few} few for {len(stores)} stores: load more, or split smaller"
    if picture.max_replicas == 1:
        yield "max-replicas is 1"
    if tolerance is not None:
        yield "PD lets a difference of about two average Regions be (tolerant-size-ratio), and balances by its score"
