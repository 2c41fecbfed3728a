"""The few questions that running a cluster puts to PD's HTTP interface: is it up, which stores, which leaders.

Over the standard library, since nothing here is many or fast, and so that a host process is small. Paths and shapes are
those of PD's ``/pd/api/v1``; what a store holds is taken from PD's own count. Proxies of the environment are not used:
the cluster is on this machine.
"""

from __future__ import annotations

import json
import ssl
import urllib.error
import urllib.request
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeVar

from ycsbpy.errors import ClusterError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from ycsbpy.cluster.locate import TlsFiles

__all__ = ["PdHttp", "StoreView", "answer_or"]

TIMEOUT_S = 5.0
Answer = TypeVar("Answer")
Other = TypeVar("Other")


@dataclass(frozen=True, slots=True)
class StoreView:
    """A store as PD has it; ``state`` is its ``state_name`` (Up, Offline, Tombstone, Disconnected, Down)."""

    id: int
    address: str
    status_address: str
    state: str
    regions: int
    leaders: int


def answer_or(ask: Callable[[], Answer], otherwise: Other) -> Answer | Other:
    """PD's answer, or something else while it has none: it has no cluster before the first store."""
    try:
        return ask()
    except ClusterError:
        return otherwise


class PdHttp:
    """PD by its client addresses, host:port; the first one that answers is asked. Errors are ``ClusterError``, also for
    PEM files that cannot be used."""

    def __init__(self, endpoints: Sequence[str], timeout_s: float = TIMEOUT_S, tls: TlsFiles | None = None) -> None:
        self._endpoints = list(endpoints)
        self._timeout_s = timeout_s
        self._scheme = "http" if tls is None else "https"
        handlers = [] if tls is None else [urllib.request.HTTPSHandler(context=_context(tls))]
        self._opener = urllib.request.build_opener(urllib.request.ProxyHandler({}), *handlers)

    def healthy(self) -> bool:
        """Whether a PD answers and has a leader."""
        try:
            return bool((self._ask("GET", "/members") or {}).get("leader"))
        except ClusterError:
            return False

    def stores(self) -> list[StoreView]:
        """The stores that are not Tombstone; none before the first one has made the cluster."""
        answer = self._ask("GET", "/stores")
        return [_view(one) for one in answer.get("stores") or []]

    def store(self, store_id: int) -> StoreView | None:
        """One store, Tombstone or not; ``None`` if PD knows none of that id."""
        try:
            return _view(self._ask("GET", f"/store/{store_id}"))
        except ClusterError as error:
            if "not found" in str(error).lower():
                return None
            raise

    def delete_store(self, store_id: int) -> None:
        """Begin to take a store out. Raises ``ClusterError`` with PD's reason if it refuses."""
        self._ask("DELETE", f"/store/{store_id}")

    def leaderless(self) -> int:
        """How many Regions have no leader as far as PD knows; 1 while there is no Region at all."""
        answer = self._ask("GET", "/regions")
        regions = answer.get("regions") or []
        return sum(not (region.get("leader") or {}).get("store_id") for region in regions) if regions else 1

    def get(self, path: str) -> Any:
        """The value at a path below ``/pd/api/v1``."""
        return self._ask("GET", path)

    def _ask(self, method: str, path: str) -> Any:
        problem = "it has no address"
        for endpoint in self._endpoints:
            url = f"{self._scheme}://{endpoint}/pd/api/v1{path}"
            request = urllib.request.Request(url, method=method)  # noqa: S310  http or https
            try:
                with self._opener.open(request, timeout=self._timeout_s) as answer:
                    return _value(answer.read())
            except urllib.error.HTTPError as error:
                with error:
                    text = _value(error.read())
                raise ClusterError(f"PD at {endpoint}: {_line(text) or f'status {error.code}'}") from None
            except (OSError, ValueError) as error:
                reason = getattr(error, "reason", error)
                problem = f"{endpoint}: {getattr(reason, 'strerror', None) or reason}"
        raise ClusterError(f"PD does not answer ({problem})")


def _context(tls: TlsFiles) -> ssl.SSLContext:
    try:
        context = ssl.create_default_context(cafile=tls.ca)
        # As gRPC and the native engine judge certificates: Python's stricter look, from 3.13 on the default, refuses
        # those of an authority of one's own that lack an extension.
        context.verify_flags &= ~ssl.VERIFY_X509_STRICT
        if tls.cert is not None:
            context.load_cert_chain(tls.cert, tls.key)
    except OSError as error:  # of which ssl.SSLError is one
        raise ClusterError(f"the certificates for PD cannot be used: {error.strerror or error}") from None
    return context


def _value(data: bytes) -> Any:
    text = data.decode(errors="replace")
    try:
        return json.loads(text)
    except ValueError:
        return text


def _line(text: Any) -> str:
    return " ".join(str(text).split())[:300]


def _view(one: Any) -> StoreView:
    store, status = one["store"], one.get("status") or {}
    return StoreView(
        id=int(store["id"]),
        address=str(store.get("address", "")),
        status_address=str(store.get("status_address", "")),
        state=str(store.get("state_name", "")),
        regions=int(status.get("region_count", 0)),
        leaders=int(status.get("leader_count", 0)),
    )
