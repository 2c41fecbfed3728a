# cython: language_level=3
# cython: binding=True
"""The native engine: the Python face of ``ext/engine``. Types and docstrings are in ``engine.pyi``."""

cimport cython
from cpython.pycapsule cimport PyCapsule_GetPointer
from cython.operator cimport dereference
from libc.stdint cimport int64_t, uint32_t, uint64_t
from libcpp cimport bool as cbool
from libcpp.memory cimport make_unique, unique_ptr
from libcpp.pair cimport pair
from libcpp.string cimport string
from libcpp.vector cimport vector

from cxx_engine cimport CxxEngine, ErrorRow, Located, Peer, PeerRole, Plan, Totals, kHasTls, kNoCount
from cxx_generators cimport CxxOperationSource, Domain
from cxx_recording cimport CxxRecorder, CxxSampleQueue


HAS_TLS = <bint> kHasTls


cdef Located located_of(bytes key, region) except *:
    cdef Located located
    cdef Peer peer
    located.key = key
    if region is None:
        located.found = False
        return located
    region_id, start, end, conf_ver, version, peers, leader, addresses = region
    located.found = True
    located.region.id = region_id
    located.region.start = start
    located.region.end = end
    located.region.epoch.conf_ver = conf_ver
    located.region.epoch.version = version
    for peer_id, store_id, role in peers:
        peer.id = peer_id
        peer.store_id = store_id
        peer.role = <PeerRole> <unsigned char> role
        located.region.peers.push_back(peer)
        if peer_id == leader:
            located.leader = peer
    for store_id, address in addresses:
        located.addresses.push_back(pair[uint64_t, string](<uint64_t> store_id, <string> (<bytes> address)))
    return located


@cython.final
cdef class Engine:
    cdef unique_ptr[CxxEngine] _engine
    cdef object _samples

    def __init__(
        self,
        source,
        *,
        uint32_t threads,
        uint64_t clients,
        uint32_t connections,
        uint32_t batch_limit,
        int domain,
        count,
        period,
        int64_t origin_ns,
        int64_t deadline_ns,
        int64_t timeout_ns,
        cbool repeats_writes,
        bytes key_prefix not None,
        bytes key_end not None,
        bytes column_family not None=b"",
        uint64_t api_version=0,
        uint64_t keyspace_id=0,
        uint64_t ttl=0,
        samples=None,
        uint64_t batch_size=1,
        recorded_as=(0, 1, 2, 3, 4, 5),
        tls=(b"", b"", b""),
    ):
        cdef Plan plan
        plan.threads = threads
        plan.clients = clients
        plan.connections = connections
        plan.batch_limit = batch_limit
        plan.domain = <Domain> <unsigned char> domain
        plan.count = kNoCount if count is None else count
        plan.paced = period is not None
        if period is not None:
            plan.period_numerator, plan.period_denominator = period
        plan.origin_ns = origin_ns
        plan.deadline_ns = deadline_ns
        plan.timeout_ns = timeout_ns
        plan.repeats_writes = repeats_writes
        plan.key_prefix = key_prefix
        plan.key_end = key_end
        plan.column_family = column_family
        plan.api_version = api_version
        plan.keyspace_id = keyspace_id
        plan.ttl = ttl
        plan.samples = NULL
        if samples is not None:
            self._samples = samples  # it has to outlive the threads
            plan.samples = <CxxSampleQueue*> PyCapsule_GetPointer(samples._capsule(), "ycsbpy.SampleQueue")
        plan.batch_size = batch_size
        plan.tls.ca, plan.tls.cert, plan.tls.key = tls
        if len(recorded_as) != <Py_ssize_t> plan.recorded_as.size():
            raise ValueError(f"recorded_as: {plan.recorded_as.size()} kinds have a number each")
        for kind, number in enumerate(recorded_as):
            plan.recorded_as.data()[<size_t> kind] = number
        cdef CxxOperationSource* drawn = <CxxOperationSource*> PyCapsule_GetPointer(
            source._capsule(), "ycsbpy.OperationSource"
        )
        self._engine = make_unique[CxxEngine](plan, dereference(drawn))

    cdef CxxEngine* checked(self) except NULL:
        if self._engine == NULL:
            raise ValueError("the engine was made without its parameters")
        return self._engine.get()

    def know(self, region not None):
        self.checked().know(located_of(b"", region))

    def start(self):
        self.checked().start()

    def stop(self, *, cbool at_once=False):
        self.checked().stop(at_once)

    def questions(self, int64_t wait_ns):
        cdef CxxEngine* engine = self.checked()
        cdef vector[pair[uint32_t, string]] asked
        with nogil:
            asked = engine.questions(wait_ns)
        return [(one.first, <bytes> one.second) for one in asked]

    def answer(self, uint32_t thread, bytes key not None, region, str problem=""):
        cdef Located located = located_of(key, region)
        located.problem = problem.encode()
        self.checked().answer(thread, located)

    def join(self):
        cdef CxxEngine* engine = self.checked()
        with nogil:
            engine.join()

    @property
    def running(self):
        return self.checked().is_running()

    @property
    def broken(self):
        return self.checked().broken().decode(errors="replace")

    def totals(self):
        cdef CxxEngine* engine = self.checked()
        cdef Totals totals
        with nogil:
            totals = engine.totals()
        return {
            "begun": totals.begun,
            "requests": totals.requests,
            "recorded": totals.recorded,
            "errors": totals.errors,
            "violations": totals.violations,
            "violation": totals.violation.decode(errors="replace"),
            "ended_ns": totals.ended_ns,
            "worst_lag_ns": totals.worst_lag_ns,
        }

    def loads(self):
        return [(load.lived_ns, load.cpu_ns, load.waited_ns) for load in self.checked().loads()]

    def errors(self):
        cdef CxxEngine* engine = self.checked()
        cdef vector[ErrorRow] rows
        with nogil:
            rows = engine.errors()
        return [
            (row.kind, row.outcome, row.name.decode(errors="replace"), row.count, row.example.decode(errors="replace"))
            for row in rows
        ]

    def attempts(self):
        counts = {}
        for one in self.checked().attempts():
            counts[one.first.decode()] = one.second
        return counts

    def merge_into(self, recorder):
        cdef CxxRecorder* into = <CxxRecorder*> PyCapsule_GetPointer(recorder._capsule(), "ycsbpy.Recorder")
        cdef CxxEngine* engine = self.checked()
        with nogil:  # a thread may be waiting for room among the samples, and who makes room needs the interpreter
            engine.merge_into(dereference(into))
