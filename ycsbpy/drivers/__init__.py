"""Database clients behind one contract (``base``), found by name (``registry``)."""
