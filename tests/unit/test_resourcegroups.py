"""The cost of a request unit, as stores find it."""

from __future__ import annotations

import json

from ycsbpy.minicluster.pd.metastore import MetaStore
from ycsbpy.minicluster.pd.resourcegroups import CONTROLLER_KEY, ensure_controller


def test_it_is_put_once_and_what_is_there_stays() -> None:
    store = MetaStore()
    ensure_controller(store)
    found = store.get(CONTROLLER_KEY)
    assert found is not None
    assert json.loads(found.value)["request-unit"]["write-cost-per-byte"] == 1 / 1024
    ensure_controller(store)
    assert (store.get(CONTROLLER_KEY), store.revision) == (found, 2)
    store.put(CONTROLLER_KEY, b"{}")
    ensure_controller(store)
    assert store.revision == 3
