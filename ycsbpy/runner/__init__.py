"""Phases, pacing and clients: who calls the driver, and when."""
