"""Load and run a workload from Python, and look at the result."""

import ycsbpy

driver = ycsbpy.MemoryDriver()
ycsbpy.load("workloada", driver=driver, recordcount=10_000)
summary = ycsbpy.run("workloada", driver=driver, recordcount=10_000, operationcount=100_000, threadcount=16)

assert summary.accounting.ok == 100_000
print(f"{summary.throughput:,.0f} operations a second")
print(ycsbpy.table(summary))
