"""The processes of a mini-cluster, as commands.

::

    python -m ycsbpy.minicluster pd --dir D [--addr HOST:PORT]
    python -m ycsbpy.minicluster store --dir D --pd HOST:PORT[,…] [--addr HOST:PORT]

``MiniCluster`` starts them so; by hand they work against each other, and against a real PD, as well. Each prints, or
tells its owner, one line of JSON when it is ready, and runs until SIGTERM, SIGINT or the end of its owner.
"""

from __future__ import annotations

import argparse
import contextlib
from importlib import metadata
from pathlib import Path
from typing import TYPE_CHECKING

from ycsbpy.minicluster.lifecycle import Lifeline, Server, run

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["main"]


def main(argv: Sequence[str] | None = None) -> int:
    """Run one process; return its exit status."""
    arguments = _parser().parse_args(argv)
    lifeline = Lifeline(arguments.owner_fd, arguments.ready_fd)
    server = _pd(arguments) if arguments.role == "pd" else _store(arguments)
    return run(server, lifeline)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m ycsbpy.minicluster", description="One process of a mini-cluster.")
    roles = parser.add_subparsers(dest="role", required=True)
    pd = roles.add_parser("pd", help="the placement driver")
    pd.add_argument("--name", default="pd-0")
    pd.add_argument("--max-replicas", type=int, default=3)
    pd.add_argument("--faithful", action="store_true", help="PD's own paces instead of a playground's")
    pd.add_argument("--listen-fd", type=int, help="a listening socket, instead of --addr")
    store = roles.add_parser("store", help="a store")
    store.add_argument("--pd", required=True, help="HOST:PORT of PD, several with commas")
    store.add_argument("--no-ttl", action="store_true", help="keep values without expiry (TiKV's enable-ttl=false)")
    store.add_argument("--sync", action="store_true", help="wait for the disk at each write")
    store.add_argument(
        "--split-key", action="append", default=[], metavar="HEX", help="split the Regions here at the start"
    )
    store.add_argument("--region-heartbeat", type=float, default=60.0, metavar="S", help="report Regions so often")
    _add_store_options(store)
    for each in (pd, store):
        each.add_argument("--dir", type=Path, required=True, help="the process's folder")
        each.add_argument("--addr", default="127.0.0.1:0", help="where to listen; port 0 is any free one")
        each.add_argument("--owner-fd", type=int, help=argparse.SUPPRESS)
        each.add_argument("--ready-fd", type=int, help=argparse.SUPPRESS)
    return parser


def _add_store_options(store: argparse.ArgumentParser) -> None:
    store.add_argument("--status-addr", default="127.0.0.1:0", help="where /status and /metrics are served")
    store.add_argument("--region-split-size", type=int, default=256 << 20, metavar="BYTES")
    store.add_argument("--region-max-size", type=int, default=0, metavar="BYTES", help="default: half again the above")
    store.add_argument("--split-check", type=float, default=10.0, metavar="S", help="look for large Regions so often")
    store.add_argument("--left-derive", action="store_true", help="the left piece of a split keeps the Region's id")
    store.add_argument(
        "--raft-tick", type=int, default=100, metavar="MS", help="the length of a Raft tick (TiKV: 1000)"
    )
    store.add_argument("--election-ticks", type=int, default=7, help="silence before an election (TiKV: 10)")
    store.add_argument("--heartbeat-ticks", type=int, default=2)
    store.add_argument("--max-peer-down", type=float, default=10.0, metavar="S", help="silence of a peer that is down")
    store.add_argument(
        "--reserve-space", type=int, default=64 << 20, metavar="BYTES", help="of the disk, not written to"
    )


def _pd(arguments: argparse.Namespace) -> Server:
    from ycsbpy.minicluster.pd.pdserver import PdOptions, serve

    host, port = _address(arguments.addr)
    folder = arguments.dir.resolve()
    options = PdOptions(
        folder=folder,
        host=host,
        port=port,
        listen_fd=arguments.listen_fd,
        name=arguments.name,
        max_replicas=arguments.max_replicas,
        faithful=arguments.faithful,
        release=_release(),
    )
    return lambda: serve(options)


def _store(arguments: argparse.Namespace) -> Server:
    from ycsbpy.minicluster.store.multiraft import RaftOptions
    from ycsbpy.minicluster.store.splits import SplitOptions
    from ycsbpy.minicluster.store.storeserver import StoreOptions, serve

    host, port = _address(arguments.addr)
    raft = RaftOptions(
        tick_ms=arguments.raft_tick,
        election_ticks=arguments.election_ticks,
        heartbeat_ticks=arguments.heartbeat_ticks,
        max_peer_down_s=arguments.max_peer_down,
    )
    split = SplitOptions(
        split_size=arguments.region_split_size,
        max_size=arguments.region_max_size,
        right_derive=not arguments.left_derive,
        check_s=arguments.split_check,
    )
    options = StoreOptions(
        folder=arguments.dir.resolve(),
        pd=tuple(arguments.pd.split(",")),
        host=host,
        port=port,
        ttl_enabled=not arguments.no_ttl,
        sync=arguments.sync,
        region_heartbeat_s=arguments.region_heartbeat,
        status_port=_address(arguments.status_addr)[1],
        raft=raft,
        split=split,
        reserve_bytes=arguments.reserve_space,
        split_keys=tuple(bytes.fromhex(key) for key in arguments.split_key),
        release=_release(),
    )
    return lambda: serve(options)


def _address(text: str) -> tuple[str, int]:
    host, _, port = text.rpartition(":")
    return host or "127.0.0.1", int(port)


def _release() -> str:
    with contextlib.suppress(metadata.PackageNotFoundError):
        return metadata.version("ycsbpy")
    return "0"
