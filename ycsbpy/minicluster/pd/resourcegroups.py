"""What of resource control a PD without resource groups has: the cost of a request unit, which stores ask for.

A store looks for it in PD's ``MetaStorage`` once a second until it is there. Nothing here reads it.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ycsbpy.minicluster.pd.metastore import MetaStore

__all__ = ["CONTROLLER_KEY", "ensure_controller"]

CONTROLLER_KEY = b"resource_group/controller"
_REQUEST_UNIT = {
    "read-base-cost": 1 / 8,
    "read-per-batch-base-cost": 1 / 2,
    "read-cost-per-byte": 1 / (64 << 10),
    "write-base-cost": 1,
    "write-per-batch-base-cost": 1,
    "write-cost-per-byte": 1 / (1 << 10),
    "read-cpu-ms-cost": 1 / 3,
}
"""Request units for a request, a byte, a millisecond of CPU: PD's defaults."""


def ensure_controller(store: MetaStore) -> None:
    """Put the costs where stores look for them, if nothing is there."""
    if store.get(CONTROLLER_KEY) is None:
        store.put(CONTROLLER_KEY, json.dumps({"request-unit": _REQUEST_UNIT}).encode())
