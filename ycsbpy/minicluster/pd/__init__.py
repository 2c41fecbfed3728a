"""PD, the placement driver, in the small: who holds which keys; ids; timestamps; what should move where."""
