"""Clusters: which one to use, and the processes of those that are started here."""
