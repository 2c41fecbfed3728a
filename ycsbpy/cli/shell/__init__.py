"""``ycsbpy shell``: single reads and writes by hand, at a prompt or from a pipe.

::

    language     a line → a command; bytes ↔ how they are written
    database     an open driver of either form, whose calls block and can be broken off
    output       answers as tables or as JSON
    shell        commands on a database
    prompt       the terminal: line editing, completion, history
"""
