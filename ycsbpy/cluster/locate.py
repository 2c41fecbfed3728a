"""Which cluster a command is to use when it may be none, one that runs here, or one that has to be started.

In this order: the one that the user names; a playground that runs; a PD that answers where go-ycsb would look; else an
embedded one, started for the command. What was chosen, and why, is one line for the user.
"""

from __future__ import annotations

import asyncio
import dataclasses
import enum
import os
import socket
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from ycsbpy.errors import ClusterError, UsageError
from ycsbpy.tls import connection_problem

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path
    from typing import Self

    import grpc

    from ycsbpy.config import TikvSettings

__all__ = [
    "DEFAULT_ENDPOINT",
    "Kind",
    "Located",
    "PdInfo",
    "TlsFiles",
    "locate",
    "probe_pd",
    "running_playground",
]

DEFAULT_ENDPOINT = "127.0.0.1:2379"
"""Where go-ycsb, and TiKV's own tools, expect PD."""

PROBE_DEFAULT_S = 0.2
PROBE_GIVEN_S = 5.0


class Kind(enum.Enum):
    """How a cluster came to be the one to use."""

    GIVEN = "given"
    PLAYGROUND = "playground"
    FOUND = "found"
    EMBEDDED = "embedded"


@dataclass(frozen=True)
class TlsFiles:
    """PEM files: who signed PD's certificate, and, if PD asks for it, the client's certificate and key."""

    ca: Path
    cert: Path | None = None
    key: Path | None = None

    @classmethod
    def of(cls, settings: TikvSettings) -> Self | None:
        """Those that the properties name; None where they do not turn TLS on."""
        return None if settings.ca is None else cls(settings.ca, settings.cert, settings.key)


@dataclass(frozen=True)
class PdInfo:
    """A PD that answered: its cluster, the leader's address (host:port) and the leader's version."""

    cluster_id: int
    leader: str
    version: str


@dataclass(frozen=True)
class Located:
    """The cluster to use. ``endpoints`` are PD's; there are none for ``Kind.EMBEDDED``, which is to be started.

    ``why`` is one line for the user, ``facts`` is for the report: ``cluster_id`` and ``version``, where a PD was asked.
    """

    kind: Kind
    endpoints: tuple[str, ...]
    why: str
    facts: dict[str, Any] = field(default_factory=dict)


def running_playground() -> Located | None:
    """Return the playground that runs on this machine for this user, if there is one.

    Raises ``UsageError`` if there are several, since data would be written into one of them by chance, and
    ``ClusterError`` if there is one whose PD does not answer.
    """
    from ycsbpy.cluster import statedir
    from ycsbpy.cluster.topology import Phase

    alive = [(home, home.read()) for home in statedir.homes() if home.alive()]
    found = [(home.tag, topology) for home, topology in alive if topology is not None and topology.endpoints]
    if len(found) > 1:
        names = ", ".join(f"{tag}: {','.join(topology.endpoints)}" for tag, topology in found)
        raise UsageError(f"several playgrounds run ({names}): say which one's PD with --pd or -p tikv.pd=")
    if not found:
        starting = [home.tag for home, topology in alive if topology is None or topology.phase is Phase.STARTING]
        if starting:
            raise ClusterError(
                f"the playground {starting[0]} is still starting; name another cluster with --pd or -p tikv.pd="
            )
        return None
    tag, topology = found[0]
    what = f"the playground {tag}, over {topology.backend},"
    try:
        info = probe_pd(topology.endpoints, PROBE_GIVEN_S)
    except ClusterError as error:
        raise ClusterError(f"{what} runs, but {error}") from None
    located = _at(Kind.PLAYGROUND, topology.endpoints, info, f"no tikv.pd given, using {what} at {info.leader}")
    return dataclasses.replace(located, facts={**located.facts, "playground": tag, "backend": topology.backend})


async def locate(
    pd: Sequence[str],
    *,
    tls: TlsFiles | None = None,
    playground: Callable[[], Located | None] = running_playground,
    default: str = DEFAULT_ENDPOINT,
) -> Located:
    """Return the cluster to use; ``pd`` are the user's endpoints (host:port), empty where none was given.

    Raises ``ClusterError`` when no PD answers where the user says, ``UsageError`` for ``tls`` without endpoints, since
    what is found or started here has none, and what ``playground`` raises.
    """
    if pd:
        info = await asyncio.to_thread(probe_pd, pd, PROBE_GIVEN_S, tls)
        return _at(Kind.GIVEN, pd, info, f"PD at {','.join(pd)}")
    if tls is not None:
        raise UsageError(
            "TLS is asked for, and no cluster is named: write its PD's address, -p tikv.pd=HOST:PORT or --pd HOST:PORT"
        )
    found = await asyncio.to_thread(playground)
    if found is not None:
        return found
    why = f"no tikv.pd given and nothing at {default}"
    if await asyncio.to_thread(_anybody_there, default, PROBE_DEFAULT_S):
        try:
            info = await asyncio.to_thread(probe_pd, [default], PROBE_DEFAULT_S)
        except ClusterError:
            why = f"no tikv.pd given and no PD at {default}"
        else:
            return _at(Kind.FOUND, [default], info, f"no tikv.pd given, using the PD found at {default}")
    return Located(Kind.EMBEDDED, (), why)


def _at(kind: Kind, endpoints: Sequence[str], info: PdInfo, why: str) -> Located:
    facts = {"cluster_id": info.cluster_id, "version": info.version}
    what = ", ".join(filter(None, (f"cluster {info.cluster_id}", info.version)))
    return Located(kind, tuple(endpoints), f"{why} ({what})", facts)


def probe_pd(endpoints: Sequence[str], timeout_s: float, tls: TlsFiles | None = None) -> PdInfo:
    """Ask PD who it is; the first of ``endpoints`` that answers counts.

    Raises ``ClusterError``, one line, when none answers within ``timeout_s``, or what answers is no PD.
    """
    os.environ.setdefault("GRPC_VERBOSITY", "NONE")  # C-core would write to the user's terminal
    deadline = time.monotonic() + timeout_s
    problems = []
    for index, endpoint in enumerate(endpoints):
        share = (deadline - time.monotonic()) / (len(endpoints) - index)
        try:
            return _ask(endpoint, max(0.05, share), tls)
        except ClusterError as error:
            problems.append(str(error))
    raise ClusterError("no PD answers: " + "; ".join(problems))


def _ask(endpoint: str, timeout_s: float, tls: TlsFiles | None) -> PdInfo:
    import grpc

    from ycsbpy.proto import pdpb_pb2 as pdpb

    with _channel(endpoint, tls) as channel:
        get_members = channel.unary_unary(
            "/pdpb.PD/GetMembers",
            request_serializer=pdpb.GetMembersRequest.SerializeToString,
            response_deserializer=pdpb.GetMembersResponse.FromString,
        )
        try:
            members = get_members(pdpb.GetMembersRequest(), timeout=timeout_s)
        except grpc.RpcError as error:
            raise ClusterError(f"{endpoint}: {_reason(error, timeout_s, tls=tls is not None)}") from None
    if members.header.HasField("error"):
        raise ClusterError(f"{endpoint}: {members.header.error.message}")
    if not members.header.cluster_id or not members.leader.client_urls:
        raise ClusterError(f"{endpoint}: PD has no leader")
    leader = members.leader.client_urls[0].partition("://")[2]
    return PdInfo(members.header.cluster_id, leader, members.leader.binary_version)


def _channel(endpoint: str, tls: TlsFiles | None) -> grpc.Channel:
    import grpc

    options = [("grpc.use_local_subchannel_pool", 1), ("grpc.enable_http_proxy", 0)]
    if tls is None:
        return grpc.insecure_channel(endpoint, options=options)
    try:
        ca, cert, key = (path.read_bytes() if path is not None else None for path in (tls.ca, tls.cert, tls.key))
    except OSError as error:
        raise ClusterError(f"{error.filename}: {error.strerror}") from None
    return grpc.secure_channel(endpoint, grpc.ssl_channel_credentials(ca, key, cert), options=options)


def _reason(error: Any, timeout_s: float, *, tls: bool) -> str:
    code, details = error.code().name, error.details() or ""
    if code == "DEADLINE_EXCEEDED":
        return f"no answer within {timeout_s:.3g} s"
    if code == "UNIMPLEMENTED":
        return "what listens there is not PD"
    if "refused" in details:
        return "connection refused"
    if "address lookup failed" in details or "resolution" in details:
        return "the host name cannot be resolved"
    address, problem = connection_problem(details, tls=tls)
    return problem[:160] if address else f"{code.lower()}: {problem[:160]}"


def _anybody_there(endpoint: str, timeout_s: float) -> bool:
    """Whether something listens: the cheap question, which saves loading gRPC where the answer is no."""
    host, _, port = endpoint.rpartition(":")
    try:
        socket.create_connection((host, int(port)), timeout_s).close()
    except OSError:
        return False
    return True
