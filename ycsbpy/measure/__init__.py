"""Latencies and counts: recorded natively, collected in windows, summed up, merged."""
