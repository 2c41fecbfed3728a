"""The driver contract (``ycsbpy.drivers.base``) as a test suite for pytest.

Subclass ``DriverContract`` in a test module, in a class whose name begins with ``Test``, and override the fixture
``driver``::

    from ycsbpy.testing.driver_contract import DriverContract

    class TestMyDriver(DriverContract):
        @pytest.fixture
        def driver(self):
            return MyDriver("127.0.0.1:7000", fields=self.fields)

The driver is handed over unopened, set up for records with the fields in ``fields``; the suite opens and closes it.
It works on tables of its own, with names made up for each test; override ``table`` and ``neighbours`` where tables
have to exist beforehand. Both forms of driver are taken.
"""

from __future__ import annotations

import asyncio
import random
import uuid
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any, ClassVar, Self

import pytest

from ycsbpy.drivers.base import Driver, SyncDriver
from ycsbpy.drivers.memory import MemoryTables
from ycsbpy.errors import ClusterError, DriverError
from ycsbpy.ops import Operation, OpKind, Outcome, Result

__all__ = ["DriverContract", "Session"]

_WRITES = frozenset({OpKind.INSERT, OpKind.UPDATE, OpKind.READ_MODIFY_WRITE, OpKind.DELETE})
_VALUES = {
    "empty": b"",
    "text": b"value",
    "every byte": bytes(range(256)),
    "zeros": b"\0" * 7,
    "100 kB": b"0123456789" * 10_000,
}


_KEYS = (b"user1", b"a:b", b":", b"\0", b"\xff\xff", b"sp ace", bytes(range(1, 256)))
LoopFactory = Callable[[], asyncio.AbstractEventLoop]


class Session:
    """An open driver of either form, called as if it blocked. Each answer is checked for its form."""

    def __init__(self, driver: Driver | SyncDriver, loop_factory: LoopFactory | None = None) -> None:
        self.driver = driver
        self._runner = asyncio.Runner(loop_factory=loop_factory) if isinstance(driver, Driver) else None

    def __enter__(self) -> Self:
        try:
            self.finish(self.driver.open())
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self.finish(self.driver.close())
        if self._runner is not None:
            self._runner.close()

    def finish(self, call: Any) -> Any:
        """What a method of the driver returned: the result, after awaiting it if it is a coroutine."""
        return call if self._runner is None else self._runner.run(call)

    def read(self, table: str, key: bytes, fields: Sequence[str] | None = None) -> Result:
        return self.at_once([(OpKind.READ, table, key, fields)])[0]

    def scan(self, table: str, start_key: bytes, count: int, fields: Sequence[str] | None = None) -> Result:
        return self.at_once([(OpKind.SCAN, table, start_key, count, fields)])[0]

    def insert(self, table: str, key: bytes, values: Mapping[str, bytes]) -> Result:
        return self.at_once([(OpKind.INSERT, table, key, values)])[0]

    def update(self, table: str, key: bytes, values: Mapping[str, bytes]) -> Result:
        return self.at_once([(OpKind.UPDATE, table, key, values)])[0]

    def delete(self, table: str, key: bytes) -> Result:
        return self.at_once([(OpKind.DELETE, table, key)])[0]

    def read_modify_write(
        self, table: str, key: bytes, fields: Sequence[str] | None, values: Mapping[str, bytes]
    ) -> Result:
        return self.at_once([(OpKind.READ_MODIFY_WRITE, table, key, fields, values)])[0]

    def at_once(self, calls: Sequence[tuple[Any, ...]]) -> list[Result]:
        """Make all calls (kind and arguments) at the same time; their answers, in the order of the calls."""
        methods = [getattr(self.driver, OpKind(kind).name.lower()) for kind, *_ in calls]
        if self._runner is None:
            with ThreadPoolExecutor(max_workers=len(calls)) as threads:
                results = list(threads.map(lambda method, call: method(*call[1:]), methods, calls))
        else:
            coroutines = [method(*call[1:]) for method, call in zip(methods, calls, strict=True)]
            results = self._runner.run(_gathered(coroutines))
        for call, result in zip(calls, results, strict=True):
            _check_form(OpKind(call[0]), result)
        return results


async def _gathered(calls: Sequence[Any]) -> list[Result]:
    return list(await asyncio.gather(*calls))


def _check_form(kind: OpKind, result: Result) -> None:
    assert isinstance(result, Result), f"{kind.name} answered {result!r}, which is no Result"
    assert isinstance(result.outcome, Outcome), f"{kind.name}: {result.outcome!r} is no Outcome"
    may_be_unknown = kind in _WRITES
    assert result.outcome is not Outcome.UNKNOWN or may_be_unknown, f"{kind.name} is no write and cannot be UNKNOWN"
    ok = result.outcome is Outcome.OK
    assert (result.rows is not None) == (ok and kind is OpKind.SCAN), f"{kind.name}: {result}"
    assert result.keys is None or len(result.keys) == len(result.rows or ()), f"{kind.name}: {result}"
    if kind is not OpKind.READ_MODIFY_WRITE:  # its row may be there although its write failed
        assert (result.row is not None) == (ok and kind is OpKind.READ), f"{kind.name}: {result}"
    assert bool(result.error) == (result.outcome >= Outcome.FAILED), f"{kind.name}: {result}"


class DriverContract:
    """The suite; see the module. Every test gets a driver and a table of its own."""

    fields: ClassVar[Sequence[str]] = ("field0", "field1", "field2", "field3")
    """The fields of a record, in the order in which they are configured; at least three."""

    loop_factory: ClassVar[LoopFactory | None] = None
    """Makes the event loop that a ``Driver`` runs on; asyncio's own by default."""

    @pytest.fixture
    def driver(self) -> Driver | SyncDriver:
        """The driver under test, not open."""
        raise NotImplementedError("override the fixture `driver`")

    @pytest.fixture
    def unreachable_driver(self) -> Driver | SyncDriver | None:
        """The same kind of driver for a database that is not there, or None if there is no such thing."""
        return None

    @pytest.fixture
    def table(self) -> str:
        """A table that is empty."""
        return f"contract{uuid.uuid4().hex}"

    @pytest.fixture
    def neighbours(self, table: str) -> Sequence[str]:
        """More empty tables, whose names are near to the first one's in order."""
        return [f"{table}0", f"{table}z", table[:-1]]

    @pytest.fixture
    def session(self, driver: Driver | SyncDriver) -> Iterator[Session]:
        with Session(driver, type(self).loop_factory) as session:
            yield session

    def record(self, mark: str = "", size: int = 20) -> dict[str, bytes]:
        """A record with all fields; ``mark`` tells it from others."""
        return {name: f"{mark}/{name}/".encode().ljust(size, b".") for name in self.fields}

    # -- one record

    @pytest.mark.parametrize("value", _VALUES.values(), ids=_VALUES)
    def test_a_value_comes_back_as_it_was_written(self, session: Session, table: str, value: bytes) -> None:
        record = {**self.record(), self.fields[1]: value}
        assert session.insert(table, b"key", record).outcome is Outcome.OK
        assert session.read(table, b"key").row == record

    @pytest.mark.parametrize("key", _KEYS, ids=lambda key: repr(key)[:20])
    def test_a_key_is_taken_as_it_is(self, session: Session, table: str, key: bytes) -> None:
        session.insert(table, key, self.record("right"))
        session.insert(table, key + b"\0", self.record("longer"))
        assert session.read(table, key).row == self.record("right")

    def test_fields_come_back_in_their_order(self, session: Session, table: str) -> None:
        record = self.record()
        session.insert(table, b"key", dict(reversed(record.items())))
        assert list(session.read(table, b"key").row or {}) == list(self.fields)

    def test_only_the_fields_asked_for_come_back(self, session: Session, table: str) -> None:
        record = self.record()
        session.insert(table, b"key", record)
        first, second = self.fields[0], self.fields[2]
        assert session.read(table, b"key", [second]).row == {second: record[second]}
        both = session.read(table, b"key", [second, first]).row or {}
        assert list(both.items()) == [(first, record[first]), (second, record[second])]

    def test_a_field_that_was_not_written_is_not_there(self, session: Session, table: str) -> None:
        part = {self.fields[1]: b"only"}
        session.insert(table, b"key", part)
        assert session.read(table, b"key").row == part
        assert session.read(table, b"key", self.fields[:1]).row == {}

    def test_a_missing_record_is_not_found(self, session: Session, table: str) -> None:
        session.insert(table, b"key", self.record())
        for key in (b"ke", b"key0", b"kez"):
            assert session.read(table, key) == Result(Outcome.NOT_FOUND)

    def test_an_insert_replaces_the_whole_record(self, session: Session, table: str) -> None:
        session.insert(table, b"key", self.record("old"))
        new = {self.fields[0]: b"new"}
        assert session.insert(table, b"key", new).outcome is Outcome.OK
        assert session.read(table, b"key").row == new

    def test_an_update_keeps_the_other_fields(self, session: Session, table: str) -> None:
        record = self.record()
        session.insert(table, b"key", record)
        change = {self.fields[2]: b"changed", self.fields[0]: b""}
        assert session.update(table, b"key", change).outcome is Outcome.OK
        row = session.read(table, b"key").row or {}
        assert list(row.items()) == list({**record, **change}.items())

    def test_an_update_adds_a_field_in_its_place(self, session: Session, table: str) -> None:
        first, second, third = self.fields[:3]
        session.insert(table, b"key", {first: b"1", third: b"3"})
        session.update(table, b"key", {second: b"2"})
        assert list((session.read(table, b"key").row or {}).items()) == [(first, b"1"), (second, b"2"), (third, b"3")]

    def test_an_update_of_a_missing_record_makes_none(self, session: Session, table: str) -> None:
        assert session.update(table, b"key", self.record()) == Result(Outcome.NOT_FOUND)
        assert session.read(table, b"key").outcome is Outcome.NOT_FOUND

    def test_a_deleted_record_is_gone(self, session: Session, table: str) -> None:
        session.insert(table, b"key", self.record())
        session.insert(table, b"key2", self.record())
        assert session.delete(table, b"key").outcome is Outcome.OK
        assert session.read(table, b"key").outcome is Outcome.NOT_FOUND
        assert session.read(table, b"key2").outcome is Outcome.OK
        assert session.delete(table, b"key").outcome in (Outcome.OK, Outcome.NOT_FOUND)

    def test_read_modify_write_answers_with_the_row_as_it_was(self, session: Session, table: str) -> None:
        record, change = self.record(), {self.fields[1]: b"changed"}
        session.insert(table, b"key", record)
        assert session.read_modify_write(table, b"key", None, change).row == record
        assert session.read(table, b"key").row == {**record, **change}

    def test_read_modify_write_of_a_missing_record_makes_none(self, session: Session, table: str) -> None:
        assert session.read_modify_write(table, b"key", None, self.record()).outcome is Outcome.NOT_FOUND
        assert session.read(table, b"key").outcome is Outcome.NOT_FOUND

    # -- several records

    def test_a_scan_goes_in_key_order_from_its_start(self, session: Session, table: str) -> None:
        keys = [f"user{number}".encode() for number in (5, 1, 10, 3, 2, 30)]
        for key in keys:
            session.insert(table, key, self.record(key.decode()))
        expected = [self.record(key.decode()) for key in sorted(keys)]
        assert session.scan(table, b"user1", 100).rows == expected
        assert session.scan(table, b"user10", 3).rows == expected[1:4]
        assert session.scan(table, b"user11", 2).rows == expected[2:4]
        assert session.scan(table, b"user5", 1).rows == expected[-1:]

    def test_a_scan_of_nothing_is_ok_and_empty(self, session: Session, table: str) -> None:
        assert list(session.scan(table, b"a", 10).rows or []) == []
        session.insert(table, b"user1", self.record())
        assert list(session.scan(table, b"user2", 10).rows or []) == []
        assert list(session.scan(table, b"user1", 0).rows or []) == []

    def test_a_scan_gives_only_the_fields_asked_for(self, session: Session, table: str) -> None:
        record = self.record()
        for key in (b"a", b"b"):
            session.insert(table, key, record)
        name = self.fields[2]
        assert session.scan(table, b"a", 5, [name]).rows == [{name: record[name]}] * 2

    def test_a_scan_orders_keys_by_their_bytes(self, session: Session, table: str) -> None:
        keys = [b"\0", b"A", b"Z", b"a", b"a\0", b"ab", b"\x7f", b"\x80", b"\xff", b"\xff\xff"]
        for key in random.Random(1).sample(keys, len(keys)):  # noqa: S311  the same order each time
            session.insert(table, key, {self.fields[0]: key})
        found = session.scan(table, b"\0", 100)
        assert found.rows == [{self.fields[0]: key} for key in keys]
        assert found.keys is None or list(found.keys) == keys

    def test_a_scan_stays_in_its_table(self, session: Session, table: str, neighbours: Sequence[str]) -> None:
        for other in neighbours:
            for key in (b"", b"\0", b"user5", b"\xff"):
                session.insert(other, b"user" + key, self.record("other"))
        assert list(session.scan(table, b"\0", 100).rows or []) == []
        session.insert(table, b"user5", self.record("own"))
        assert session.scan(table, b"\0", 100).rows == [self.record("own")]
        assert list(session.scan(table, b"user6", 100).rows or []) == []

    def test_tables_do_not_mix(self, session: Session, table: str, neighbours: Sequence[str]) -> None:
        for name in (table, *neighbours):
            session.insert(name, b"key", self.record(name))
        session.delete(neighbours[0], b"key")
        assert session.read(neighbours[0], b"key").outcome is Outcome.NOT_FOUND
        for name in (table, *neighbours[1:]):
            assert session.read(name, b"key").row == self.record(name)

    def test_a_long_scan_is_complete(self, session: Session, table: str) -> None:
        keys = [f"user{number:05}".encode() for number in range(1200)]
        calls = [(OpKind.INSERT, table, key, {self.fields[0]: key}) for key in keys]
        for start in range(0, len(calls), 100):
            session.at_once(calls[start : start + 100])
        assert session.scan(table, keys[0], 5000).rows == [{self.fields[0]: key} for key in keys]
        assert session.scan(table, keys[100], 1000).rows == [{self.fields[0]: key} for key in keys[100:1100]]

    # -- several calls at once

    def test_calls_at_once_do_not_mix(self, session: Session, table: str) -> None:
        keys = [f"user{number}".encode() for number in range(64)]
        inserts = session.at_once([(OpKind.INSERT, table, key, self.record(key.decode())) for key in keys])
        assert {result.outcome for result in inserts} == {Outcome.OK}
        mixed: list[tuple[Any, ...]] = []
        for key in keys:
            mixed += [(OpKind.READ, table, key, None), (OpKind.UPDATE, table, key + b"x", self.record())]
        results = session.at_once(mixed)
        assert [result.row for result in results[::2]] == [self.record(key.decode()) for key in keys]
        assert {result.outcome for result in results[1::2]} == {Outcome.NOT_FOUND}

    def test_one_record_takes_writes_from_many(self, session: Session, table: str) -> None:
        session.insert(table, b"key", self.record())
        name = self.fields[0]
        results = session.at_once([(OpKind.UPDATE, table, b"key", {name: b"%d" % number}) for number in range(32)])
        assert {result.outcome for result in results} == {Outcome.OK}
        row = session.read(table, b"key").row or {}
        assert row[name] in {b"%d" % number for number in range(32)}
        assert {**row, name: b""} == {**self.record(), name: b""}

    def test_it_agrees_with_the_reference(self, session: Session, table: str) -> None:
        """300 drawn calls, one after the other, answered as ``MemoryTables`` answers them."""
        reference, draw = MemoryTables(self.fields), random.Random(20)  # noqa: S311  the same calls each time
        for _ in range(300):
            call = self._drawn_call(draw, table)
            kind, arguments = call[0], call[1:]
            answer = session.at_once([call])[0]
            if kind is OpKind.READ_MODIFY_WRITE:
                expected = reference.read(*arguments[:3])
                if expected.outcome is Outcome.OK:
                    reference.update(table, arguments[1], arguments[3])
            else:
                expected = getattr(reference, kind.name.lower())(*arguments)
            if kind is OpKind.DELETE and answer.outcome is Outcome.NOT_FOUND:
                answer = Result(Outcome.OK)
            rows = None if answer.rows is None else list(answer.rows)
            assert answer._replace(rows=rows) == expected, f"{kind.name} {arguments}"

    def _drawn_call(self, draw: random.Random, table: str) -> tuple[Any, ...]:
        key = b"k%d" % draw.randrange(20)
        some = draw.sample(self.fields, draw.randint(1, len(self.fields)))
        asked = draw.choice([None, some])
        values = {name: draw.randbytes(draw.randrange(30)) for name in sorted(some, key=list(self.fields).index)}
        kind = OpKind(draw.randrange(OpKind.DELETE + 1))
        return {
            OpKind.READ: (kind, table, key, asked),
            OpKind.UPDATE: (kind, table, key, values),
            OpKind.INSERT: (kind, table, key, values),
            OpKind.SCAN: (kind, table, key, draw.randint(1, 25), asked),
            OpKind.READ_MODIFY_WRITE: (kind, table, key, asked, values),
            OpKind.DELETE: (kind, table, key),
        }[kind]

    def test_batches_answer_as_single_calls_would(self, session: Session, table: str) -> None:
        """60 drawn batches, row by row as ``MemoryTables`` answers them; keys come more than once in a batch."""
        if not session.driver.batches:
            pytest.skip("this driver has no batches")
        reference, draw = MemoryTables(self.fields), random.Random(21)  # noqa: S311  the same calls each time
        for _ in range(60):
            kind = draw.choice([OpKind.READ, OpKind.UPDATE, OpKind.INSERT, OpKind.DELETE, OpKind.READ_MODIFY_WRITE])
            rows = [self._drawn_row(draw, kind) for _ in range(draw.randint(1, 12))]
            if kind is OpKind.READ_MODIFY_WRITE:  # all are read before any is written
                rows = list({row.key: row for row in rows}.values())
            method = getattr(session.driver, f"batch_{kind.name.lower()}")
            answers = session.finish(method(table, rows))
            assert len(answers) == len(rows)
            for row, answer in zip(rows, answers, strict=True):
                _check_form(kind, answer)
                expected = self._expected(reference, kind, table, row)
                if kind is OpKind.DELETE and answer.outcome is Outcome.NOT_FOUND:
                    expected = answer
                assert answer == expected, f"{kind.name} {row.key!r}"

    def _drawn_row(self, draw: random.Random, kind: OpKind) -> Operation:
        some = sorted(draw.sample(self.fields, draw.randint(1, len(self.fields))), key=list(self.fields).index)
        values = {name: draw.randbytes(draw.randrange(30)) for name in some}
        return Operation(0, kind, b"k%d" % draw.randrange(15), fields=draw.choice([None, some]), values=values)

    @staticmethod
    def _expected(reference: MemoryTables, kind: OpKind, table: str, row: Operation) -> Result:
        values = row.values or {}
        if kind is OpKind.READ:
            return reference.read(table, row.key, row.fields)
        if kind is OpKind.DELETE:
            return reference.delete(table, row.key)
        if kind is OpKind.INSERT:
            return reference.insert(table, row.key, values)
        if kind is OpKind.UPDATE:
            return reference.update(table, row.key, values)
        read = reference.read(table, row.key, row.fields)
        return reference.update(table, row.key, values)._replace(row=read.row)

    # -- opening and closing

    def test_what_it_says_of_itself_is_text(self, session: Session) -> None:
        assert session.driver.name
        assert all(isinstance(text, str) for fact in session.driver.describe().items() for text in fact)

    def test_it_can_be_closed_twice(self, driver: Driver | SyncDriver) -> None:
        with Session(driver, type(self).loop_factory) as session:
            session.finish(driver.close())

    def test_a_database_that_is_not_there_is_one_clear_line(
        self, unreachable_driver: Driver | SyncDriver | None
    ) -> None:
        if unreachable_driver is None:
            pytest.skip("this driver has no database to miss")
        with pytest.raises((DriverError, ClusterError)) as caught, Session(unreachable_driver, type(self).loop_factory):
            pass
        assert str(caught.value)
        assert len(str(caught.value).splitlines()) == 1
