"""A driver and a workload for ycsbpy, found by entry point."""
