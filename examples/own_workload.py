"""A workload of one's own: a session store that writes a session, then reads it back a few times."""

import ycsbpy
from ycsbpy import Operation, OpKind, Phase


class Sessions(ycsbpy.Workload):
    """Of each five operations the first writes a session, the others read it."""

    table = "sessions"

    def draw(self, phase: Phase, number: int) -> Operation:
        session, step = divmod(number, 5)
        key = b"session%012d" % session
        if step == 0 or phase == Phase.LOAD:
            return Operation(number, OpKind.INSERT, key, values={"user": b"u%d" % (session % 100), "cart": b"x" * 200})
        return Operation(number, OpKind.READ, key)


driver = ycsbpy.MemoryDriver()
summary = ycsbpy.run(workload=Sessions(), driver=driver, recordcount=1, operationcount=50_000)

assert summary.by_kind["INSERT"].ok == 10_000
assert summary.by_kind["READ"].ok == 40_000
print(ycsbpy.table(summary))
