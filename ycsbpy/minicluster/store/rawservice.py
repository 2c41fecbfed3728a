"""The raw calls of a store, from a request's bytes to the answer's, for unary calls and for BatchCommands alike.

A read answers at once. A write says what is to be written to which replica (a ``Plan``); a unary call proposes its
plan by itself, a batch joins the plans of all its writes for one Region first.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, NamedTuple, TypeAlias

from ycsbpy.minicluster.store import encoding
from ycsbpy.minicluster.store.admission import ReadLaterError
from ycsbpy.minicluster.store.checks import (
    RegionError,
    check_entry_size,
    check_key,
    check_range_end,
    check_scan_start,
)
from ycsbpy.minicluster.store.commands import Write
from ycsbpy.minicluster.store.engine import DELETE, DELETE_RANGE, PUT, Mutation
from ycsbpy.minicluster.store.rawkv import (
    MAX_KEY_BYTES,
    CasResult,
    CompareAndSwap,
    RawKv,
    StorageError,
    column_family,
    valid_ranges,
)
from ycsbpy.proto import kvrpcpb_pb2 as kvrpcpb
from ycsbpy.proto import storepb_pb2 as storepb

if TYPE_CHECKING:
    from ycsbpy.clock import Clock
    from ycsbpy.minicluster.store.admission import Admissions, Admitted
    from ycsbpy.minicluster.store.proposals import Proposals
    from ycsbpy.minicluster.store.regions import Replica

__all__ = ["DONE", "Plan", "RawCalls", "refusal"]

DONE = b""  # the answer of a write that was done: a message without fields
NOT_FOUND = b"\x20\x01"  # RawGetResponse{not_found: true}
CHECKSUM_SLICE_NS = 2_000_000

Read: TypeAlias = Callable[[Any], bytes]


class Plan(NamedTuple):
    """What a write comes to: mutations for one replica, and their size in bytes."""

    admitted: Admitted
    mutations: list[Mutation]
    size: int


class RawCalls:
    """The raw commands. ``reads`` and ``writes`` are tables of those that a batch may hold, by their name there."""

    def __init__(self, kv: RawKv, admissions: Admissions, proposals: Proposals, clock: Clock) -> None:
        self._kv = kv
        self._admit = admissions
        self._proposals = proposals
        self._clock = clock
        self.reads: Mapping[str, Read] = {
            "RawGet": self.get,
            "RawBatchGet": self.batch_get,
            "RawScan": self.scan,
            "RawBatchScan": self.batch_scan,
        }
        self.writes: Mapping[str, Callable[[Any], Plan]] = {
            "RawPut": self.put,
            "RawBatchPut": self.batch_put,
            "RawDelete": self.delete,
            "RawBatchDelete": self.batch_delete,
            "RawDeleteRange": self.delete_range,
        }

    # ---- reads ----

    def proven(self, replica: Replica, call: Read, request: Any) -> bytes:
        """Answer a read from a replica that has just made sure that it leads."""
        self._admit.proven = replica
        try:
            return call(request)
        finally:
            self._admit.proven = None

    async def read(self, call: Read, request: Any) -> bytes:
        """Answer a read, now or when the replica has made sure that it leads."""
        try:
            return call(request)
        except ReadLaterError as later:
            replica = later.replica
        await replica.group.read_barrier()
        return self.proven(replica, call, request)

    def get(self, request: storepb.GetRequest) -> bytes:
        """RawGet."""
        admitted = self._admit.read(request.context, "raw_get")
        key = request.key
        if not admitted.holds(key):
            check_key(admitted.replica.region, key)
        value = self._kv.get(column_family(request.cf), key)
        if value is None:
            return NOT_FOUND
        return b"\x1a" + encoding.varint(len(value)) + value if value else b""

    def batch_get(self, request: storepb.BatchGetRequest) -> bytes:
        """RawBatchGet: what was found, in the order asked."""
        admitted = self._admit.read(request.context, "raw_batch_get")
        cf = column_family(request.cf)
        found = []
        for key in request.keys:
            check_key(admitted.replica.region, key)
            value = self._kv.get(cf, key)
            if value is not None:
                found.append((key, value))
        return encoding.pairs(found)

    def scan(self, request: storepb.ScanRequest) -> bytes:
        """RawScan: never beyond the Region, and never less than asked for within it.

        A client takes a short answer for the end of the Region, so an answer is not cut at some size, however large.
        """
        admitted = self._admit.read(request.context, "raw_scan")
        cf = column_family(request.cf)
        return encoding.pairs(
            self._scan_one(
                admitted, cf, request.start_key, request.end_key, request.limit, request.reverse, request.key_only
            )
        )

    def batch_scan(self, request: storepb.BatchScanRequest) -> bytes:
        """RawBatchScan: several ranges of one Region, up to ``each_limit`` rows of each."""
        admitted = self._admit.read(request.context, "raw_batch_scan")
        cf = column_family(request.cf)
        ranges = valid_ranges([(each.start_key, each.end_key) for each in request.ranges], reverse=request.reverse)
        rows = []
        for start, end in ranges:
            rows += self._scan_one(admitted, cf, start, end, request.each_limit, request.reverse, request.key_only)
        return encoding.pairs(rows)

    def _scan_one(
        self, admitted: Admitted, cf: int, start: bytes, end: bytes, limit: int, reverse: bool, key_only: bool
    ) -> list[tuple[bytes, bytes]]:
        check_scan_start(admitted.replica.region, start)
        if reverse:  # downwards from start, exclusive, to end
            if not start:
                return []
            low, high = max(end, admitted.start), start
        else:
            low = start
            high = min(end, admitted.end) if end and admitted.end else end or admitted.end
        return self._kv.scan(cf, low, high, limit, reverse=reverse, key_only=key_only)

    def get_key_ttl(self, request: storepb.GetKeyTTLRequest) -> bytes:
        """RawGetKeyTTL."""
        admitted = self._admit.read(request.context, "raw_get_key_ttl")
        check_key(admitted.replica.region, request.key)
        ttl = self._kv.ttl(column_family(request.cf), request.key)
        response = kvrpcpb.RawGetKeyTTLResponse(ttl=ttl or 0, not_found=ttl is None)
        return response.SerializeToString()

    async def checksum(self, request: storepb.ChecksumRequest) -> bytes:
        """RawChecksum, letting others in every two milliseconds."""
        if request.algorithm != kvrpcpb.Crc64_Xor:
            raise StorageError(f"unknown checksum algorithm {request.algorithm}")
        try:
            admitted = self._admit.read(request.context, "raw_checksum")
        except ReadLaterError as later:
            await later.replica.group.read_barrier()
            admitted = self._admit(request.context, "raw_checksum")
        ranges = []
        for each in request.ranges:
            check_scan_start(admitted.replica.region, each.start_key)
            end = min(each.end_key, admitted.end) if each.end_key and admitted.end else each.end_key or admitted.end
            ranges.append((each.start_key, end))
        started = self._clock.now_ns()
        for total in self._kv.checksum_steps(ranges):  # noqa: B007  (the last one is the result)
            if self._clock.now_ns() - started > CHECKSUM_SLICE_NS:
                await asyncio.sleep(0)
                started = self._clock.now_ns()
        return kvrpcpb.RawChecksumResponse(
            checksum=total.value(), total_kvs=total.rows, total_bytes=total.bytes
        ).SerializeToString()

    # ---- writes ----

    def put(self, request: storepb.PutRequest) -> Plan:
        """RawPut."""
        key, value, ttl = request.key, request.value, request.ttl
        if len(key) > MAX_KEY_BYTES:
            raise _key_too_large(key)
        kept = self._kv.encode(value, ttl, self._kv.now_s() if ttl else 0)
        cf = column_family(request.cf)
        return self._plan(self._admit(request.context, "raw_put"), [(PUT, cf, key, kept)])

    def batch_put(self, request: storepb.BatchPutRequest) -> Plan:
        """RawBatchPut. One TTL is for all pairs; otherwise there is one for each, or none at all."""
        pairs, ttls = request.pairs, list(request.ttls)
        if not ttls:
            ttls = [0] * len(pairs)
        elif len(ttls) == 1:
            ttls *= len(pairs)
        elif len(ttls) != len(pairs):
            raise StorageError("The length of ttls does not equal to the length of pairs")
        cf = column_family(request.cf)
        now_s = self._kv.now_s() if any(ttls) else 0
        mutations: list[Mutation] = []
        for pair, ttl in zip(pairs, ttls, strict=True):
            if len(pair.key) > MAX_KEY_BYTES:
                raise _key_too_large(pair.key)
            mutations.append((PUT, cf, pair.key, self._kv.encode(pair.value, ttl, now_s)))
        return self._plan(self._admit(request.context, "raw_batch_put"), mutations)

    def delete(self, request: storepb.DeleteRequest) -> Plan:
        """RawDelete."""
        key = request.key
        if len(key) > MAX_KEY_BYTES:
            raise _key_too_large(key)
        cf = column_family(request.cf)
        return self._plan(self._admit(request.context, "raw_delete"), [(DELETE, cf, key, b"")])

    def batch_delete(self, request: storepb.BatchDeleteRequest) -> Plan:
        """RawBatchDelete."""
        cf = column_family(request.cf)
        mutations: list[Mutation] = []
        for key in request.keys:
            if len(key) > MAX_KEY_BYTES:
                raise _key_too_large(key)
            mutations.append((DELETE, cf, key, b""))
        return self._plan(self._admit(request.context, "raw_batch_delete"), mutations)

    def delete_range(self, request: storepb.DeleteRangeRequest) -> Plan:
        """RawDeleteRange: ``[start, end)`` within one Region; an empty end is the end of all keys."""
        start, end = request.start_key, request.end_key
        for key in (start, end):
            if len(key) > MAX_KEY_BYTES:
                raise _key_too_large(key)
        cf = column_family(request.cf)
        admitted = self._admit(request.context, "raw_delete_range")
        if end and start >= end:
            raise StorageError(f"invalid delete range command, start_key: {start!r}, end_key: {end!r}")
        check_key(admitted.replica.region, start)
        check_range_end(admitted.replica.region, end)
        return Plan(admitted, [(DELETE_RANGE, cf, start, end)], len(start) + len(end))

    def _plan(self, admitted: Admitted, mutations: list[Mutation]) -> Plan:
        size = sum(len(key) + len(value) for _, _, key, value in mutations)
        # TiKV weighs an entry when it is proposed and looks at its keys when it is applied, so size is told first
        check_entry_size(admitted.replica.region, size)
        for _, _, key, _ in mutations:
            if not admitted.holds(key):
                check_key(admitted.replica.region, key)
        return Plan(admitted, mutations, size)

    def propose(self, plan: Plan) -> asyncio.Future[Any]:
        """Propose a plan."""
        admitted, mutations, size = plan
        return self._proposals.propose(
            admitted.replica, admitted.version, Write(mutations, size), self._deadline_ns(admitted)
        )

    async def compare_and_swap(self, request: storepb.CASRequest) -> bytes:
        """RawCompareAndSwap: compared when it is applied, so nothing can come between."""
        cf = column_family(request.cf)
        admitted = self._admit(request.context, "raw_compare_and_swap")
        if request.ttl and not self._kv.ttl_enabled:
            raise StorageError("ttl is not enabled, but get put request with ttl")
        region = admitted.replica.region
        check_entry_size(region, len(request.key) + len(request.value))
        check_key(region, request.key)
        command = CompareAndSwap(
            cf=cf,
            key=request.key,
            previous=None if request.previous_not_exist else request.previous_value,
            value=request.value,
            delete=request.delete,
            ttl=request.ttl,
            now_s=self._kv.now_s(),
        )
        result = await self._proposals.propose(admitted.replica, admitted.version, command, self._deadline_ns(admitted))
        assert isinstance(result, CasResult)
        return kvrpcpb.RawCASResponse(
            succeed=result.succeed,
            previous_not_exist=result.previous is None,
            previous_value=result.previous or b"",
        ).SerializeToString()

    def _deadline_ns(self, admitted: Admitted) -> int:
        return self._clock.now_ns() + admitted.deadline_ms * 1_000_000 if admitted.deadline_ms else 0


def refusal(command: str, error: RegionError | StorageError) -> bytes:
    """The answer to a command that was refused: the error, where this command's answers have it."""
    if isinstance(error, RegionError):
        return encoding.region_error(error.error)
    if command in ("RawBatchGet", "RawScan", "RawBatchScan"):  # these have errors with their pairs only
        pair = encoding.key_error_field(1, str(error))
        return encoding.bytes_field(b"\x12", pair)
    return encoding.bytes_field(b"\x12", str(error).encode())


def _key_too_large(key: bytes) -> StorageError:
    return StorageError(f"max key size exceeded, size: {len(key)}, limit: {MAX_KEY_BYTES}")
