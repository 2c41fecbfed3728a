"""How keys are written in the three versions of TiKV's storage API.

V1 and V1TTL: as they are. (A store of V1TTL keeps a time to live with each value; its requests are those of V1.) V2:
behind the letter ``r``, for raw, and the three bytes of a keyspace's number. PD, and stores in what they say of
Regions, have such keys in the memcomparable form; requests have them plain.

>>> KeyCodec(2, 1).key(b"k")
b'r\\x00\\x00\\x01k'
"""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["DEFAULT_KEYSPACE", "MAX_KEYSPACE", "KeyCodec", "from_memcomparable", "memcomparable"]

DEFAULT_KEYSPACE = "DEFAULT"
"""The one that every cluster has, with number 0."""

MAX_KEYSPACE = 2**24 - 1

_GROUP = 8
_V2 = 2


def memcomparable(key: bytes) -> bytes:
    """Groups of eight bytes, the last one filled with zeros, each followed by 255 less the number of zeros. The order
    of keys is kept, and no encoded key begins with another one."""
    groups = (key[at : at + _GROUP] for at in range(0, len(key) + 1, _GROUP))
    return b"".join(group.ljust(_GROUP, b"\0") + bytes([0xFF - _GROUP + len(group)]) for group in groups)


def from_memcomparable(encoded: bytes) -> bytes:
    """The key that was encoded so. Raises ``ValueError`` where none was."""
    key = bytearray()
    for at in range(0, len(encoded), _GROUP + 1):
        group, marker = encoded[at : at + _GROUP], encoded[at + _GROUP : at + _GROUP + 1]
        if not marker or 0xFF - marker[0] > _GROUP:
            break
        size = _GROUP - (0xFF - marker[0])
        if any(group[size:]):
            break
        key += group[:size]
        if size < _GROUP:
            if at + _GROUP + 1 != len(encoded):
                break
            return bytes(key)
    raise ValueError(f"no memcomparable key: {encoded.hex()}")


@dataclass(frozen=True, slots=True)
class KeyCodec:
    """``api_version`` is what requests say, as ``kvrpcpb.APIVersion`` numbers it: 0 for V1 and V1TTL, 2 for V2."""

    api_version: int = 0
    keyspace_id: int = 0

    def __post_init__(self) -> None:
        if not 0 <= self.keyspace_id <= MAX_KEYSPACE:
            raise ValueError(f"a keyspace's number has three bytes: {self.keyspace_id}")

    @property
    def prefix(self) -> bytes:
        """What every key begins with."""
        return b"r" + self.keyspace_id.to_bytes(3, "big") if self.api_version == _V2 else b""

    def key(self, key: bytes) -> bytes:
        """A key as requests have it."""
        return self.prefix + key

    def to_pd(self, key: bytes) -> bytes:
        """A key of a request, as PD is asked for it."""
        return memcomparable(key) if self.api_version == _V2 else key

    def from_pd(self, bound: bytes) -> bytes:
        """A Region's bound as requests would have it; empty where the Region has none. Raises ``ValueError`` where it
        is none of this version."""
        return from_memcomparable(bound) if self.api_version == _V2 and bound else bound
