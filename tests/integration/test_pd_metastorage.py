"""Keys and values that PD keeps for others, by gRPC: etcd's rules, watches, and a restart."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import grpc
import pytest
from pdkit import running_pd
from rawclient import RawClient

from ycsbpy.proto import meta_storagepb_pb2 as storagepb
from ycsbpy.proto import pdpb_pb2 as pdpb

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

SERVICE = "/meta_storagepb.MetaStorage/"
Event = storagepb.Event


@pytest.fixture
def client(tmp_path: Path) -> Iterator[RawClient]:
    with running_pd(tmp_path) as address, RawClient(address) as made:
        yield made


def call(client: RawClient, method: str, key: bytes, **fields: Any) -> Any:
    request = getattr(storagepb, f"{method}Request")(key=key, **fields)
    answer = client.pd_channel.unary_unary(SERVICE + method)(request.SerializeToString(), timeout=30)
    return getattr(storagepb, f"{method}Response").FromString(answer)


def revision(client: RawClient) -> int:
    return int(call(client, "Get", b"a").header.revision)


def item(key: bytes, value: bytes, created: int, changed: int, version: int) -> storagepb.KeyValue:
    return storagepb.KeyValue(key=key, value=value, create_revision=created, mod_revision=changed, version=version)


def test_put_get_and_delete(client: RawClient) -> None:
    base = revision(client)
    first = call(client, "Put", b"/t/a", value=b"1", prev_kv=True)
    assert (first.header.cluster_id, first.header.revision) == (client.cluster_id, base + 1)
    assert not first.HasField("prev_kv")
    again = call(client, "Put", b"/t/a", value=b"\xff", prev_kv=True)
    assert again.prev_kv == item(b"/t/a", b"1", base + 1, base + 1, 1)
    assert not call(client, "Put", b"/t/b", value=b"2").HasField("prev_kv")
    call(client, "Put", b"/u", value=b"3")

    found = call(client, "Get", b"/t/", range_end=b"/t0", limit=1)
    assert list(found.kvs) == [item(b"/t/a", b"\xff", base + 1, base + 2, 2)]
    assert (found.count, found.more, found.header.revision) == (2, True, base + 4)
    then = call(client, "Get", b"/t/", range_end=b"/t0", revision=base + 1)
    assert ([each.value for each in then.kvs], then.count, then.more) == ([b"1"], 1, False)
    assert then.header.revision == base + 4

    gone = call(client, "Delete", b"/t/", range_end=b"/t0", prev_kv=True)
    assert (gone.deleted, [each.key for each in gone.prev_kvs]) == (2, [b"/t/a", b"/t/b"])
    nothing = call(client, "Delete", b"/t/a", prev_kv=True)
    assert (nothing.deleted, list(nothing.prev_kvs), nothing.header.revision) == (0, [], base + 5)
    assert call(client, "Get", b"/t/", range_end=b"\0").kvs[0].key == b"/u"


@pytest.mark.parametrize(
    ("method", "key", "fields", "message"),
    [
        ("Get", b"", {}, "etcdserver: key is not provided"),
        ("Put", b"", {}, "etcdserver: key is not provided"),
        ("Delete", b"", {}, "etcdserver: key is not provided"),
        ("Get", b"a", {"revision": 1 << 40}, "etcdserver: mvcc: required revision is a future revision"),
        ("Put", b"a", {"lease": 5}, "etcdserver: requested lease not found"),
        ("Put", b"a", {"value": bytes(2 << 20)}, "etcdserver: request is too large"),
    ],
)
def test_what_is_refused(client: RawClient, method: str, key: bytes, fields: dict[str, Any], message: str) -> None:
    before = revision(client)
    header = call(client, method, key, **fields).header
    assert header == storagepb.ResponseHeader(
        cluster_id=client.cluster_id, error=storagepb.Error(type=storagepb.UNKNOWN, message=message)
    )
    assert revision(client) == before


def test_the_cluster_id_of_a_request_does_not_matter(client: RawClient) -> None:
    answer = call(client, "Put", b"a", header=storagepb.RequestHeader(cluster_id=5, source="somebody"))
    assert (answer.header.cluster_id, answer.header.HasField("error")) == (client.cluster_id, False)


# ---- watches ----


def watch(client: RawClient, key: bytes, **fields: Any) -> Any:
    request = storagepb.WatchRequest(key=key, **fields)
    return client.pd_channel.unary_stream(SERVICE + "Watch")(request.SerializeToString(), timeout=60)


def events(stream: Any, count: int) -> list[tuple[Any, bytes, bytes, bytes, int]]:
    """So many events: what, key, value, value before, revision."""
    found: list[tuple[Any, bytes, bytes, bytes, int]] = []
    while len(found) < count:
        response = storagepb.WatchResponse.FromString(next(stream))
        assert response.header.revision == response.events[-1].kv.mod_revision
        found += [
            (each.type, each.kv.key, each.kv.value, each.prev_kv.value, each.kv.mod_revision)
            for each in response.events
        ]
    return found


def test_a_watch_tells_of_what_was_and_what_comes(client: RawClient) -> None:
    base = revision(client)
    call(client, "Put", b"/t/a", value=b"1")
    call(client, "Put", b"/u", value=b"1")
    call(client, "Put", b"/t/a", value=b"2")
    plain = watch(client, b"/t/", range_end=b"/t0", start_revision=base + 1)
    with_before = watch(client, b"/t/a", start_revision=base + 3, prev_kv=True)
    assert events(plain, 2) == [
        (Event.PUT, b"/t/a", b"1", b"", base + 1),
        (Event.PUT, b"/t/a", b"2", b"", base + 3),
    ]
    assert events(with_before, 1) == [(Event.PUT, b"/t/a", b"2", b"1", base + 3)]
    call(client, "Put", b"/t/b", value=b"3")
    call(client, "Delete", b"/t/", range_end=b"/t0")
    assert events(plain, 3) == [
        (Event.PUT, b"/t/b", b"3", b"", base + 4),
        (Event.DELETE, b"/t/a", b"", b"", base + 5),
        (Event.DELETE, b"/t/b", b"", b"", base + 5),
    ]
    assert events(with_before, 1) == [(Event.DELETE, b"/t/a", b"", b"2", base + 5)]
    for each in (plain, with_before):
        each.cancel()


def forgotten(client: RawClient, start: int) -> int:
    """A watch that asks for what is forgotten is told so and ends; return from where on all is remembered."""
    stream = watch(client, b"/t/", range_end=b"/t0", start_revision=start)
    response = storagepb.WatchResponse.FromString(next(stream))
    assert response.header.error.type == storagepb.DATA_COMPACTED
    assert (len(response.events), response.header.cluster_id) == (0, client.cluster_id)
    with pytest.raises(grpc.RpcError) as caught:
        next(stream)
    assert caught.value.code() is grpc.StatusCode.UNKNOWN
    assert str(start) in response.header.error.message
    return int(response.compact_revision)


def test_what_is_forgotten_cannot_be_watched(client: RawClient) -> None:
    base = revision(client)
    for number in range(1030):
        call(client, "Put", b"/t/a", value=b"%d" % number)
    first = forgotten(client, base + 1)
    assert first == base + 1030 - 1023
    assert events(watch(client, b"/t/a", start_revision=first), 1)[0][2] == b"6"
    refused = call(client, "Get", b"/t/a", revision=first - 1).header.error
    assert refused.message == "etcdserver: mvcc: required revision has been compacted"
    assert call(client, "Get", b"/t/a", revision=first).kvs[0].value == b"6"


def test_it_outlives_pd(tmp_path: Path) -> None:
    with running_pd(tmp_path) as address, RawClient(address) as client:
        for key in (b"/t/a", b"/t/b"):
            call(client, "Put", key, value=b"1")
        call(client, "Put", b"/t/a", value=b"2")
        last = revision(client)
        kept = call(client, "Get", b"/t/", range_end=b"/t0")
    with running_pd(tmp_path) as address, RawClient(address) as client:
        assert call(client, "Get", b"/t/", range_end=b"/t0") == kept
        stream = watch(client, b"/t/", range_end=b"/t0", start_revision=last, prev_kv=True)
        assert events(stream, 1) == [(Event.PUT, b"/t/a", b"2", b"1", last)]
        call(client, "Delete", b"/t/b")
        assert events(stream, 1) == [(Event.DELETE, b"/t/b", b"", b"1", last + 1)]
        stream.cancel()
        assert forgotten(client, last - 1) == last


# ---- with the rest of PD ----


def test_the_global_configuration_is_in_it(client: RawClient) -> None:
    change = pdpb.GlobalConfigItem(name="a", payload=b"1")
    client.pd("StoreGlobalConfig", header=None, changes=[change], config_path="")
    found = call(client, "Get", b"/global/config/", range_end=b"/global/config0")
    assert [(each.key, each.value) for each in found.kvs] == [(b"/global/config/a", b"1")]
    assert client.pd("LoadGlobalConfig", header=None).revision == found.header.revision


def test_what_stores_look_for_at_their_start(client: RawClient) -> None:
    """TiKV's stores ask again every second until they have got these."""
    assert client.pd("IsSnapshotRecovering", header=None).marked is False
    (found,) = call(client, "Get", b"resource_group/controller", range_end=b"resource_group/controlles").kvs
    costs = json.loads(found.value)["request-unit"]
    assert {name for name in costs if costs[name] > 0} == {
        "read-base-cost", "read-per-batch-base-cost", "read-cost-per-byte", "read-cpu-ms-cost",
        "write-base-cost", "write-per-batch-base-cost", "write-cost-per-byte",
    }  # fmt: skip


def test_buckets_are_taken(client: RawClient) -> None:
    request = pdpb.ReportBucketsRequest(header=client.header()).SerializeToString()
    (answer,) = client.pd_stream("ReportBuckets", iter([request, request]))
    assert pdpb.ReportBucketsResponse.FromString(answer).header.cluster_id == client.cluster_id
    with pytest.raises(grpc.RpcError) as caught:
        list(client.pd_stream("ReportBuckets", iter([pdpb.ReportBucketsRequest().SerializeToString()])))
    assert caught.value.code() is grpc.StatusCode.FAILED_PRECONDITION
