"""What tests ask of a cluster's PD over HTTP, and have it do."""

from __future__ import annotations

import contextlib
import json
import urllib.error
import urllib.request
from typing import Any

from processes import until

__all__ = ["pd_get", "pd_post", "still_leaders", "transfer_leader"]


def pd_get(address: str, path: str) -> Any:
    """The JSON at a path below ``/pd/api/v1``."""
    with urllib.request.urlopen(f"http://{address}/pd/api/v1{path}", timeout=10) as response:
        return json.load(response)


def pd_post(address: str, path: str, **values: Any) -> None:
    """Post some JSON. Raises ``urllib.error.HTTPError``."""
    request = urllib.request.Request(f"http://{address}/pd/api/v1{path}", json.dumps(values).encode())
    urllib.request.urlopen(request, timeout=10).close()


def still_leaders(address: str) -> None:
    """PD moves no leader by itself any more."""
    pd_post(address, "/config", **{"leader-schedule-limit": 0})


def transfer_leader(address: str, region_id: int, store_id: int) -> None:
    """Have PD move a Region's leader to a store, and wait until it is there."""

    def there() -> bool:
        if pd_get(address, f"/region/id/{region_id}")["leader"].get("store_id") == store_id:
            return True
        with contextlib.suppress(urllib.error.HTTPError):  # an operator for this Region is under way
            pd_post(address, "/operators", name="transfer-leader", region_id=region_id, to_store_id=store_id)
        return False

    assert until(there, 60.0), f"the leader of region {region_id} does not move to store {store_id}"
