"""What all tests share. This file puts its folder on the path, so tests may import the models beside it."""

from __future__ import annotations

from hypothesis import settings

settings.register_profile("ycsbpy", deadline=None, print_blob=True)  # no timed assertions
settings.load_profile("ycsbpy")
