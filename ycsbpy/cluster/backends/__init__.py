"""What can run a cluster here: ``tiup``, ``binaries`` and ``minicluster``, behind one contract (``base``)."""
