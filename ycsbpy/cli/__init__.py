"""The command line: flags in, one session, text and JSON out. Composes what the other parts do."""
