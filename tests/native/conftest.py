"""What the tests of the native code share."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from native.http2_harness import Harness

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture(scope="module")
def harness() -> Iterator[Harness]:
    """The HTTP/2 and gRPC code in a process of its own, one for each file of tests."""
    with Harness() as running:
        yield running
