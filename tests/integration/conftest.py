"""One mini-cluster for all integration tests that leave it standing."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from processes import no_traceback

from ycsbpy.minicluster import MiniCluster

if TYPE_CHECKING:
    from collections.abc import Iterator

SPLITS = (b"b", b"m")


@pytest.fixture(scope="session")
def cluster() -> Iterator[MiniCluster]:
    """A mini-cluster of one Region."""
    with MiniCluster(stores=1) as running:
        yield running
        no_traceback(running)


@pytest.fixture(scope="session")
def split_cluster() -> Iterator[MiniCluster]:
    """A mini-cluster of three Regions, which meet at ``b`` and ``m``."""
    with MiniCluster(stores=1, split_keys=SPLITS) as running:
        yield running
        no_traceback(running)
