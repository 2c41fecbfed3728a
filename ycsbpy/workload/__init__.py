"""Operation number and seed → one operation."""

from ycsbpy.workload.base import Phase, Workload

__all__ = ["Phase", "Workload"]
