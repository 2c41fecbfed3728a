"""What an error proves about a write, as tables: error, outcome of a write, stable name."""

from __future__ import annotations

import itertools

import grpc
import pytest
import tikv
from grpc.aio import AioRpcError, Metadata

from ycsbpy.drivers.tikv_errors import (
    LOST_ATTEMPT,
    REGION_ERRORS,
    Failure,
    Proof,
    failed,
    failure_by_status,
    region_failure,
    snake_case,
    store_failure,
)
from ycsbpy.drivers.tikv_python import exception_failure, retry_failure
from ycsbpy.ops import Outcome
from ycsbpy.proto import errorpb_pb2

DEAD, REFUSED, NOTHING = Proof.ATTEMPT_DEAD, Proof.REQUEST_REFUSED, Proof.NOTHING


def rust_region_error(kind: str, body: str = "") -> str:
    """As the Rust client prints an ``errorpb.Error``: all fields, of which at most one is set."""
    names = (
        "not_leader region_not_found key_not_in_region epoch_not_match server_is_busy stale_command store_not_match "
        "raft_entry_too_large max_timestamp_not_synced read_index_not_ready proposal_in_merging_mode data_is_not_ready "
        "region_not_initialized disk_full"
    )
    fields = [f"{name}: {f'Some({body or name})' if name == kind else 'None'}" for name in names.split()]
    return f'Region error: Error {{ message: "peer is not \\"ok\\": stale_command: Some(x)", {", ".join(fields)} }}'


CLUSTER_RS = "[/root/.cargo/git/checkouts/client-rust-5a1ccd35a54db20f/b12f95e/src/pd/cluster.rs"
NO_DETAILS = 'details: [], metadata: MetadataMap { headers: {"content-type": "application/grpc"} }'

RUST_TEXTS = [
    (rust_region_error("server_is_busy", 'ServerIsBusy { reason: "disk_full: Some(1)" }'), "server_is_busy", DEAD),
    (rust_region_error("not_leader"), "not_leader", DEAD),
    (rust_region_error("epoch_not_match"), "epoch_not_match", DEAD),
    (rust_region_error("disk_full"), "disk_full", DEAD),
    (rust_region_error("raft_entry_too_large"), "raft_entry_too_large", REFUSED),
    (rust_region_error("stale_command"), "stale_command", NOTHING),
    (rust_region_error("region_not_found"), "region_not_found", NOTHING),
    (rust_region_error("kind younger than the client"), "region_error", NOTHING),
    ('Multiple key errors: [KvError { message: "max key size exceeded, size: 9" }]', "key_too_large", REFUSED),
    ('Multiple key errors: [KvError { message: "[src/storage/mod.rs:1]: stale command" }]', "store_error", NOTHING),
    ("Kv error. invalid cf name: nope", "invalid_cf", REFUSED),
    (f'gRPC api error: status: Unavailable, message: "scripted", {NO_DETAILS}', "connection_lost", NOTHING),
    (
        ('gRPC api error: status: Unavailable, message: "error trying to connect: tcp connect error: Connection '
        f'refused (os error 111)", {NO_DETAILS}'),
        "store_unreachable",
        DEAD,
    ),
    (f'gRPC api error: status: Cancelled, message: "Timeout expired", {NO_DETAILS}', "timeout", NOTHING),
    (
        ('gRPC api error: status: OutOfRange, message: "Error, message length too large: found 5000005 bytes, the '
        f'limit is: 4194304 bytes", {NO_DETAILS}'),
        "message_too_large",
        NOTHING,
    ),
    (f'gRPC api error: status: Unimplemented, message: "", {NO_DETAILS}', "grpc_unimplemented", DEAD),
    (f'gRPC api error: status: Internal, message: "h2 \\"protocol\\" error", {NO_DETAILS}', "grpc_internal", NOTHING),
    ("gRPC error: transport error", "store_unreachable", DEAD),
    (f"{CLUSTER_RS}:189]: PD cluster failed to respond", "pd_unreachable", DEAD),
    (f"{CLUSTER_RS}:290]: failed to connect to [Member {{ name: \"pd\" }}]", "pd_unreachable", DEAD),
    (f"{CLUSTER_RS}:304]: cluster is not bootstrapped", "not_bootstrapped", DEAD),
    (f"{CLUSTER_RS}:304]: invalid store ID 7, not found", "pd_error", DEAD),
    ("Leader of region 7 is not found", "no_leader", DEAD),
    ("Region is not found for key: [117]", "no_region", DEAD),
    ("Failed to join tokio tasks", "error", NOTHING),
    ("", "error", NOTHING),
]  # fmt: skip


@pytest.mark.parametrize(("text", "name", "proof"), RUST_TEXTS, ids=[row[1] for row in RUST_TEXTS])
def test_texts_of_the_rust_client(text: str, name: str, proof: Proof) -> None:
    pytest.importorskip("tikv_client", reason="its wheels are for CPython 3.11")
    from ycsbpy.drivers.tikv_client import text_failure

    failure = text_failure(text)
    assert (failure.name, failure.proof) == (name, proof)


def rpc_error(code: grpc.StatusCode, details: str) -> AioRpcError:
    return AioRpcError(code, Metadata(), Metadata(), details, "")


REFUSED_CONNECTION = rpc_error(grpc.StatusCode.UNAVAILABLE, "failed to connect to all addresses; last error: refused")
RESET = rpc_error(grpc.StatusCode.UNAVAILABLE, "recvmsg:Connection reset by peer")
LATE = rpc_error(grpc.StatusCode.DEADLINE_EXCEEDED, "Deadline Exceeded")
FORBIDDEN = rpc_error(grpc.StatusCode.PERMISSION_DENIED, "no")

PYTHON_ERRORS = [
    (tikv.TimeoutError("…"), REFUSED_CONNECTION, "store_unreachable", DEAD),
    (tikv.TimeoutError("…"), RESET, "connection_lost", NOTHING),
    (tikv.TimeoutError("…"), LATE, "timeout", NOTHING),
    (tikv.TimeoutError("…"), tikv.RegionError("region 7: server_is_busy: scheduler is busy"), "server_is_busy", DEAD),
    (tikv.TimeoutError("…"), tikv.RegionError("region 7: stale_command"), "stale_command", NOTHING),
    (tikv.TimeoutError("…"), tikv.RegionError("region 7: RecoveryInProgress: x"), "recovery_in_progress", DEAD),
    (tikv.TimeoutError("…"), tikv.RegionError("region 7: error: raft: proposal dropped"), "region_error", NOTHING),
    (tikv.TimeoutError("…"), tikv.RegionError("Region(id=7, start=b'') has no leader"), "no_leader", DEAD),
    (tikv.TimeoutError("…"), tikv.PDError("no region found for key b'k'"), "no_region", DEAD),
    (tikv.RegionError("request too large for region 7: 9 MB"), None, "raft_entry_too_large", REFUSED),
    (tikv.ServerError("max key size exceeded, size: 9000, limit: 8192"), None, "key_too_large", REFUSED),
    (tikv.ServerError("async write on_applied callback is dropped"), None, "store_error", NOTHING),
    (tikv.ServerError("/tikvpb.Tikv/RawPut failed: …"), FORBIDDEN, "grpc_permission_denied", DEAD),
    (tikv.PDError("/pdpb.PD/GetRegion failed: NOT_BOOTSTRAPPED: x"), None, "not_bootstrapped", DEAD),
    (tikv.PDError("127.0.0.1:1 is not a PD server: gRPC UNIMPLEMENTED: x"), None, "pd_unreachable", DEAD),
    (TimeoutError(), None, "timeout", NOTHING),
    (RuntimeError("a bug"), None, "runtime_error", NOTHING),
]


@pytest.mark.parametrize(("error", "cause", "name", "proof"), PYTHON_ERRORS)
def test_exceptions_of_the_python_client(error: Exception, cause: Exception | None, name: str, proof: Proof) -> None:
    error.__cause__ = cause
    failure = exception_failure(error)
    assert (failure.name, failure.proof) == (name, proof)


RETRIES = [
    ("pd_rpc", "gRPC UNAVAILABLE: recvmsg:Connection reset by peer", "pd_unreachable", DEAD),
    ("tikv_rpc", "gRPC UNAVAILABLE: recvmsg:Connection reset by peer", "connection_lost", NOTHING),
    ("tikv_rpc", "gRPC CANCELLED: Received RST_STREAM", "grpc_cancelled", NOTHING),
    ("region_scheduling", "region 7: not_leader: peer is not leader", "not_leader", DEAD),
    ("region_scheduling", "region 7: undetermined_result: x", "undetermined_result", NOTHING),
    ("region_miss", "region 7: epoch_not_match", "epoch_not_match", DEAD),
    ("region_miss", "region 7: region_not_found: gone", "region_not_found", NOTHING),
    ("region_miss", "/pdpb.PD/GetRegion failed: REGION_NOT_FOUND: x", "no_region", DEAD),
    ("server_busy", "region 7: server_is_busy", "server_is_busy", DEAD),
    ("something new", "words unheard of", "error", NOTHING),
]


@pytest.mark.parametrize(("wait", "text", "name", "proof"), RETRIES)
def test_retries_of_the_python_client(wait: str, text: str, name: str, proof: Proof) -> None:
    failure = retry_failure(wait, text)
    assert (failure.name, failure.proof) == (name, proof)


def test_every_region_error_there_is_has_been_thought_about() -> None:
    kinds = {name for name in errorpb_pb2.Error.DESCRIPTOR.fields_by_name if name != "message"}
    assert set(REGION_ERRORS) == kinds


def test_errors_that_also_answer_proposed_writes_prove_nothing() -> None:
    """When leadership changes or a peer goes, its pending proposals get these, and the next leader may commit
    them."""
    for kind in ("stale_command", "region_not_found", "undetermined_result", "", "unheard_of"):
        assert region_failure(kind).proof is NOTHING


DEAD_FAILURE = Failure("server_is_busy", DEAD)
REFUSAL = Failure("key_too_large", REFUSED)


@pytest.mark.parametrize(
    ("attempts", "outcome"),
    [
        ([DEAD_FAILURE], Outcome.FAILED),
        ([DEAD_FAILURE, DEAD_FAILURE], Outcome.FAILED),
        ([LOST_ATTEMPT], Outcome.UNKNOWN),
        ([LOST_ATTEMPT, DEAD_FAILURE], Outcome.UNKNOWN),
        ([DEAD_FAILURE, LOST_ATTEMPT], Outcome.UNKNOWN),
        ([LOST_ATTEMPT, REFUSAL], Outcome.FAILED),
        ([REFUSAL, LOST_ATTEMPT], Outcome.UNKNOWN),
    ],
)
def test_a_write_failed_only_if_no_attempt_can_have_been_applied(attempts: list[Failure], outcome: Outcome) -> None:
    result = failed(attempts, write=True)
    assert (result.outcome, result.error) == (outcome, attempts[-1].name)


def test_a_read_is_never_unknown() -> None:
    for attempts in itertools.product([DEAD_FAILURE, LOST_ATTEMPT, REFUSAL], repeat=2):
        assert failed(attempts, write=False).outcome is Outcome.FAILED


@pytest.mark.parametrize(
    ("status", "message", "name", "proof"),
    [
        ("UNAVAILABLE", "Socket closed", "connection_lost", NOTHING),
        ("Unavailable", "dns error: failed to lookup address", "store_unreachable", DEAD),
        ("UNAVAILABLE", "DNS resolution failed for pd:2379", "store_unreachable", DEAD),
        ("DeadlineExceeded", "", "timeout", NOTHING),
        ("CANCELLED", "the call was cancelled", "grpc_cancelled", NOTHING),
        ("RESOURCE_EXHAUSTED", "Received message larger than max (5 vs. 4)", "message_too_large", NOTHING),
        ("RESOURCE_EXHAUSTED", "memory", "grpc_resource_exhausted", NOTHING),
        ("UNAUTHENTICATED", "", "grpc_unauthenticated", DEAD),
    ],
)
def test_statuses(status: str, message: str, name: str, proof: Proof) -> None:
    failure = failure_by_status(status, message)
    assert (failure.name, failure.proof) == (name, proof)


@pytest.mark.parametrize(
    ("text", "name", "proof"),
    [
        ("cf is deprecated in API V2, cf name: write", "invalid_cf", REFUSED),
        ("ttl is not enabled, but get put request with ttl", "ttl_not_enabled", REFUSED),
        ("Api version in request does not match with TiKV storage, cmd: raw_put", "api_version_not_matched", REFUSED),
        ("Key mode mismatched with the request mode, cmd: raw_put", "invalid_key_mode", REFUSED),
        ("timeout after 5s", "store_error", NOTHING),
    ],
)
def test_errors_of_stores(text: str, name: str, proof: Proof) -> None:
    assert store_failure(text) == Failure(name, proof, text)


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("DeadlineExceeded", "deadline_exceeded"),
        ("DEADLINE_EXCEEDED", "deadline_exceeded"),
        ("not_leader", "not_leader"),
    ],
)
def test_snake_case(name: str, expected: str) -> None:
    assert snake_case(name) == expected
