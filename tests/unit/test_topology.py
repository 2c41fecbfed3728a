"""Values go through JSON there and back, also those of another version."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from ycsbpy.cluster.topology import Display, Instance, Phase, Role, Row, Spec, Topology

STORE = Instance("tikv-0", Role.TIKV, 7, "x", 1.5, "h:1", "h:2", "h:1", "log", 3, "signal 9")
TOPOLOGY = Topology("t1", "minicluster", Phase.RUNNING, endpoints=("h:1",), instances=(STORE,))


def there_and_back(value: object) -> dict[str, object]:
    answer: dict[str, object] = json.loads(json.dumps(value))
    return answer


def test_there_and_back() -> None:
    spec = Spec(kv_config=Path("a.toml"), region_split_size=5, tag="t")
    assert Spec.from_json(there_and_back(spec.to_json())) == spec
    assert Topology.from_json(there_and_back(TOPOLOGY.to_json())) == TOPOLOGY
    shown = Display(TOPOLOGY, (Row("tikv-0", Role.TIKV, 7, 1.0, regions=3),), "none")
    assert Display.from_json(there_and_back(shown.to_json())) == shown
    assert TOPOLOGY.stores == (STORE,)


def test_fields_of_a_newer_version_are_left() -> None:
    assert Topology.from_json({**TOPOLOGY.to_json(), "colour": "blue"}) == TOPOLOGY


@pytest.mark.parametrize("wrong", [{}, {"tag": "x"}, {**TOPOLOGY.to_json(), "phase": "asleep"}])
def test_what_is_no_topology(wrong: dict[str, object]) -> None:
    with pytest.raises((KeyError, TypeError, ValueError)):
        Topology.from_json(wrong)
