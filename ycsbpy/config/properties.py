"""The one table of every property: its name, type, default, choices and meaning, and which other tools have it.

Everything else is made from it: parsing and checks (``config``), ``workloads/workload_template`` and
``docs/properties.md`` (``generate``), the flags of the command line. Defaults are those of YCSB and go-ycsb where the
two agree and the default does no harm; ``differs`` says why ours is another. A property can also be

- *ignored*: another tool has it, it means nothing here, and setting it earns one line on stderr;
- *refused* for some of its values: known, and not in this version. Refusing is data, so that whoever adds the feature
  deletes the entry.
"""

from __future__ import annotations

from types import MappingProxyType
from typing import TYPE_CHECKING

from ycsbpy.config.measurements import MEASUREMENT_PROPERTIES
from ycsbpy.config.schema import Property, Refusal, Section, Tool
from ycsbpy.config.values import Kind

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["MAX_COUNT", "MAX_LENGTH", "PROPERTIES", "PROPERTY_TABLE", "find_property"]

MAX_COUNT = 2**60
"""The most records or operations: above anything useful, and so far below 2^64 that no sum of counts wraps around."""
MAX_LENGTH = 2**30
"""The longest value, in bytes."""

_GO, _JAVA, _BOTH = (Tool.GO,), (Tool.JAVA,), (Tool.GO, Tool.JAVA)
_RECORDS, _OPERATIONS, _RUN = Section.RECORDS, Section.OPERATIONS, Section.RUN
_TIKV, _PEERS = Section.TIKV, Section.PEERS
_JAVA_WORKLOADS = tuple(
    f"site.ycsb.workloads.{name}" for name in ("ConstantOccupancyWorkload", "RestWorkload", "TimeSeriesWorkload")
)


def _count(
    name: str,
    default: str | None,
    meaning: str,
    section: Section,
    *,
    example: str = "",
    unset: str = "",
    differs: str = "",
) -> Property:
    return Property(
        name,
        Kind.INT,
        default,
        meaning,
        section,
        _BOTH,
        minimum=0,
        maximum=MAX_COUNT,
        example=example,
        unset=unset,
        differs=differs,
    )


def _share(name: str, default: str, meaning: str, tools: tuple[Tool, ...] = _BOTH) -> Property:
    return Property(name, Kind.FLOAT, default, meaning, _OPERATIONS, tools, minimum=0, maximum=1)


def _switch(name: str, default: str, meaning: str, section: Section, tools: tuple[Tool, ...] = _BOTH) -> Property:
    return Property(name, Kind.BOOL, default, meaning, section, tools)


def _ignored(
    name: str, why: str, tools: tuple[Tool, ...], default: str | None = None, kind: Kind = Kind.TEXT
) -> Property:
    return Property(name, kind, default, "", _PEERS, tools, ignored=why)


_RECORD_PROPERTIES = (
    Property(
        "workload",
        Kind.TEXT,
        "core",
        "Workload: core, to which all the other properties belong; the name of one that a package has registered; or "
        "one of your own as MODULE:CLASS.",
        _RECORDS,
        _BOTH,
        aliases=(("site.ycsb.workloads.CoreWorkload", "core"), ("com.yahoo.ycsb.workloads.CoreWorkload", "core")),
        minimum=1,
        differs="YCSB has none and refuses to start",
        refused=(Refusal("this workload of YCSB's is not in this version; core is", _JAVA_WORKLOADS),),
    ),
    Property(
        "profile",
        Kind.CHOICE,
        "ycsb",
        "Whose data and laws: ycsb is as published and as Java YCSB writes keys; go-ycsb names keys as go-ycsb does; "
        "exact names them as ycsb does and takes zipfian for zipfian-exact.",
        _RECORDS,
        choices=("ycsb", "go-ycsb", "exact"),
    ),
    Property(
        "seed",
        Kind.INT,
        None,
        "Start of all randomness: same seed and properties, same operations, whatever the number of clients.",
        _RECORDS,
        minimum=0,
        maximum=2**64 - 1,
        flag="--seed",
        example="42",
        unset="drawn at random, and told in the report",
    ),
    Property(
        "table",
        Kind.TEXT,
        "usertable",
        "Table; on TiKV it is the part of each key before the colon.",
        _RECORDS,
        _BOTH,
        minimum=1,
        flag="--table",
    ),
    _count(
        "recordcount",
        "0",
        "Records in the table: how many a load makes, and which a run can ask for.",
        _RECORDS,
        example="1000",
        differs="0 is refused where records are needed; others take it for 2147483647 and read what is not there",
    ),
    _count(
        "insertstart",
        "0",
        "Number of the first record: of a load, and of those that a run asks for.",
        _RECORDS,
    ),
    _count(
        "insertcount",
        None,
        "How many records to load, or to ask for in a run, from insertstart on.",
        _RECORDS,
        unset="recordcount minus insertstart",
        example="500",
    ),
    Property(
        "fieldcount",
        Kind.INT,
        "10",
        "Fields in a record.",
        _RECORDS,
        _BOTH,
        minimum=1,
        maximum=1_000_000,
    ),
    Property(
        "fieldnameprefix",
        Kind.TEXT,
        "field",
        "Fields are named by this and a number from 0.",
        _RECORDS,
        _JAVA,
        maximum=1024,
    ),
    Property(
        "fieldlength",
        Kind.INT,
        "100",
        "Length of a value in bytes; the largest, where lengths vary.",
        _RECORDS,
        _BOTH,
        minimum=0,
        maximum=MAX_LENGTH,
    ),
    Property(
        "minfieldlength",
        Kind.INT,
        "1",
        "Shortest value in bytes, where lengths are uniform or zipfian.",
        _RECORDS,
        _JAVA,
        minimum=0,
        maximum=MAX_LENGTH,
    ),
    Property(
        "fieldlengthdistribution",
        Kind.CHOICE,
        "constant",
        "How long values are: always fieldlength, uniform or zipfian (short ones more often) from minfieldlength to "
        "fieldlength, or as a histogram file says.",
        _RECORDS,
        _BOTH,
        choices=("constant", "uniform", "zipfian", "histogram"),
    ),
    Property(
        "fieldlengthhistogram",
        Kind.PATH,
        "hist.txt",
        "File of value lengths: a first line BlockSize, tab, bytes; then lines of bucket, tab, count. Bucket 0 stands "
        "for BlockSize bytes, bucket 1 for twice as many, and so on.",
        _RECORDS,
        _BOTH,
        minimum=1,
    ),
    Property(
        "keyprefix",
        Kind.TEXT,
        "user",
        "What each key begins with.",
        _RECORDS,
        _GO,
        maximum=8192,
    ),
    Property(
        "zeropadding",
        Kind.INT,
        "1",
        "Digits to which the number in a key is filled with zeros on the left.",
        _RECORDS,
        _BOTH,
        minimum=0,
        maximum=4096,
    ),
    Property(
        "insertorder",
        Kind.CHOICE,
        "hashed",
        "Whether a key holds the hash of the record's number, which spreads neighbours, or the number itself.",
        _RECORDS,
        _BOTH,
        choices=("hashed", "ordered"),
    ),
    _switch(
        "dataintegrity",
        "false",
        "Write values that follow from key and field, and check all that is read; load and run need the same setting.",
        _RECORDS,
    ),
)

_OPERATION_PROPERTIES = (
    _share("readproportion", "0.95", "Share of operations that read a record."),
    _share("updateproportion", "0.05", "Share of operations that change fields of a record."),
    _share("insertproportion", "0", "Share of operations that insert a new record."),
    _share("scanproportion", "0", "Share of operations that read several records in key order."),
    _share("readmodifywriteproportion", "0", "Share of operations that read a record, change it and write it back."),
    _share("deleteproportion", "0", "Share of operations that delete the oldest record that is left.", ()),
    _switch("readallfields", "true", "Read all fields of a record, or one drawn at random.", _OPERATIONS),
    _switch(
        "readallfieldsbyname",
        "false",
        "Name the fields when all of them are read; some databases care.",
        _OPERATIONS,
        _JAVA,
    ),
    _switch("writeallfields", "false", "Update all fields of a record, or one drawn at random.", _OPERATIONS),
    Property(
        "requestdistribution",
        Kind.CHOICE,
        "uniform",
        "Which records are asked for: all alike (uniform), a popular few scattered over the table (zipfian, which is "
        "YCSB's and hashes ten thousand million ranks onto the table; zipfian-exact has one rank for each record), the "
        "newest (latest), a hot set (hotspot), newer ones more often (exponential), or each in turn (sequential).",
        _OPERATIONS,
        _BOTH,
        choices=("uniform", "zipfian", "zipfian-exact", "latest", "hotspot", "exponential", "sequential"),
    ),
    _share("hotspotdatafraction", "0.2", "hotspot: share of the records that are hot."),
    _share("hotspotopnfraction", "0.8", "hotspot: share of the operations that go to the hot set."),
    Property(
        "exponential.percentile",
        Kind.FLOAT,
        "95",
        "exponential: percentage of operations that fall into the newest part of the table.",
        _OPERATIONS,
        _BOTH,
        minimum=0,
        maximum=100,
    ),
    _share("exponential.frac", "0.8571428571", "exponential: how large that newest part is, as a share of the table."),
    Property(
        "minscanlength",
        Kind.INT,
        "1",
        "Fewest records that a scan asks for.",
        _OPERATIONS,
        _BOTH,
        minimum=1,
        maximum=2**31 - 1,
    ),
    Property(
        "maxscanlength",
        Kind.INT,
        "1000",
        "Most records that a scan asks for.",
        _OPERATIONS,
        _BOTH,
        minimum=1,
        maximum=2**31 - 1,
    ),
    Property(
        "scanlengthdistribution",
        Kind.CHOICE,
        "uniform",
        "How many records a scan asks for, between the two: uniform, or zipfian (short scans more often).",
        _OPERATIONS,
        _BOTH,
        choices=("uniform", "zipfian"),
    ),
)

_RUN_PROPERTIES = (
    _count(
        "operationcount",
        "0",
        "Operations of a run, over all clients; 0 means no limit but maxexecutiontime, which must then be set.",
        _RUN,
        example="1000",
    ),
    Property(
        "threadcount",
        Kind.INT,
        "1",
        "Clients that work at the same time, each with one operation in flight.",
        _RUN,
        _BOTH,
        minimum=1,
        maximum=1_000_000,
        flag="--threads",
    ),
    Property(
        "target",
        Kind.FLOAT,
        "0",
        "Operations per second to start, over all clients, on a schedule fixed in advance; 0 means as fast as it goes.",
        _RUN,
        _BOTH,
        minimum=0,
        maximum=1e9,
        flag="--target",
    ),
    Property(
        "maxexecutiontime",
        Kind.FLOAT,
        "0",
        "Seconds after which a phase ends; 0 means no limit.",
        _RUN,
        _BOTH,
        minimum=0,
        maximum=1e9,
    ),
    Property(
        "warmuptime",
        Kind.FLOAT,
        "0",
        "Seconds of the same work before a run, at the same pace, that are not measured. A load has no warm-up.",
        _RUN,
        _GO,
        minimum=0,
        maximum=1e9,
    ),
    Property(
        "allowerrors",
        Kind.ERRORS,
        "0",
        "Failed or unknown operations, as a number or a percentage, up to which the exit code is still 0.",
        _RUN,
        flag="--allow-errors",
        example="0.1%",
        differs="YCSB and go-ycsb exit with 0 whatever failed",
    ),
    Property(
        "batch.size",
        Kind.INT,
        "1",
        "Records that one call carries, all of one kind of operation. An operation is such a call then; "
        "operationcount, recordcount and target count records, and the last call has those that are left.",
        _RUN,
        _GO,
        minimum=1,
        maximum=65536,
    ),
    Property(
        "core_workload_insertion_retry_limit",
        Kind.INT,
        "0",
        "How often an insert that went wrong is tried again; never one that went well.",
        _RUN,
        _BOTH,
        minimum=0,
        maximum=2**31 - 1,
    ),
    Property(
        "core_workload_insertion_retry_interval",
        Kind.FLOAT,
        "3",
        "Seconds before it is tried again, give or take a fifth.",
        _RUN,
        _BOTH,
        minimum=0,
        maximum=3600,
    ),
    Property(
        "insertfrom",
        Kind.CHOICE,
        "found",
        "Where the inserts of a run begin: behind the records that are found in the table (found), or at recordcount "
        "whatever is there (recordcount), as in YCSB, where a second run writes over what the first one inserted.",
        _RUN,
        choices=("found", "recordcount"),
    ),
)

_TIKV_PROPERTIES = (
    Property(
        "tikv.pd",
        Kind.LIST,
        None,
        "Addresses of PD, HOST:PORT, separated by commas.",
        _TIKV,
        _GO,
        minimum=1,
        example="127.0.0.1:2379",
        unset="a playground that runs, else a PD on 127.0.0.1:2379, else a mini-cluster for this command",
        differs="go-ycsb takes 127.0.0.1:2379; here the commands also work where no cluster runs",
    ),
    Property(
        "tikv.driver",
        Kind.CHOICE,
        "auto",
        "Client: native (ycsbpy's own engine, on Linux), tikv-client (Rust), tikv-python (pure Python), or another one "
        "that is installed; auto takes the fastest that is there and can do what is asked.",
        _TIKV,
        choices=("auto", "native", "tikv-client", "tikv-python"),
        extensible=True,
    ),
    Property(
        "tikv.type",
        Kind.CHOICE,
        "raw",
        "TiKV's interface: raw, or txn with transactions.",
        _TIKV,
        _GO,
        choices=("raw", "txn", "coprocessor"),
        refused=(
            Refusal("transactions are not in this version; write raw", ("txn",)),
            Refusal("the coprocessor interface is not in this version; write raw", ("coprocessor",)),
        ),
    ),
    Property(
        "tikv.apiversion",
        Kind.CHOICE,
        "V1",
        "Version of the storage API that the cluster is configured for; others than V1 with tikv.driver=native.",
        _TIKV,
        _GO,
        choices=("V1", "V1TTL", "V2"),
    ),
    Property(
        "tikv.keyspace",
        Kind.TEXT,
        "DEFAULT",
        "The keyspace that keys lie in, by its name in PD; for tikv.apiversion=V2.",
        _TIKV,
    ),
    Property(
        "tikv.conncount",
        Kind.INT,
        "1",
        "Connections to each store; tikv.driver=native has at least one for each of its OS threads.",
        _TIKV,
        _GO,
        minimum=1,
        maximum=1024,
        differs="go-ycsb opens 128, which costs it up to twice the CPU of one: fewer operations share a packet",
    ),
    Property(
        "tikv.batchsize",
        Kind.INT,
        "128",
        "Most commands in one message of tikv.driver=native; whatever is ready goes out, nothing waits for more. The "
        "other drivers send each operation by itself.",
        _TIKV,
        _GO,
        minimum=1,
        maximum=65536,
    ),
    Property(
        "native.threads",
        Kind.INT,
        "0",
        "OS threads of tikv.driver=native, among which clients and connections are divided; 0 means one for each core.",
        _TIKV,
        minimum=0,
        maximum=1024,
    ),
    Property(
        "tikv.timeout",
        Kind.FLOAT,
        "20",
        "Seconds that one operation may take, with all that is tried again underneath. A write that is cut off counts "
        "as unknown.",
        _TIKV,
        minimum=0.001,
        maximum=3600,
        differs="as long as go-ycsb's client library keeps trying, fixed there: a change of leader is slow, not failed",
    ),
    Property(
        "tikv.ttl",
        Kind.INT,
        "0",
        "Seconds after which what is written disappears; 0 means never. The cluster has to be of V1TTL or V2.",
        _TIKV,
        minimum=0,
        maximum=2**31 - 1,
    ),
    Property(
        "tikv.cf",
        Kind.CHOICE,
        "default",
        "Column family that keys are in.",
        _TIKV,
        choices=("default", "lock", "write"),
    ),
    Property(
        "tikv.ca",
        Kind.PATH,
        "",
        "Certificates of the authority that signed the cluster's, in PEM: turns TLS on.",
        _TIKV,
    ),
    Property("tikv.cert", Kind.PATH, "", "Certificate of this client, in PEM, where the cluster asks for one.", _TIKV),
    Property("tikv.key", Kind.PATH, "", "Key of that certificate, in PEM.", _TIKV),
)

_IGNORED_PROPERTIES = (
    _ignored("db", "the database is the argument of load and run", _BOTH),
    _ignored("dotransactions", "the command, load or run, decides", _BOTH),
    _ignored("command", "the command, load or run, decides", _GO),
    _ignored("silence", "errors are always counted, and shown by name", _GO, "true", Kind.BOOL),
    _ignored("verbose", "-v shows more", _GO, "false", Kind.BOOL),
    _ignored("dropdata", "nothing is ever dropped before a load", _GO, "false", Kind.BOOL),
    _ignored("debug.pprof", "no profiler listens", _GO),
    _ignored(
        "core_workload_insertion_keep_going_on_error",
        "a failed insert is counted and the load goes on; see allowerrors",
        _JAVA,
        "true",
        Kind.BOOL,
    ),
    _ignored(
        "spin.sleep", "the timer is exact to some tens of microseconds without spinning", _JAVA, "false", Kind.BOOL
    ),
    _ignored(
        "histogram.buckets", "histograms have no buckets to choose: 3 digits from 1 ns to 1 h", _JAVA, "1000", Kind.INT
    ),
    _ignored("measurement.histogram.verbose", "--json FILE keeps the histograms", _JAVA, "false", Kind.BOOL),
    _ignored("measurement.trackjvm", "there is no JVM", _JAVA, "false", Kind.BOOL),
    _ignored("timeseries.granularity", "see status.interval", _JAVA, "1000", Kind.INT),
    _ignored(
        "reportlatencyforeacherror", "failed operations always have latencies of their own", _JAVA, "false", Kind.BOOL
    ),
    _ignored("latencytrackederrors", "failed operations always have latencies of their own", _JAVA),
    _ignored("htrace.*", "there is no HTrace", _JAVA),
    _ignored("basicdb.*", "the memory driver stands in for BasicDB and has nothing to set", _JAVA),
    _ignored("columnfamily", "only some of YCSB's databases read it", _JAVA),
    _ignored("maxscanrate", "only YCSB's Bigtable client reads it", _JAVA, "0", Kind.FLOAT),
    _ignored("scanoptimelimit", "only YCSB's Bigtable client reads it", _JAVA, "0", Kind.FLOAT),
    _ignored("discardscannedrecord", "only YCSB's Bigtable client reads it", _JAVA, "false", Kind.BOOL),
    _ignored("tikv.async_commit", "it is for tikv.type=txn", _GO, "true", Kind.BOOL),
    _ignored("tikv.one_pc", "it is for tikv.type=txn", _GO, "true", Kind.BOOL),
)

PROPERTIES: tuple[Property, ...] = (
    *_RECORD_PROPERTIES,
    *_OPERATION_PROPERTIES,
    *_RUN_PROPERTIES,
    *MEASUREMENT_PROPERTIES,
    *_TIKV_PROPERTIES,
    *_IGNORED_PROPERTIES,
)
"""Every property that ycsbpy knows, in the order of the documentation."""

PROPERTY_TABLE: Mapping[str, Property] = MappingProxyType({entry.name: entry for entry in PROPERTIES})
"""The same by name; names that end in ``.*`` stand for all that begin so."""


def find_property(name: str, table: Mapping[str, Property] = PROPERTY_TABLE) -> Property | None:
    """The entry for `name`, be it of that name or of a family (``htrace.*``); None if there is none."""
    found = table.get(name)
    if found is None:
        parts = name.split(".")
        families = (".".join((*parts[:depth], "*")) for depth in range(len(parts) - 1, 0, -1))
        found = next((table[family] for family in families if family in table), None)
    return found
