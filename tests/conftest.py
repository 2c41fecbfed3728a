"""What all tests share. This file puts its folder on the path, so tests may import the models beside it."""

from __future__ import annotations

import atexit
import os
import shutil
import signal
import tempfile
from typing import TYPE_CHECKING

import pytest
from certificates import make_certificates
from hypothesis import settings

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

settings.register_profile("ycsbpy", deadline=None, print_blob=True)  # no timed assertions
settings.load_profile("ycsbpy")

_state = tempfile.mkdtemp(prefix="ycsbpy-tests-")
atexit.register(shutil.rmtree, _state, ignore_errors=True)
os.environ["XDG_STATE_HOME"] = _state  # no test sees, or touches, a playground of whoever runs the tests
os.environ["XDG_CONFIG_HOME"] = _state  # nor what they have set for themselves
_ours = (
    "PD_SERVER",
    "TIKV_SERVER",
    "TIUP",
    "GO_YCSB",
    "HDRHISTOGRAM_JAR",
    "SOAK_SECONDS",
    "DEBUG",
    "SANITIZE",
    "COVERAGE",
)
for _name in [name for name in os.environ if name.startswith("YCSBPY_")]:
    if _name.removeprefix("YCSBPY_") not in _ours:
        del os.environ[_name]

_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGQUIT)


@pytest.fixture(scope="session")
def certificates(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of certificates, see ``make_certificates``."""
    folder = tmp_path_factory.mktemp("certificates")
    make_certificates(folder)
    return folder


@pytest.fixture(autouse=True)
def _handlers() -> Iterator[None]:
    """A playground in the foreground ignores signals from its end on, also where that is not the process's own."""
    before = {number: signal.getsignal(number) for number in _SIGNALS}
    yield
    for number, handler in before.items():
        if signal.getsignal(number) is not handler:
            signal.signal(number, handler)
