"""What all tests share. This file puts its folder on the path, so tests may import the models beside it."""

from __future__ import annotations

import atexit
import os
import shutil
import tempfile

from hypothesis import settings

settings.register_profile("ycsbpy", deadline=None, print_blob=True)  # no timed assertions
settings.load_profile("ycsbpy")

_state = tempfile.mkdtemp(prefix="ycsbpy-tests-")
atexit.register(shutil.rmtree, _state, ignore_errors=True)
os.environ["XDG_STATE_HOME"] = _state  # no test sees, or touches, a playground of whoever runs the tests
os.environ["XDG_CONFIG_HOME"] = _state  # nor what they have set for themselves
_ours = ("PD_SERVER", "TIKV_SERVER", "TIUP", "GO_YCSB", "PD_HTTP", "DEBUG", "SANITIZE", "COVERAGE")
for _name in [name for name in os.environ if name.startswith("YCSBPY_")]:
    if _name.removeprefix("YCSBPY_") not in _ours:
        del os.environ[_name]
