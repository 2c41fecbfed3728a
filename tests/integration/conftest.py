"""One mini-cluster for all integration tests that leave it standing."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from certificates import make_certificates
from processes import no_traceback

from ycsbpy.minicluster import MiniCluster

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

SPLITS = (b"b", b"m")


@pytest.fixture(scope="session")
def certificates(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of certificates, see ``make_certificates``."""
    folder = tmp_path_factory.mktemp("certificates")
    make_certificates(folder)
    return folder


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
