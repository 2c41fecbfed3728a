"""Keys with etcd's revisions: ranges, the past, who follows, what is kept, and where it ends."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ycsbpy.minicluster.pd.metastore import (
    NO_END,
    Change,
    Event,
    Item,
    KeptItems,
    MetaStore,
    MetaStoreError,
    inside,
)
from ycsbpy.minicluster.pd.storage import Storage

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path


def test_revisions_of_a_key() -> None:
    store = MetaStore()
    assert (store.revision, store.get(b"a")) == (1, None)
    assert store.put(b"a", b"1") is None
    assert store.put(b"b", b"2") is None
    assert store.put(b"a", b"3") == Item(b"a", b"1", 2, 2, 1)
    assert store.get(b"a") == Item(b"a", b"3", 2, 4, 2)
    assert store.delete(b"a") == [Item(b"a", b"3", 2, 4, 2)]
    assert store.delete(b"a") == []  # changes nothing, so it is no revision
    assert store.revision == 5
    store.put(b"a", b"4")
    assert store.get(b"a") == Item(b"a", b"4", 6, 6, 1)


@pytest.mark.parametrize(
    ("start", "end", "expected"),
    [
        (b"b", b"", [b"b"]),
        (b"bb", b"", []),
        (b"a", b"c", [b"a", b"b"]),
        (b"aa", b"cc", [b"b", b"c"]),
        (b"b", NO_END, [b"b", b"c", b"\xff"]),
        (b"c", b"a", []),
        (b"\0", NO_END, [b"a", b"b", b"c", b"\xff"]),
    ],
)
def test_ranges(start: bytes, end: bytes, expected: list[bytes]) -> None:
    store = MetaStore()
    for key in (b"c", b"\xff", b"a", b"b"):
        store.put(key, b"")
    assert [item.key for item in store.range(start, end).items] == expected
    assert [item.key for item in store.delete(start, end)] == expected
    assert store.range(b"\0", NO_END).count == 4 - len(expected)


def test_a_limit_does_not_change_the_count() -> None:
    store = MetaStore()
    for key in (b"a", b"b", b"c"):
        store.put(key, b"")
    found = store.range(b"a", NO_END, limit=2)
    assert ([item.key for item in found.items], found.count) == ([b"a", b"b"], 3)


def test_several_keys_at_once_are_one_revision() -> None:
    store = MetaStore()
    store.put(b"a", b"1")
    change = store.write([(b"a", b"2"), (b"b", b"1"), (b"a", None), (b"c", None), (b"a", b"3")])
    first = Item(b"a", b"1", 2, 2, 1)
    second = Item(b"a", b"2", 2, 3, 2)
    assert change == Change(
        3,
        (
            Event(b"a", first, second),
            Event(b"b", None, Item(b"b", b"1", 3, 3, 1)),
            Event(b"a", second, None),
            Event(b"a", None, Item(b"a", b"3", 3, 3, 1)),
        ),
    )
    assert store.range(b"\0", NO_END).items == [Item(b"a", b"3", 3, 3, 1), Item(b"b", b"1", 3, 3, 1)]
    assert store.range(b"\0", NO_END, revision=2).items == [first]
    assert store.since(3) == [change]


def test_what_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    kept: list[Change] = []
    store = MetaStore(keep=kept.append)
    monkeypatch.setattr(MetaStore, "MAX_REQUEST_BYTES", 10)
    monkeypatch.setattr(MetaStore, "MAX_BYTES", 16)
    monkeypatch.setattr(MetaStore, "MAX_KEYS", 2)
    store.put(b"a", b"123456789")
    for call, text in (
        (lambda: store.range(b""), "etcdserver: key is not provided"),
        (lambda: store.put(b"", b"1"), "etcdserver: key is not provided"),
        (lambda: store.put(b"a", b"1234567890"), "etcdserver: request is too large"),
        (lambda: store.put(b"b", b"123456"), "etcdserver: mvcc: database space exceeded"),
        (lambda: store.range(b"a", revision=3), "etcdserver: mvcc: required revision is a future revision"),
    ):
        with pytest.raises(MetaStoreError, match=f"^{text}$"):
            call()
    assert (store.revision, len(kept)) == (2, 1)
    store.put(b"b", b"1")
    with pytest.raises(MetaStoreError, match="space"):
        store.put(b"c", b"")
    store.write([(b"a", None), (b"c", b"1")])  # takes the place of another
    assert store.range(b"\0", NO_END).count == 2


def test_the_memory_has_an_end(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(MetaStore, "REMEMBERED", 3)
    monkeypatch.setattr(MetaStore, "REMEMBERED_BYTES", 30)
    store = MetaStore()
    for number in range(5):
        store.put(b"a", b"%d" % number)
    assert (store.revision, store.compacted) == (6, 4)
    assert store.since(3) is None
    assert [change.revision for change in store.since(4) or ()] == [4, 5, 6]
    assert store.range(b"a", revision=4).items[0].value == b"2"
    with pytest.raises(MetaStoreError, match="has been compacted"):
        store.range(b"a", revision=3)
    store.put(b"b", b"x" * 100)  # the last change is remembered however large it is
    assert (store.compacted, [change.revision for change in store.since(7) or ()]) == (7, [7])


def test_who_watches_is_told_until_it_ends() -> None:
    store = MetaStore()
    told: list[int] = []
    end = store.watch(lambda: told.append(store.revision))
    store.put(b"a", b"1")
    store.delete(b"b")
    store.delete(b"a")
    end()
    store.put(b"a", b"1")
    assert told == [2, 3]


# ---- against a model that keeps every state there was ----

KEYS = st.sampled_from([b"a", b"aa", b"b", b"b\0", b"c", b"\xff"])
WRITES = st.lists(st.lists(st.tuples(KEYS, st.none() | st.binary(max_size=3)), max_size=4), max_size=12)


class Model:
    """What etcd's documents say, the slow way."""

    def __init__(self) -> None:
        self.states: list[dict[bytes, Item]] = [{}, {}]  # by revision; the first one is 1

    def write(self, changes: Sequence[tuple[bytes, bytes | None]]) -> None:
        state = dict(self.states[-1])
        revision = len(self.states)
        changed = False
        for key, value in changes:
            before = state.pop(key, None)
            changed |= before is not None or value is not None
            if value is not None:
                created = before.create_revision if before else revision
                state[key] = Item(key, value, created, revision, before.version + 1 if before else 1)
        if changed:
            self.states.append(state)

    def range(self, start: bytes, end: bytes, revision: int) -> list[Item]:
        state = self.states[revision]
        return [state[key] for key in sorted(state) if inside(key, start, end)]


@given(writes=WRITES, start=KEYS, end=st.just(b"") | st.just(NO_END) | KEYS, remembered=st.integers(1, 12))
def test_ranges_and_revisions_are_those_of_the_model(
    writes: list[list[tuple[bytes, bytes | None]]], start: bytes, end: bytes, remembered: int
) -> None:
    store, model = MetaStore(), Model()
    store.REMEMBERED = remembered
    for changes in writes:
        store.write(changes)
        model.write(changes)
    assert store.revision == len(model.states) - 1
    changes_made = store.revision - 1
    assert store.compacted == (1 if changes_made <= remembered else store.revision - remembered + 1)
    for revision in range(store.compacted, store.revision + 1):
        assert store.range(start, end, revision=revision).items == model.range(start, end, revision)
    for revision in range(1, store.compacted):
        assert store.since(revision) is None
    followed = dict(model.states[store.compacted])
    for change in store.since(store.compacted + 1) or ():
        for event in change.events:
            assert followed.get(event.key) == event.before
            followed.pop(event.key, None)
            if event.after is not None:
                followed[event.key] = event.after
        assert followed == model.states[change.revision]


# ---- and after a restart ----


def test_it_comes_back_with_its_last_change(tmp_path: Path) -> None:
    storage = Storage(tmp_path)
    store = MetaStore(None, storage.save_items)
    store.put(b"a", b"1")
    store.put(b"b", b"2")
    last = store.write([(b"b", b"\xff"), (b"a", None), (b"c", b"")])
    storage.close()
    storage = Storage(tmp_path)
    restored = storage.restore()
    assert restored is not None
    again = MetaStore(restored.items, storage.save_items)
    assert (again.revision, again.compacted) == (4, 4)
    assert again.range(b"\0", NO_END) == store.range(b"\0", NO_END)
    assert again.since(4) == [last]
    assert again.since(3) is None
    again.delete(b"b", NO_END)
    storage.close()
    storage = Storage(tmp_path)
    restored = storage.restore()
    storage.close()
    assert restored is not None
    empty = MetaStore(restored.items)
    assert (empty.revision, empty.range(b"\0", NO_END).count) == (5, 0)


def test_what_cannot_be_kept_has_not_happened() -> None:
    def refuse(_change: Change) -> None:
        raise OSError("full")

    before = Item(b"a", b"1", 2, 2, 1)
    store = MetaStore(KeptItems([before], Change(2, (Event(b"a", None, before),))), refuse)
    with pytest.raises(OSError, match="full"):
        store.put(b"a", b"2")
    assert (store.revision, store.get(b"a")) == (2, before)
