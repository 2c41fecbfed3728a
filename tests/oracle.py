"""A model of ``docs/drawing.md`` in plain Python: what the native drawing of operations is held to, byte for byte.

Written from that page alone, section by section and in its words, without a look at the C++ code; where the two differ,
the page says who is right. It favours being read over being fast, and needs nothing but the standard library.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

M64 = (1 << 64) - 1
GOLDEN = 0x9E3779B97F4A7C15
LOAD, RUN, WARMUP = 1, 2, 3
READ, UPDATE, INSERT, SCAN, READ_MODIFY_WRITE, DELETE = range(6)

# --- 1. Randomness ---------------------------------------------------------------------------------------------------


def mix64(z: int) -> int:
    z = ((z ^ (z >> 30)) * 0xBF58476D1CE4E5B9) & M64
    z = ((z ^ (z >> 27)) * 0x94D049BB133111EB) & M64
    return z ^ (z >> 31)


def mix_gamma(z: int) -> int:
    z = ((z ^ (z >> 33)) * 0xFF51AFD7ED558CCD) & M64
    z = ((z ^ (z >> 33)) * 0xC4CEB9FE1A85EC53) & M64
    z = (z ^ (z >> 33)) | 1
    return z ^ 0xAAAAAAAAAAAAAAAA if (z ^ (z >> 1)).bit_count() < 24 else z


class Stream:
    """The generator of one operation."""

    def __init__(self, seed: int, domain: int, i: int) -> None:
        root = mix64(seed ^ mix64((domain * GOLDEN) & M64))
        self.state = mix64((root + (2 * i + 1) * GOLDEN) & M64)
        self.gamma = mix_gamma((root + (2 * i + 2) * GOLDEN) & M64)

    def draw(self) -> int:
        self.state = (self.state + self.gamma) & M64
        return mix64(self.state)

    def unit(self) -> float:
        return unit(self.draw())

    def below(self, n: int) -> int:
        return (self.draw() * n) >> 64


def unit(x: int) -> float:
    return (x >> 11) * 2.0**-53


# --- 2. Portable powers ----------------------------------------------------------------------------------------------

LN2_HI = float.fromhex("0x1.62e42fee00000p-1")
LN2_LO = float.fromhex("0x1.a39ef35793c76p-33")
LOG2E = float.fromhex("0x1.71547652b82fep+0")
SQRT_HALF = float.fromhex("0x1.6a09e667f3bcdp-1")
LOG_TERMS = [1 / k for k in range(23, 2, -2)]
EXP_TERMS = [1 / math.factorial(n) for n in range(13, -1, -1)]


def log(x: float) -> float:
    m, e = math.frexp(x)
    if m < SQRT_HALF:
        m = m * 2
        e = e - 1
    s = (m - 1) / (m + 1)
    z = s * s
    p = LOG_TERMS[0]
    for term in LOG_TERMS[1:]:
        p = p * z + term
    p = p * z + 1
    return e * LN2_HI + (e * LN2_LO + (2 * s) * p)


def exp(x: float) -> float:
    k = math.floor(x * LOG2E + 0.5)
    r = (x - k * LN2_HI) - k * LN2_LO
    p = EXP_TERMS[0]
    for term in EXP_TERMS[1:]:
        p = p * r + term
    return math.ldexp(p, k)


def pow100(x: float) -> float:
    x2 = x * x
    x4 = x2 * x2
    x8 = x4 * x4
    x16 = x8 * x8
    x32 = x16 * x16
    x64 = x32 * x32
    return (x64 * x32) * x4


# --- 3. Laws ---------------------------------------------------------------------------------------------------------


def fnv(number: int, byteorder: Literal["little", "big"] = "little") -> int:
    h = 0xCBF29CE484222325
    for byte in number.to_bytes(8, byteorder):
        h = ((h ^ byte) * 1099511628211) & M64
    return h if h < 1 << 63 else (1 << 64) - h


ITEMS = 10_000_000_001
ZETAN = 26.46902820178302
HALF = exp(0.99 * log(0.5))
ZETA2 = 1 + HALF
ETA = (1 - exp((1 - 0.99) * log(2 / ITEMS))) / (1 - ZETA2 / ZETAN)


def zipfian_rank(stream: Stream) -> int:
    u = stream.unit()
    uz = u * ZETAN
    if uz < 1:
        return 0
    if uz < 1 + HALF:
        return 1
    return math.floor(ITEMS * pow100(ETA * u - ETA + 1))


Q = 1 - 0.99


def _big_h(x: float) -> float:
    return (exp(Q * log(x)) - 1) * 100


def _big_h_inverse(y: float) -> float:
    return pow100(1 + y * 0.01)


def _small_h(x: float) -> float:
    return exp(-0.99 * log(x))


ZIPF_LEFT = _big_h(1.5) - 1
ZIPF_S = 2 - _big_h_inverse(_big_h(2.5) - _small_h(2))


def exact_zipf(stream: Stream, n: int) -> int:
    """A rank of 1…n."""
    right = _big_h(n + 0.5)
    while True:
        y = right + stream.unit() * (ZIPF_LEFT - right)
        t = _big_h_inverse(y)
        k = min(max(math.floor(t + 0.5), 1), n)
        if k - t <= ZIPF_S or y >= _big_h(k + 0.5) - _small_h(k):
            return k


def permuted(x: int, n: int) -> int:
    """Where x goes in the permutation of 0…n - 1."""
    half = 1
    while 4**half < n:
        half += 1
    while True:
        left, right = divmod(x, 2**half)
        for r in (1, 2, 3, 4):
            left, right = right, left ^ (mix64((right + r * GOLDEN) & M64) % 2**half)
        x = left * 2**half + right
        if x < n:
            return x


class TruncatedExponential:
    def __init__(self, percentile: float, frac: float) -> None:
        p, f = percentile / 100, frac

        def mass(g: float) -> float:
            return (1 - exp(-g * f)) / (1 - exp(-g))

        lo, hi = 0.0, 1.0
        while mass(hi) < p:
            lo = hi
            hi = hi * 2
        for _ in range(100):
            mid = (lo + hi) / 2
            if mass(mid) < p:
                lo = mid
            else:
                hi = mid
        self.g = hi
        self.w = 1 - exp(-hi)

    def offset(self, stream: Stream, n: int) -> int:
        return min(math.floor(-log(1 - stream.unit() * self.w) / self.g * n), n - 1)


# --- The operations --------------------------------------------------------------------------------------------------


@dataclass
class Drawn:
    """One operation; names as in ``ycsbpy._native.generators.Operation``."""

    number: int
    kind: int
    key: bytes = b""
    key_number: int = 0
    fields: Sequence[str] | None = None
    values: dict[str, bytes] | None = None
    scan_length: int = 0


@dataclass(kw_only=True)
class Oracle:
    """Draws operations; the parameters are those of ``OperationSource``, in name and meaning."""

    seed: int
    recordcount: int
    insertstart: int
    insertcount: int
    operationcount: int
    proportions: Sequence[float]
    requestdistribution: str
    hotspotdatafraction: float
    hotspotopnfraction: float
    exponential_percentile: float
    exponential_frac: float
    minscanlength: int
    maxscanlength: int
    scanlengthdistribution: str
    fieldnames: Sequence[str]
    minfieldlength: int
    fieldlength: int
    fieldlengthdistribution: str
    fieldlengthhistogram: Sequence[int]
    fieldlengthblocksize: int
    readallfields: bool
    readallfieldsbyname: bool
    writeallfields: bool
    dataintegrity: bool
    keyprefix: str
    zeropadding: int
    insertorder: str

    def __post_init__(self) -> None:
        self.n0 = self.insertcount
        self.total = 0.0
        for p in self.proportions:
            self.total += p
        self.bounds: list[tuple[int, float]] = []  # (kind, upper end of its share), for kinds with a share
        share = 0.0
        for kind, p in enumerate(self.proportions):
            share += p
            if p > 0:
                self.bounds.append((kind, share / self.total if self.total else 0.0))
        inserts = self.operationcount * self.proportions[INSERT] / self.total * 2 if self.total else 0.0
        self.space = max(1, self.n0 + math.floor(inserts))
        self.hot = math.floor(self.n0 * self.hotspotdatafraction)
        self.inserted = 0  # records that this run handed out
        self.answered: dict[int, bool] = {}  # number of an insert of this run → whether it was acknowledged
        self.prefix = 0  # inserts of this run that are answered without a gap
        self.front = 0  # deletes issued
        if self.requestdistribution == "exponential":
            self.exponential = TruncatedExponential(self.exponential_percentile, self.exponential_frac)
        self.position_law: Callable[[Stream, int, int], int] = getattr(
            self, "_" + self.requestdistribution.replace("-", "_")
        )

    # 4. Keys

    @property
    def limit(self) -> int:
        return self.n0 + self.prefix

    def acknowledge(self, key_number: int, ok: bool) -> None:
        """Say how the insert of a record ended."""
        if key_number >= self.recordcount:
            self.answered[key_number - self.recordcount] = ok
            while self.prefix in self.answered:
                self.prefix += 1

    def _record(self, position: int) -> int:
        if position < self.n0:
            return self.insertstart + position
        return self.recordcount + (position - self.n0)

    def _is_hole(self, position: int) -> bool:
        return position >= self.n0 and self.answered.get(position - self.n0) is False

    def _position(self, stream: Stream, i: int) -> int:
        m = self.limit - self.front
        if m == 0:
            return self.front
        position = self.position_law(stream, m, i)
        again = 0
        while again < 100 and self._is_hole(position):
            again += 1
            if self.requestdistribution == "sequential":
                position = self.position_law(stream, m, i + again)
            else:
                position = self.position_law(stream, m, i)
        return position

    def _uniform(self, stream: Stream, m: int, _i: int) -> int:
        return self.front + stream.below(m)

    def _zipfian(self, stream: Stream, m: int, _i: int) -> int:
        for _ in range(100):
            rank = zipfian_rank(stream)
            p = fnv(rank) % self.space
            if self.front <= p < self.limit:
                return p
        return self.front + fnv(rank) % m

    def _zipfian_exact(self, stream: Stream, m: int, _i: int) -> int:
        for _ in range(100):
            p = permuted(exact_zipf(stream, self.space) - 1, self.space)
            if self.front <= p < self.limit:
                return p
        return self.front + p % m

    def _latest(self, stream: Stream, m: int, _i: int) -> int:
        return self.limit - exact_zipf(stream, m)

    def _hotspot(self, stream: Stream, m: int, _i: int) -> int:
        hot = min(self.hot, m)
        cold = m - hot
        u = stream.unit()
        if (u < self.hotspotopnfraction and hot > 0) or cold == 0:
            return self.front + stream.below(hot)
        return self.front + hot + stream.below(cold)

    def _exponential(self, stream: Stream, m: int, _i: int) -> int:
        return self.limit - 1 - self.exponential.offset(stream, m)

    def _sequential(self, _stream: Stream, m: int, i: int) -> int:
        return self.front + i % m

    def key(self, record: int) -> bytes:
        if self.insertorder == "ordered":
            number = record
        else:
            number = fnv(record, "little" if self.insertorder == "hashed" else "big")
        return (self.keyprefix + str(number).zfill(self.zeropadding)).encode()

    # 5. Order of draws in one operation

    def draw(self, domain: int, number: int, kind: int | None = None) -> Drawn:
        """``kind``: of a row of a batch, for all of which the first one decides."""
        if domain == LOAD:
            record = self.insertstart + number
            stream = Stream(self.seed, domain, record)
            operation = Drawn(number, INSERT)
        else:
            stream = Stream(self.seed, domain, number)
            chosen = self._kind(stream)
            operation = Drawn(number, chosen if kind is None else kind)
            record = self._run_record(stream, operation)
        operation.key_number = record
        operation.key = self.key(record)
        kind = operation.kind
        if kind == SCAN:
            operation.scan_length = self._scan_length(stream)
        if kind in (READ, SCAN, READ_MODIFY_WRITE):
            operation.fields = self._read_fields(stream)
        if kind in (UPDATE, READ_MODIFY_WRITE) and not self.writeallfields:
            names: Sequence[str] = [self.fieldnames[stream.below(len(self.fieldnames))]]
        else:
            names = self.fieldnames
        if kind in (INSERT, UPDATE, READ_MODIFY_WRITE):
            operation.values = {name: self._value(stream, operation.key, name) for name in names}
        return operation

    def _kind(self, stream: Stream) -> int:
        u = stream.unit()
        for kind, bound in self.bounds:
            if u < bound:
                return kind
        return self.bounds[-1][0]

    def _run_record(self, stream: Stream, operation: Drawn) -> int:
        if operation.kind == INSERT:
            self.inserted += 1
            return self.recordcount + self.inserted - 1
        if operation.kind == DELETE:
            position = self.front
            if self.limit > self.front:
                self.front += 1
            return self._record(position)
        return self._record(self._position(stream, operation.number))

    def _scan_length(self, stream: Stream) -> int:
        low, high = self.minscanlength, self.maxscanlength
        if low == high:
            return low
        if self.scanlengthdistribution == "zipfian":
            return low - 1 + exact_zipf(stream, high - low + 1)
        return low + stream.below(high - low + 1)

    def _read_fields(self, stream: Stream) -> Sequence[str] | None:
        if not self.readallfields:
            return [self.fieldnames[stream.below(len(self.fieldnames))]]
        return self.fieldnames if self.readallfieldsbyname else None

    def _length(self, stream: Stream) -> int:
        low, high = self.minfieldlength, self.fieldlength
        if self.fieldlengthdistribution == "uniform":
            return low + stream.below(high - low + 1)
        if self.fieldlengthdistribution == "zipfian":
            return low - 1 + exact_zipf(stream, high - low + 1)
        if self.fieldlengthdistribution == "histogram":
            x = stream.below(sum(self.fieldlengthhistogram))
            cumulative = 0
            for b, count in enumerate(self.fieldlengthhistogram):
                cumulative += count
                if cumulative > x:
                    return (b + 1) * self.fieldlengthblocksize
        return high

    def _value(self, stream: Stream, key: bytes, field: str) -> bytes:
        length = self._length(stream)
        if self.dataintegrity:
            return deterministic_value(key, field, length)
        draws = (length + 7) // 8
        drawn = b"".join([stream.draw().to_bytes(8, "little") for _ in range(draws)])
        return drawn.translate(PRINTABLE)[:length]

    def expected_values(self, key: bytes, fields: Sequence[str]) -> Mapping[str, bytes]:
        return {field: deterministic_value(key, field, self.fieldlength) for field in fields}


PRINTABLE = bytes((byte & 0x3F) + 0x20 for byte in range(256))


def deterministic_value(key: bytes, field: str, length: int) -> bytes:
    """Java YCSB's value for ``dataintegrity``."""
    text = key + b":" + field.encode()
    while len(text) < length:
        text += b":"
        text += str(java_hash(text)).encode()
    return text[:length]


def java_hash(text: bytes) -> int:
    """``String.hashCode()``."""
    h = 0
    for byte in text:
        h = (31 * h + byte) & 0xFFFFFFFF
    return h - (1 << 32) if h >> 31 else h
