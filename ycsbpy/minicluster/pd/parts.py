"""The parts of one PD, for those that show or change them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ycsbpy.minicluster.pd.configuration import Configuration
    from ycsbpy.minicluster.pd.coordinator import Coordinator
    from ycsbpy.minicluster.pd.members import Members
    from ycsbpy.minicluster.pd.regionjobs import RegionJobs
    from ycsbpy.minicluster.pd.state import ClusterState

__all__ = ["Pd"]


@dataclass(frozen=True, slots=True)
class Pd:
    """One PD."""

    state: ClusterState
    members: Members
    coordinator: Coordinator
    configuration: Configuration
    jobs: RegionJobs
