"""Command lines and configuration files of pd-server and tikv-server in a playground. Pure: text in, text out.

The flags are those that ``tiup playground`` gives. The configuration is made of three layers, the later ones stronger:
what a playground needs, the user's own file, and what was asked for by a flag. A playground needs

- ``max-open-files`` 256 in both RocksDB parts, because TiKV wants 50,152 files and otherwise does not start where the
  limit is lower; no reserved space; and low-space checks off in PD, since a playground's disk is often rather full;
- ``graceful-shutdown-timeout`` 0, or each TiKV spends up to 20 s of its end on moving leaders away;
- no merging in PD (``merge-schedule-limit`` 0), or it would merge the small Regions that a playground is there to show;
- for small Regions, TiKV's check for splits and its reports to PD at a pace that can be watched.

Unlike TiUP's, whose newer releases say 1, a playground of one store has PD's own ``max-replicas`` of 3: a cluster that
was started with one store and scaled out would otherwise stay without replicas for ever.
"""

from __future__ import annotations

import re
import tomllib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from ycsbpy.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

__all__ = [
    "Place",
    "merged",
    "parse_size",
    "pd_command",
    "pd_config",
    "read_toml",
    "shown_size",
    "tikv_command",
    "tikv_config",
    "write_toml",
]

KIB, MIB, GIB = 1 << 10, 1 << 20, 1 << 30
UNITS = {"": 1, "B": 1} | {
    letter + more: size for letter, size in (("K", KIB), ("M", MIB), ("G", GIB)) for more in ("", "B", "IB")
}
SMALLEST_REGION = 4 * KIB

PD_CONFIG: dict[str, Any] = {
    "schedule": {"patrol-region-interval": "100ms", "low-space-ratio": 1.0, "merge-schedule-limit": 0},
    "replication": {"max-replicas": 3},
}
TIKV_CONFIG: dict[str, Any] = {
    "rocksdb": {"max-open-files": 256},
    "raftdb": {"max-open-files": 256},
    "storage": {"reserve-space": 0, "reserve-raft-space": 0},
    "server": {"graceful-shutdown-timeout": "0s"},
}


@dataclass(frozen=True, slots=True)
class Place:
    """Where a process is: its name, folder, host, and its ports; ``other_port`` is PD's peer or TiKV's status port."""

    name: str
    folder: Path
    host: str
    port: int
    other_port: int = 0

    @property
    def address(self) -> str:
        """host:port for clients."""
        return f"{self.host}:{self.port}"

    @property
    def other_address(self) -> str:
        """host:port for PD's peers, or for whoever asks a TiKV for its metrics; empty without such a port."""
        return f"{self.host}:{self.other_port}" if self.other_port else ""


def parse_size(text: str) -> int:
    """Bytes from a size as TiKV writes it: ``16MB`` and ``16MiB`` are both 16 · 2^20.

    Raises ``UsageError`` for what is no size, or too small for a Region.
    """
    match = re.fullmatch(r"\s*(\d+(?:\.\d+)?)\s*([A-Za-z]*)\s*", text)
    unit = UNITS.get(match[2].upper()) if match else None
    if match is None or unit is None:
        raise UsageError(f"a size is a number with KB, MB or GB, such as 16MB, not {text[:40]!r}")
    size = int(float(match[1]) * unit)
    if size < SMALLEST_REGION:
        raise UsageError(f"a Region is split at {shown_size(SMALLEST_REGION)} or more, not at {text.strip()}")
    return size


def shown_size(size: int) -> str:
    """A size as TiKV reads it, in the largest unit that is exact."""
    for unit, name in ((GIB, "GiB"), (MIB, "MiB"), (KIB, "KiB")):
        if size and size % unit == 0:
            return f"{size // unit}{name}"
    return f"{size}B"


def pd_command(program: Path, place: Place, config: Path) -> list[str]:
    """How a PD that is alone is started."""
    client, peer = f"http://{place.address}", f"http://{place.other_address}"
    return [
        str(program),
        f"--name={place.name}",
        f"--data-dir={place.folder / 'data'}",
        f"--peer-urls={peer}",
        f"--advertise-peer-urls={peer}",
        f"--client-urls={client}",
        f"--advertise-client-urls={client}",
        f"--log-file={place.folder / 'pd.log'}",
        f"--initial-cluster={place.name}={peer}",
        f"--config={config}",
    ]


def tikv_command(program: Path, place: Place, endpoints: tuple[str, ...], config: Path) -> list[str]:
    """How a TiKV is started."""
    return [
        str(program),
        f"--addr={place.address}",
        f"--advertise-addr={place.address}",
        f"--status-addr={place.other_address}",
        f"--pd-endpoints={','.join(f'http://{endpoint}' for endpoint in endpoints)}",
        f"--config={config}",
        f"--data-dir={place.folder / 'data'}",
        f"--log-file={place.folder / 'tikv.log'}",
    ]


def pd_config(user: Mapping[str, Any]) -> dict[str, Any]:
    """What goes into pd.toml."""
    return merged(PD_CONFIG, user)


def tikv_config(user: Mapping[str, Any], region_split_size: int) -> dict[str, Any]:
    """What goes into tikv.toml; ``region_split_size`` in bytes, 0 leaves it as it is."""
    config = merged(TIKV_CONFIG, user)
    if not region_split_size:
        return config
    quick = {"raftstore": {"split-region-check-tick-interval": "1s", "pd-heartbeat-tick-interval": "5s"}}
    largest = region_split_size + region_split_size // 2  # TiKV's own proportion
    sizes = {"region-split-size": shown_size(region_split_size), "region-max-size": shown_size(largest)}
    return merged(merged(quick, config), {"coprocessor": sizes})


def merged(below: Mapping[str, Any], above: Mapping[str, Any]) -> dict[str, Any]:
    """Both, table by table; what is in both is as in ``above``."""
    result = dict(below)
    for name, value in above.items():
        old = result.get(name)
        both = isinstance(old, dict) and isinstance(value, dict)
        result[name] = merged(old, value) if both and isinstance(old, dict) else value
    return result


def read_toml(path: Path | None) -> dict[str, Any]:
    """The user's configuration file, nothing if there is none. Raises ``UsageError`` if it cannot be read."""
    if path is None:
        return {}
    try:
        return tomllib.loads(path.read_text())
    except OSError as error:
        raise UsageError(f"cannot read {path}: {error.strerror}") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise UsageError(f"{path} is no TOML: {error}") from None


def write_toml(path: Path, config: Mapping[str, Any]) -> Path:
    """Write a configuration file and return its path."""
    import tomli_w

    path.write_text(tomli_w.dumps(config))
    return path
