"""``python -m ycsbpy``: the same as the ``ycsbpy`` command."""

from ycsbpy.cli.entry import main

main()
