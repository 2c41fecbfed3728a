from ycsbpy.proto import metapb_pb2 as _metapb_pb2
from google.protobuf.internal import containers as _containers
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class Swap(_message.Message):
    __slots__ = ("cf", "key", "previous_exists", "previous", "value", "delete", "ttl", "now_s")
    CF_FIELD_NUMBER: _ClassVar[int]
    KEY_FIELD_NUMBER: _ClassVar[int]
    PREVIOUS_EXISTS_FIELD_NUMBER: _ClassVar[int]
    PREVIOUS_FIELD_NUMBER: _ClassVar[int]
    VALUE_FIELD_NUMBER: _ClassVar[int]
    DELETE_FIELD_NUMBER: _ClassVar[int]
    TTL_FIELD_NUMBER: _ClassVar[int]
    NOW_S_FIELD_NUMBER: _ClassVar[int]
    cf: int
    key: bytes
    previous_exists: bool
    previous: bytes
    value: bytes
    delete: bool
    ttl: int
    now_s: int
    def __init__(self, cf: _Optional[int] = ..., key: _Optional[bytes] = ..., previous_exists: bool = ..., previous: _Optional[bytes] = ..., value: _Optional[bytes] = ..., delete: bool = ..., ttl: _Optional[int] = ..., now_s: _Optional[int] = ...) -> None: ...

class NewRegion(_message.Message):
    __slots__ = ("region_id", "peer_ids")
    REGION_ID_FIELD_NUMBER: _ClassVar[int]
    PEER_IDS_FIELD_NUMBER: _ClassVar[int]
    region_id: int
    peer_ids: _containers.RepeatedScalarFieldContainer[int]
    def __init__(self, region_id: _Optional[int] = ..., peer_ids: _Optional[_Iterable[int]] = ...) -> None: ...

class Split(_message.Message):
    __slots__ = ("keys", "ids", "right_derive", "share_size")
    KEYS_FIELD_NUMBER: _ClassVar[int]
    IDS_FIELD_NUMBER: _ClassVar[int]
    RIGHT_DERIVE_FIELD_NUMBER: _ClassVar[int]
    SHARE_SIZE_FIELD_NUMBER: _ClassVar[int]
    keys: _containers.RepeatedScalarFieldContainer[bytes]
    ids: _containers.RepeatedCompositeFieldContainer[NewRegion]
    right_derive: bool
    share_size: bool
    def __init__(self, keys: _Optional[_Iterable[bytes]] = ..., ids: _Optional[_Iterable[_Union[NewRegion, _Mapping]]] = ..., right_derive: bool = ..., share_size: bool = ...) -> None: ...

class CompactLog(_message.Message):
    __slots__ = ("index", "term")
    INDEX_FIELD_NUMBER: _ClassVar[int]
    TERM_FIELD_NUMBER: _ClassVar[int]
    index: int
    term: int
    def __init__(self, index: _Optional[int] = ..., term: _Optional[int] = ...) -> None: ...

class Change(_message.Message):
    __slots__ = ("change_type", "peer")
    CHANGE_TYPE_FIELD_NUMBER: _ClassVar[int]
    PEER_FIELD_NUMBER: _ClassVar[int]
    change_type: int
    peer: _metapb_pb2.Peer
    def __init__(self, change_type: _Optional[int] = ..., peer: _Optional[_Union[_metapb_pb2.Peer, _Mapping]] = ...) -> None: ...

class ChangePeers(_message.Message):
    __slots__ = ("changes",)
    CHANGES_FIELD_NUMBER: _ClassVar[int]
    changes: _containers.RepeatedCompositeFieldContainer[Change]
    def __init__(self, changes: _Optional[_Iterable[_Union[Change, _Mapping]]] = ...) -> None: ...

class Command(_message.Message):
    __slots__ = ("version", "conf_ver", "kinds", "keys", "values", "swap", "split", "compact_log", "change_peers")
    VERSION_FIELD_NUMBER: _ClassVar[int]
    CONF_VER_FIELD_NUMBER: _ClassVar[int]
    KINDS_FIELD_NUMBER: _ClassVar[int]
    KEYS_FIELD_NUMBER: _ClassVar[int]
    VALUES_FIELD_NUMBER: _ClassVar[int]
    SWAP_FIELD_NUMBER: _ClassVar[int]
    SPLIT_FIELD_NUMBER: _ClassVar[int]
    COMPACT_LOG_FIELD_NUMBER: _ClassVar[int]
    CHANGE_PEERS_FIELD_NUMBER: _ClassVar[int]
    version: int
    conf_ver: int
    kinds: bytes
    keys: _containers.RepeatedScalarFieldContainer[bytes]
    values: _containers.RepeatedScalarFieldContainer[bytes]
    swap: Swap
    split: Split
    compact_log: CompactLog
    change_peers: ChangePeers
    def __init__(self, version: _Optional[int] = ..., conf_ver: _Optional[int] = ..., kinds: _Optional[bytes] = ..., keys: _Optional[_Iterable[bytes]] = ..., values: _Optional[_Iterable[bytes]] = ..., swap: _Optional[_Union[Swap, _Mapping]] = ..., split: _Optional[_Union[Split, _Mapping]] = ..., compact_log: _Optional[_Union[CompactLog, _Mapping]] = ..., change_peers: _Optional[_Union[ChangePeers, _Mapping]] = ...) -> None: ...

class SnapshotRows(_message.Message):
    __slots__ = ("cf", "keys", "values", "last", "total")
    CF_FIELD_NUMBER: _ClassVar[int]
    KEYS_FIELD_NUMBER: _ClassVar[int]
    VALUES_FIELD_NUMBER: _ClassVar[int]
    LAST_FIELD_NUMBER: _ClassVar[int]
    TOTAL_FIELD_NUMBER: _ClassVar[int]
    cf: int
    keys: _containers.RepeatedScalarFieldContainer[bytes]
    values: _containers.RepeatedScalarFieldContainer[bytes]
    last: bool
    total: int
    def __init__(self, cf: _Optional[int] = ..., keys: _Optional[_Iterable[bytes]] = ..., values: _Optional[_Iterable[bytes]] = ..., last: bool = ..., total: _Optional[int] = ...) -> None: ...
