"""The driver keeps ycsbpy's contract: ``python -m pytest examples/plugin/tests``."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from ycsbpy_example.driver import SqliteDriver

from ycsbpy.testing.driver_contract import DriverContract

if TYPE_CHECKING:
    from pathlib import Path


class TestSqlite(DriverContract):
    """All of the contract's tests."""

    @pytest.fixture
    def driver(self, tmp_path: Path) -> SqliteDriver:
        return SqliteDriver(str(tmp_path / "records.sqlite"), self.fields)

    @pytest.fixture
    def unreachable_driver(self, tmp_path: Path) -> SqliteDriver:
        return SqliteDriver(str(tmp_path / "no" / "folder" / "records.sqlite"), self.fields)
