"""What authors of drivers and workloads need to test them: a virtual clock, a driver that fails as it is told, and the
driver contract as a test suite (``ycsbpy.testing.driver_contract``, which needs pytest; this module does not)."""

from ycsbpy.testing.faulty import Call, ScriptedDriver, Step
from ycsbpy.testing.virtual_clock import VirtualClock

__all__ = ["Call", "ScriptedDriver", "Step", "VirtualClock"]
