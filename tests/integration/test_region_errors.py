"""Each region error of a store that is one of three, provoked by a request made by hand, alone and in a batch.

What a store with all of the Regions to itself answers is in ``test_clients``. Here there are followers, and a request
that is wrong in many ways at once, which must hear of the one that TiKV looks at first.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pytest
from pdhelp import still_leaders, transfer_leader
from processes import no_traceback, until
from rawclient import RawClient, region_error

from ycsbpy.minicluster import MiniCluster
from ycsbpy.proto import errorpb_pb2 as errorpb
from ycsbpy.proto import kvrpcpb_pb2 as kvrpcpb
from ycsbpy.proto import metapb_pb2 as metapb
from ycsbpy.proto import tikvpb_pb2 as tikvpb

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

NOBODY = 9999
TOO_LARGE = 9 << 20


@pytest.fixture(scope="module")
def three() -> Iterator[MiniCluster]:
    """Three replicas of three Regions, which meet at ``b`` and ``m``."""
    with MiniCluster(split_keys=[b"b", b"m"], region_heartbeat_s=1.0) as cluster:
        cluster.wait_replicated(60.0)
        still_leaders(cluster.pd_address)
        yield cluster
        no_traceback(cluster)


@pytest.fixture
def client(three: MiniCluster) -> Iterator[RawClient]:
    with RawClient(three.pd_address) as made:
        yield made


@dataclass
class Letter:
    """A request for the Region of ``c`` and where it is sent; right in everything until a mistake is made in it."""

    region: metapb.Region
    leader: metapb.Peer
    follower: metapb.Peer
    at: int
    context: kvrpcpb.Context
    key: bytes = b"c"
    value: bytes = b"v"

    @classmethod
    def to(cls, client: RawClient) -> Letter:
        region, leader = client.region(b"c")
        follower = next(peer for peer in region.peers if peer.id != leader.id)
        context = kvrpcpb.Context(region_id=region.id, region_epoch=region.region_epoch, peer=leader)
        return cls(region, leader, follower, leader.store_id, context)


# ---- mistakes, in the order in which TiKV looks for them ----


def for_another_store(letter: Letter) -> None:
    letter.context.peer.store_id = NOBODY


def for_an_unknown_region(letter: Letter) -> None:
    letter.context.region_id = NOBODY


def for_another_peer(letter: Letter) -> None:
    letter.context.peer.id = letter.leader.id if letter.at != letter.leader.store_id else letter.follower.id


def to_a_follower(letter: Letter) -> None:
    letter.context.peer.CopyFrom(letter.follower)
    letter.at = letter.follower.store_id


def of_an_old_term(letter: Letter) -> None:
    letter.context.term = 1


def of_an_old_epoch(letter: Letter) -> None:
    letter.context.region_epoch.version -= 1


def for_a_key_of_another_region(letter: Letter) -> None:
    letter.key = b"z"


def too_large(letter: Letter) -> None:
    letter.value = bytes(TOO_LARGE)


def on_store(letter: Letter, error: errorpb.Error) -> None:
    assert (error.store_not_match.request_store_id, error.store_not_match.actual_store_id) == (NOBODY, letter.at)


def on_region(_letter: Letter, error: errorpb.Error) -> None:
    assert error.region_not_found.region_id == NOBODY


def on_peer(letter: Letter, error: errorpb.Error) -> None:
    here = next(peer for peer in letter.region.peers if peer.store_id == letter.at)
    told = error.mismatch_peer_id
    assert (told.request_peer_id, told.store_peer_id) == (letter.context.peer.id, here.id)


def on_leader(letter: Letter, error: errorpb.Error) -> None:
    assert error.not_leader == errorpb.NotLeader(region_id=letter.region.id, leader=letter.leader)


def on_term(_letter: Letter, error: errorpb.Error) -> None:
    assert error.stale_command == errorpb.StaleCommand()


def on_epoch(letter: Letter, error: errorpb.Error) -> None:
    told = error.epoch_not_match.current_regions
    assert told[0] == letter.region
    assert [region.end_key for region in told[1:]] == [letter.region.start_key]  # who may have been split off since


def on_key(letter: Letter, error: errorpb.Error) -> None:
    region = letter.region
    assert error.key_not_in_region == errorpb.KeyNotInRegion(
        key=letter.key, region_id=region.id, start_key=region.start_key, end_key=region.end_key
    )


def on_size(letter: Letter, error: errorpb.Error) -> None:
    assert error.raft_entry_too_large.region_id == letter.region.id
    assert error.raft_entry_too_large.entry_size >= len(letter.key) + TOO_LARGE


Mistake = tuple["Callable[[Letter], None]", "Callable[[Letter, errorpb.Error], None]"]

MISTAKES: dict[str, Mistake] = {
    "store_not_match": (for_another_store, on_store),
    "region_not_found": (for_an_unknown_region, on_region),
    "mismatch_peer_id": (for_another_peer, on_peer),
    "not_leader": (to_a_follower, on_leader),
    "stale_command": (of_an_old_term, on_term),
    "epoch_not_match": (of_an_old_epoch, on_epoch),
    "key_not_in_region": (for_a_key_of_another_region, on_key),
}
"""Error → how to earn it, and what it has to say."""


# ---- ways to send a request ----


def unary_get(client: RawClient, letter: Letter) -> Any:
    return client.store("RawGet", letter.context, at=letter.at, key=letter.key)


def unary_put(client: RawClient, letter: Letter) -> Any:
    return client.store("RawPut", letter.context, at=letter.at, key=letter.key, value=letter.value)


def in_a_batch(client: RawClient, letter: Letter, request: tikvpb.BatchCommandsRequest.Request) -> Any:
    """Send a request between two that ask for nothing; they must not suffer for it."""
    empty = tikvpb.BatchCommandsRequest.Request(empty=tikvpb.BatchCommandsEmptyRequest(test_id=7))
    message = tikvpb.BatchCommandsRequest(requests=[empty, request, empty], request_ids=[0, 1, 2])
    call = client.store_channel(letter.at).stream_stream("/tikvpb.Tikv/BatchCommands")
    answers: dict[int, Any] = {}
    for data in call(iter([message.SerializeToString()]), timeout=30):
        response = tikvpb.BatchCommandsResponse.FromString(data)
        answers.update(zip(response.request_ids, response.responses, strict=True))
    assert answers[0].empty.test_id == answers[2].empty.test_id == 7
    return getattr(answers[1], str(answers[1].WhichOneof("cmd")))


def batched_get(client: RawClient, letter: Letter) -> Any:
    get = kvrpcpb.RawGetRequest(context=letter.context, key=letter.key)
    return in_a_batch(client, letter, tikvpb.BatchCommandsRequest.Request(raw_get=get))


def batched_put(client: RawClient, letter: Letter) -> Any:
    put = kvrpcpb.RawPutRequest(context=letter.context, key=letter.key, value=letter.value)
    return in_a_batch(client, letter, tikvpb.BatchCommandsRequest.Request(raw_put=put))


WAYS = {"RawGet": unary_get, "RawPut": unary_put, "batched RawGet": batched_get, "batched RawPut": batched_put}


def earn(client: RawClient, way: str, *mistakes: Callable[[Letter], None], expected: str) -> tuple[Letter, Any]:
    """Send a request with these mistakes; the request as it was, and the error that came back.

    On a busy machine the leader may have changed since PD was asked: then ask again.
    """
    seen: list[tuple[str, errorpb.Error]] = []
    letters: list[Letter] = []

    def asked() -> bool:
        letter = Letter.to(client)
        for mistake in reversed(
            mistakes
        ):  # who is written to last is what the mistakes that are looked for first change
            mistake(letter)
        letters.append(letter)
        seen.append(region_error(WAYS[way](client, letter)))
        return seen[-1][0] == expected and (expected != "not_leader" or seen[-1][1].not_leader.leader == letter.leader)

    assert until(asked, 30.0), seen[-1]
    return letters[-1], seen[-1][1]


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("name", MISTAKES)
def test_a_request_with_one_mistake(client: RawClient, name: str, way: str) -> None:
    mistake, says = MISTAKES[name]
    letter, error = earn(client, way, mistake, expected=name)
    says(letter, error)


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("first", range(len(MISTAKES)), ids=list(MISTAKES))
def test_of_many_mistakes_the_first_is_told(client: RawClient, first: int, way: str) -> None:
    names = list(MISTAKES)[first:]
    earn(client, way, *(MISTAKES[name][0] for name in names), expected=names[0])


@pytest.mark.parametrize("way", ["RawPut", "batched RawPut"])
def test_a_value_that_no_entry_can_hold(client: RawClient, way: str) -> None:
    letter, error = earn(client, way, too_large, expected="raft_entry_too_large")
    on_size(letter, error)


@pytest.mark.parametrize("way", ["RawPut", "batched RawPut"])
def test_size_is_told_before_a_foreign_key(client: RawClient, way: str) -> None:
    earn(client, way, too_large, MISTAKES["key_not_in_region"][0], expected="raft_entry_too_large")


def test_a_client_that_is_ahead_hears_of_the_region_alone(client: RawClient) -> None:
    def from_the_future(letter: Letter) -> None:
        letter.context.region_epoch.version += 5

    letter, error = earn(client, "RawGet", from_the_future, expected="epoch_not_match")
    assert list(error.epoch_not_match.current_regions) == [letter.region]


def test_what_was_refused_was_not_done(client: RawClient) -> None:
    key = b"c-refused"

    def for_this_key(letter: Letter) -> None:
        letter.key = key

    for name, (mistake, _) in MISTAKES.items():
        if name != "key_not_in_region":
            earn(client, "RawPut", mistake, for_this_key, expected=name)
    letter = Letter.to(client)
    for_this_key(letter)
    assert until(lambda: unary_get(client, letter).not_found, 20.0)


def test_a_follower_knows_the_new_leader_after_a_transfer(client: RawClient, three: MiniCluster) -> None:
    letter = Letter.to(client)
    transfer_leader(three.pd_address, letter.region.id, letter.follower.store_id)

    def told() -> bool:
        name, error = region_error(unary_get(client, letter))  # to the one that led
        return name == "not_leader" and error.not_leader.leader == letter.follower

    assert until(told, 30.0)
