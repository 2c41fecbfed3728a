"""What PD knows of a cluster at one moment, as values: stores, Regions, operators, settings. Of any cluster with a PD.

Taken from PD's HTTP interface (``/pd/api/v1``), in the shapes that PD 6 to 9 have in common; what only some have is
optional here. Sizes are in MiB, as PD counts them; keys are bytes.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any

from ycsbpy.errors import ClusterError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ycsbpy.cluster.pdhttp import PdHttp

__all__ = ["PeerFacts", "Picture", "RegionFacts", "StoreFacts", "stores_of", "take_picture"]


@dataclass(frozen=True, slots=True)
class StoreFacts:
    """One store. ``state`` is PD's ``state_name``; ``score`` is what PD balances Regions by."""

    id: int
    address: str
    state: str = "Up"
    regions: int = 0
    leaders: int = 0
    size_mib: int = 0
    score: float = 0.0
    tiflash: bool = False
    """A TiFlash store: it holds learners only, which are no replicas of TiKV's."""

    @property
    def up(self) -> bool:
        """It lives and is to stay."""
        return self.state == "Up"

    def to_json(self) -> dict[str, Any]:
        """As verdicts, proofs and timelines have it."""
        shape = asdict(self)
        del shape["tiflash"]
        return shape


@dataclass(frozen=True, slots=True)
class PeerFacts:
    """One replica; ``role`` is PD's ``role_name``: Voter, Learner, IncomingVoter, DemotingVoter."""

    id: int
    store_id: int
    role: str = "Voter"


@dataclass(frozen=True, slots=True)
class RegionFacts:
    """One Region as its leader last reported it. ``leader`` is the leading Peer's store, 0 if nobody leads."""

    id: int
    start: bytes = b""
    end: bytes = b""
    conf_ver: int = 1
    version: int = 1
    peers: tuple[PeerFacts, ...] = ()
    leader: int = 0
    pending: frozenset[int] = frozenset()
    """Ids of Peers that lag behind."""
    down: frozenset[int] = frozenset()
    """Ids of Peers that were not heard of for long."""
    size_mib: int = 0


@dataclass(frozen=True, slots=True)
class Picture:
    """The cluster. ``operators`` are PD's own words for each; ``schedule`` and ``replication`` its settings."""

    stores: Mapping[int, StoreFacts]
    regions: tuple[RegionFacts, ...]
    operators: tuple[str, ...] = ()
    schedulers: tuple[str, ...] = ()
    schedule: Mapping[str, Any] = field(default_factory=dict)
    replication: Mapping[str, Any] = field(default_factory=dict)

    @property
    def max_replicas(self) -> int:
        """How many voters each Region is to have."""
        return int(self.replication.get("max-replicas", 3))

    @property
    def tikv_stores(self) -> tuple[StoreFacts, ...]:
        """Stores of TiKV that are not gone."""
        return tuple(one for one in self.stores.values() if not one.tiflash and one.state != "Tombstone")

    def fingerprint(self) -> frozenset[tuple[int, int, int, int]]:
        """What changes when a Region splits, moves or gets another leader."""
        return frozenset((one.id, one.conf_ver, one.version, one.leader) for one in self.regions)


def take_picture(pd: PdHttp) -> Picture:
    """Ask PD. Raises ``ClusterError`` where it does not answer, or with what PD does not say."""
    answers = {
        name: pd.get(path)
        for name, path in {
            "stores": "/stores",
            "regions": "/regions",
            "operators": "/operators",
            "schedulers": "/schedulers",
            "schedule": "/config/schedule",
            "replication": "/config/replicate",
        }.items()
    }
    try:
        return Picture(
            stores={store.id: store for store in stores_of(answers["stores"])},
            regions=tuple(map(_region, answers["regions"].get("regions") or [])),
            operators=tuple(str(one) for one in answers["operators"] or []),
            schedulers=tuple(str(one) for one in answers["schedulers"] or []),
            schedule=answers["schedule"],
            replication=answers["replication"],
        )
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        raise ClusterError(f"PD answers in a shape that is not known: {type(error).__name__} {error}") from None


def stores_of(answer: Any) -> tuple[StoreFacts, ...]:
    """The stores in PD's answer to ``/stores``, by id. Raises ``ClusterError`` for a shape that is not known."""
    try:
        return tuple(sorted(map(_store, answer.get("stores") or []), key=lambda store: store.id))
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        raise ClusterError(f"PD answers in a shape that is not known: {type(error).__name__} {error}") from None


def _store(shape: Any) -> StoreFacts:
    store, status = shape["store"], shape.get("status") or {}
    labels = {label["key"]: label["value"] for label in store.get("labels") or []}
    return StoreFacts(
        id=int(store["id"]),
        address=str(store.get("address", "")),
        state=str(store.get("state_name", "")),
        regions=int(status.get("region_count", 0)),
        leaders=int(status.get("leader_count", 0)),
        size_mib=int(status.get("region_size", 0)),
        score=float(status.get("region_score", 0)),
        tiflash=labels.get("engine", "").startswith("tiflash"),
    )


def _region(shape: Any) -> RegionFacts:
    epoch = shape.get("epoch") or {}
    return RegionFacts(
        id=int(shape["id"]),
        start=bytes.fromhex(shape.get("start_key", "")),
        end=bytes.fromhex(shape.get("end_key", "")),
        conf_ver=int(epoch.get("conf_ver", 0)),
        version=int(epoch.get("version", 0)),
        peers=tuple(map(_peer, shape.get("peers") or [])),
        leader=int((shape.get("leader") or {}).get("store_id", 0)),
        pending=frozenset(int(peer["id"]) for peer in shape.get("pending_peers") or []),
        down=frozenset(int(each["peer"]["id"]) for each in shape.get("down_peers") or []),
        size_mib=int(shape.get("approximate_size", 0)),
    )


def _peer(shape: Any) -> PeerFacts:
    role = shape.get("role_name") or ("Learner" if shape.get("is_learner") else "Voter")
    return PeerFacts(int(shape["id"]), int(shape["store_id"]), str(role))
