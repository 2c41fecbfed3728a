"""The raw calls from request to answer: which Region, which rows, which error."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from storekit import StoreKit, run

from ycsbpy.minicluster.store.checks import RegionError
from ycsbpy.minicluster.store.crc64 import crc64
from ycsbpy.minicluster.store.engine import CF_DEFAULT, CF_LOCK
from ycsbpy.minicluster.store.rawkv import StorageError
from ycsbpy.minicluster.store.rawservice import RawCalls, refusal
from ycsbpy.proto import errorpb_pb2 as errorpb
from ycsbpy.proto import kvrpcpb_pb2 as kvrpcpb
from ycsbpy.proto import storepb_pb2 as storepb

if TYPE_CHECKING:
    from collections.abc import Callable

    from google.protobuf.message import Message

VIEWS: dict[str, type[Message]] = {
    "Get": storepb.GetRequest,
    "BatchGet": storepb.BatchGetRequest,
    "Put": storepb.PutRequest,
    "BatchPut": storepb.BatchPutRequest,
    "Delete": storepb.DeleteRequest,
    "BatchDelete": storepb.BatchDeleteRequest,
    "Scan": storepb.ScanRequest,
    "BatchScan": storepb.BatchScanRequest,
    "DeleteRange": storepb.DeleteRangeRequest,
    "GetKeyTTL": storepb.GetKeyTTLRequest,
    "CAS": storepb.CASRequest,
    "Checksum": storepb.ChecksumRequest,
}


class Client:
    """Calls the store as a client would: with its messages, for a Region that it believes to know."""

    def __init__(self, kit: StoreKit) -> None:
        self.kit = kit

    def __call__(self, name: str, *, region: int = 2, **fields: Any) -> Any:
        context = fields.pop("context", None) or self.kit.context(region)
        request = getattr(kvrpcpb, f"Raw{name}Request")(context=context, **fields)
        view = VIEWS[name].FromString(request.SerializeToString())
        body = run(self._serve(name, view))
        return getattr(kvrpcpb, f"Raw{name}Response").FromString(body)

    async def _serve(self, name: str, view: Any) -> bytes:
        calls = self.kit.calls
        try:
            if f"Raw{name}" in calls.reads:
                return calls.reads[f"Raw{name}"](view)
            if f"Raw{name}" in calls.writes:
                await calls.propose(calls.writes[f"Raw{name}"](view))
                return b""
            if name == "GetKeyTTL":
                return calls.get_key_ttl(view)
            return await (calls.checksum(view) if name == "Checksum" else calls.compare_and_swap(view))
        except (RegionError, StorageError) as refused:
            return refusal(f"Raw{name}", refused)


@pytest.fixture
def kit() -> StoreKit:
    return StoreKit(b"m", ttl=True)


@pytest.fixture
def client(kit: StoreKit) -> Client:
    return Client(kit)


def filled(client: Client, *keys: bytes) -> None:
    for key in keys:
        response = client("Put", region=2 if key < b"m" else 3, key=key, value=b"v" + key)
        assert not response.error
        assert not response.HasField("region_error")


def keys(response: Any) -> list[bytes]:
    return [pair.key for pair in response.kvs]


def test_put_get_delete(client: Client) -> None:
    assert client("Get", key=b"k").not_found
    assert client("Put", key=b"k", value=b"v") == kvrpcpb.RawPutResponse()
    assert client("Get", key=b"k") == kvrpcpb.RawGetResponse(value=b"v")
    assert client("Put", key=b"k", value=b"") == kvrpcpb.RawPutResponse()
    assert client("Get", key=b"k") == kvrpcpb.RawGetResponse()  # an empty value is found
    assert client("Delete", key=b"k") == kvrpcpb.RawDeleteResponse()
    assert client("Get", key=b"k").not_found


def test_a_write_for_cas_is_a_write(client: Client) -> None:
    client("Put", key=b"k", value=b"v", for_cas=True)
    assert client("Get", key=b"k").value == b"v"
    client("Delete", key=b"k", for_cas=True)
    assert client("Get", key=b"k").not_found


def test_column_families_are_apart(client: Client) -> None:
    client("Put", key=b"k", value=b"in lock", cf="lock")
    assert client("Get", key=b"k").not_found
    assert client("Get", key=b"k", cf="default").not_found
    assert client("Get", key=b"k", cf="lock").value == b"in lock"


def test_batches(client: Client) -> None:
    pairs = [kvrpcpb.KvPair(key=b"%d" % index, value=b"v%d" % index) for index in range(5)]
    client("BatchPut", pairs=pairs)
    response = client("BatchGet", keys=[b"3", b"gone", b"1", b"3"])
    assert [(pair.key, pair.value) for pair in response.pairs] == [(b"3", b"v3"), (b"1", b"v1"), (b"3", b"v3")]
    client("BatchDelete", keys=[b"0", b"1", b"gone"])
    assert keys(client("Scan", limit=9)) == [b"2", b"3", b"4"]


@pytest.mark.parametrize(("ttls", "left"), [([], [0, 0, 0]), ([5], [5, 5, 5]), ([1, 0, 3], [1, 0, 3])])
def test_ttls_of_a_batch(client: Client, ttls: list[int], left: list[int]) -> None:
    pairs = [kvrpcpb.KvPair(key=b"%d" % index, value=b"v") for index in range(3)]
    client("BatchPut", pairs=pairs, ttls=ttls, ttl=99)
    assert [client("GetKeyTTL", key=b"%d" % index).ttl for index in range(3)] == left


def test_ttls_that_do_not_fit(client: Client) -> None:
    pairs = [kvrpcpb.KvPair(key=b"a"), kvrpcpb.KvPair(key=b"b"), kvrpcpb.KvPair(key=b"c")]
    assert "length of ttls" in client("BatchPut", pairs=pairs, ttls=[1, 2]).error


def test_a_key_without_a_value_has_no_ttl(client: Client) -> None:
    assert client("GetKeyTTL", key=b"k").not_found


@pytest.mark.parametrize(
    ("fields", "found"),
    [
        ({"limit": 9}, [b"a", b"b", b"c"]),
        ({"limit": 2}, [b"a", b"b"]),
        ({"limit": 0}, []),
        ({"limit": 9, "start_key": b"b"}, [b"b", b"c"]),
        ({"limit": 9, "start_key": b"m"}, []),
        ({"limit": 9, "start_key": b"a", "end_key": b"b"}, [b"a"]),
        ({"limit": 9, "end_key": b"z"}, [b"a", b"b", b"c"]),  # never beyond the Region
        ({"limit": 9, "start_key": b"c", "end_key": b"a"}, []),
        ({"limit": 9, "start_key": b"c", "reverse": True}, [b"b", b"a"]),
        ({"limit": 1, "start_key": b"c", "reverse": True}, [b"b"]),
        ({"limit": 9, "start_key": b"m", "reverse": True}, [b"c", b"b", b"a"]),
        ({"limit": 9, "start_key": b"m", "end_key": b"b", "reverse": True}, [b"c", b"b"]),
        ({"limit": 9, "reverse": True}, []),  # there is nothing below the empty key
        ({"limit": 9, "region": 3, "start_key": b"\xff" * 8193, "reverse": True}, [b"y", b"x"]),
        ({"limit": 9, "region": 3, "start_key": b"y", "end_key": b"a", "reverse": True}, [b"x"]),
        ({"limit": 9, "region": 3, "start_key": b"m"}, [b"x", b"y"]),
    ],
)
def test_scans(client: Client, fields: dict[str, Any], found: list[bytes]) -> None:
    filled(client, b"a", b"b", b"c", b"x", b"y")
    response = client("Scan", **fields)
    assert keys(response) == found
    assert [pair.value for pair in response.kvs] == [b"v" + key for key in found]
    assert all(not pair.value for pair in client("Scan", key_only=True, **fields).kvs)


@pytest.mark.parametrize(
    "fields",
    [
        {"start_key": b"n"},
        {"region": 3, "start_key": b""},
        {"region": 3, "start_key": b"", "reverse": True},
        {"start_key": b"\xff", "reverse": True},
    ],
)
def test_a_scan_begins_in_its_region(client: Client, fields: dict[str, Any]) -> None:
    assert client("Scan", limit=9, **fields).region_error.HasField("key_not_in_region")


def test_scans_of_several_ranges(client: Client) -> None:
    filled(client, b"a", b"b", b"c", b"d", b"e")
    ranges = [kvrpcpb.KeyRange(start_key=b"a"), kvrpcpb.KeyRange(start_key=b"d")]
    assert keys(client("BatchScan", ranges=ranges, each_limit=2)) == [b"a", b"b", b"d", b"e"]
    down = [kvrpcpb.KeyRange(start_key=b"e", end_key=b"d"), kvrpcpb.KeyRange(start_key=b"c", end_key=b"a")]
    assert keys(client("BatchScan", ranges=down, each_limit=1, reverse=True)) == [b"d", b"b"]
    response = client("BatchScan", ranges=[kvrpcpb.KeyRange(start_key=b"b", end_key=b"a")], each_limit=2)
    assert [pair.error.abort for pair in response.kvs] == ["Invalid KeyRanges"]


@pytest.mark.parametrize(
    ("fields", "left"),
    [
        ({"start_key": b"", "end_key": b"m"}, [b"x"]),
        ({"start_key": b"b", "end_key": b"c"}, [b"a", b"c", b"x"]),
        ({"region": 3, "start_key": b"m", "end_key": b""}, [b"a", b"b", b"c"]),
    ],
)
def test_delete_range(kit: StoreKit, client: Client, fields: dict[str, Any], left: list[bytes]) -> None:
    filled(client, b"a", b"b", b"c", b"x")
    assert client("DeleteRange", **fields) == kvrpcpb.RawDeleteRangeResponse()
    assert list(kit.rows()) == left


@pytest.mark.parametrize("end", [b"", b"n"])
def test_a_range_ends_in_its_region(client: Client, end: bytes) -> None:
    assert client("DeleteRange", start_key=b"a", end_key=end).region_error.HasField("key_not_in_region")
    assert "invalid delete range" in client("DeleteRange", start_key=b"b", end_key=b"b").error


def test_compare_and_swap(client: Client) -> None:
    response = client("CAS", key=b"k", value=b"1", previous_not_exist=True)
    assert response == kvrpcpb.RawCASResponse(succeed=True, previous_not_exist=True)
    response = client("CAS", key=b"k", value=b"2", previous_not_exist=True)
    assert response == kvrpcpb.RawCASResponse(previous_value=b"1")
    response = client("CAS", key=b"k", value=b"2", previous_value=b"1", ttl=7)
    assert response == kvrpcpb.RawCASResponse(succeed=True, previous_value=b"1")
    assert client("GetKeyTTL", key=b"k").ttl == 7
    assert client("CAS", key=b"k", previous_value=b"2", delete=True).succeed
    assert client("Get", key=b"k").not_found


def test_checksum(client: Client) -> None:
    filled(client, b"a", b"b", b"c", b"x")
    ranges = [kvrpcpb.KeyRange(start_key=b"a", end_key=b"b"), kvrpcpb.KeyRange(start_key=b"c", end_key=b"zz")]
    response = client("Checksum", ranges=ranges)
    assert (response.checksum, response.total_kvs, response.total_bytes) == (crc64(b"ava") ^ crc64(b"cvc"), 2, 6)
    assert "unknown checksum algorithm 7" in client("Checksum", algorithm=7, ranges=ranges).error
    outside = [kvrpcpb.KeyRange(start_key=b"n", end_key=b"z")]
    assert client("Checksum", ranges=outside).region_error.HasField("key_not_in_region")


WITHOUT_TTL: list[Callable[[Client], Any]] = [
    lambda client: client("Put", key=b"k", ttl=1),
    lambda client: client("BatchPut", pairs=[kvrpcpb.KvPair(key=b"k")], ttls=[1]),
    lambda client: client("CAS", key=b"k", ttl=1),
    lambda client: client("GetKeyTTL", key=b"k"),
]


@pytest.mark.parametrize("call", WITHOUT_TTL)
def test_ttls_have_to_be_enabled(call: Callable[[Client], Any]) -> None:
    assert "ttl is not enabled" in call(Client(StoreKit(ttl=False))).error


LONG = b"k" * 8193


@pytest.mark.parametrize(
    ("name", "fields"),
    [
        ("Put", {"key": LONG}),
        ("BatchPut", {"pairs": [kvrpcpb.KvPair(key=b"a"), kvrpcpb.KvPair(key=LONG)]}),
        ("Delete", {"key": LONG}),
        ("BatchDelete", {"keys": [LONG]}),
        ("DeleteRange", {"start_key": b"a", "end_key": LONG}),
    ],
)
def test_keys_have_a_limit(kit: StoreKit, client: Client, name: str, fields: dict[str, Any]) -> None:
    assert client(name, **fields).error == "max key size exceeded, size: 8193, limit: 8192"
    assert kit.rows() == {}
    assert client("Put", key=LONG[1:], value=b"") == kvrpcpb.RawPutResponse()


def test_values_have_a_limit(kit: StoreKit, client: Client) -> None:
    response = client("Put", key=b"k", value=bytes(8 << 20))
    assert response.region_error.raft_entry_too_large.region_id == 2
    assert kit.rows() == {}


@pytest.mark.parametrize(
    ("name", "fields"),
    [
        ("Get", {"key": b"k"}),
        ("Put", {"key": b"k"}),
        ("BatchPut", {"pairs": [kvrpcpb.KvPair(key=b"k")]}),
        ("Delete", {"key": b"k"}),
        ("BatchDelete", {"keys": [b"k"]}),
        ("DeleteRange", {"start_key": b"a", "end_key": b"b"}),
        ("CAS", {"key": b"k"}),
        ("GetKeyTTL", {"key": b"k"}),
    ],
)
def test_an_unknown_column_family_is_an_error(client: Client, name: str, fields: dict[str, Any]) -> None:
    assert client(name, cf="nope", **fields).error == "invalid cf name: nope"


@pytest.mark.parametrize(
    ("name", "fields", "pairs"),
    [("BatchGet", {"keys": [b"k"]}, "pairs"), ("Scan", {"limit": 1}, "kvs"), ("BatchScan", {"each_limit": 1}, "kvs")],
)
def test_answers_without_an_error_field_have_it_with_a_pair(
    client: Client, name: str, fields: dict[str, Any], pairs: str
) -> None:
    response = client(name, cf="nope", **fields)
    assert [pair.error.abort for pair in getattr(response, pairs)] == ["invalid cf name: nope"]


EVERY_CALL = [
    ("Get", {"key": b"z"}),
    ("BatchGet", {"keys": [b"a", b"z"]}),
    ("Put", {"key": b"z", "value": b"v"}),
    ("BatchPut", {"pairs": [kvrpcpb.KvPair(key=b"a"), kvrpcpb.KvPair(key=b"z")]}),
    ("Delete", {"key": b"z"}),
    ("BatchDelete", {"keys": [b"a", b"z"]}),
    ("Scan", {"start_key": b"z", "limit": 1}),
    ("BatchScan", {"ranges": [kvrpcpb.KeyRange(start_key=b"z")], "each_limit": 1}),
    ("DeleteRange", {"start_key": b"y", "end_key": b"z"}),
    ("GetKeyTTL", {"key": b"z"}),
    ("CAS", {"key": b"z", "previous_not_exist": True}),
    ("Checksum", {"ranges": [kvrpcpb.KeyRange(start_key=b"z")]}),
]


@pytest.mark.parametrize(("name", "fields"), EVERY_CALL)
def test_every_call_keeps_to_its_region(kit: StoreKit, client: Client, name: str, fields: dict[str, Any]) -> None:
    error = client(name, **fields).region_error
    assert error.key_not_in_region.region_id == 2
    assert error.key_not_in_region.end_key == b"m"
    assert kit.rows() == {}


@pytest.mark.parametrize(("name", "fields"), EVERY_CALL)
def test_every_call_checks_the_epoch(kit: StoreKit, client: Client, name: str, fields: dict[str, Any]) -> None:
    context = kit.context(3)
    context.region_epoch.version -= 1
    error: errorpb.Error = client(name, context=context, **fields).region_error
    assert [region.id for region in error.epoch_not_match.current_regions] == [3, 2]
    assert kit.rows() == {}


@pytest.mark.parametrize(("name", "fields"), EVERY_CALL)
def test_every_call_refuses_another_api_version(
    kit: StoreKit, client: Client, name: str, fields: dict[str, Any]
) -> None:
    response = client(name, context=kit.context(3, api_version=kvrpcpb.V2), **fields)
    pairs = getattr(response, "pairs", None) or getattr(response, "kvs", None)
    text = pairs[0].error.abort if pairs else response.error
    assert text.startswith("Api version in request does not match")


def test_the_tables_have_the_commands_of_a_batch(kit: StoreKit) -> None:
    calls: RawCalls = kit.calls
    assert not calls.reads.keys() & calls.writes.keys()
    raw = {field.name for field in storepb.BatchRequest.Command.DESCRIPTOR.fields if field.name.startswith("Raw")}
    assert raw - calls.reads.keys() - calls.writes.keys() == {"RawCoprocessor"}
    assert (CF_DEFAULT, CF_LOCK) == (0, 1)
