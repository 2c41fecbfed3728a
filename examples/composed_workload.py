"""A workload composed of the library's own parts: it runs in the native engine, a microsecond or two an operation."""

import ycsbpy
from ycsbpy import parts

devices = parts.compose(
    mix=parts.Mix(read=0.7, update=0.2, scan=0.1),
    keys=parts.HotspotKeys(data=0.1, operations=0.9),
    names=parts.KeyNames(prefix="device", digits=12, order="ordered"),
    fields=parts.Fields(count=4, length=parts.UniformLength(16, 256)),
    scans=parts.UniformLength(1, 50),
)
driver = ycsbpy.MemoryDriver()  # on TiKV: leave it out, and name the cluster with properties={"tikv.pd": …}
ycsbpy.load(driver=driver, properties=devices, recordcount=10_000)
summary = ycsbpy.run(driver=driver, properties=devices, recordcount=10_000, operationcount=50_000, threadcount=16)

assert summary.accounting.ok == 50_000
assert sum(number < 1_000 for number in parts.HotspotKeys(0.1, 0.9).draw(10_000, seed=1, count=1_000)) > 850
print(ycsbpy.table(summary))
