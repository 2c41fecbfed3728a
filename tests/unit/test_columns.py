"""Tables of plain text, and words for numbers."""

from __future__ import annotations

import pytest

from ycsbpy.cli.columns import columns
from ycsbpy.wording import counted


def test_numbers_are_set_to_the_right_and_words_to_the_left() -> None:
    rows = [("1", "h:1", "9"), ("55", "host:26360", "1000")]
    assert columns(("Store", "Address", "Regions"), rows, numbers={"Store", "Regions"}) == [
        "Store  Address     Regions",
        "-----  -------     -------",
        "    1  h:1               9",
        "   55  host:26360     1000",
    ]
    assert columns(("Store", "Address"), [("1", "h:1")], underlined=False) == ["Store  Address", "1      h:1"]


@pytest.mark.parametrize(
    ("number", "text"), [(0, "0 Regions"), (1, "1 Region"), (2, "2 Regions"), (1000, "1,000 Regions")]
)
def test_one_is_singular(number: int, text: str) -> None:
    assert counted(number, "Region") == text
