# Extern declarations of ext/engine; nothing here exists at run time.

from libc.stdint cimport int64_t, uint8_t, uint32_t, uint64_t
from libcpp cimport bool
from libcpp.map cimport map as cppmap
from libcpp.pair cimport pair
from libcpp.string cimport string
from libcpp.vector cimport vector

from cxx_generators cimport CxxOperationSource, Domain
from cxx_recording cimport CxxRecorder, CxxSampleQueue


cdef extern from "kvproto/meta.hpp" namespace "ycsbpy::kvproto" nogil:
    cdef enum class PeerRole(unsigned char):
        voter

    cdef cppclass Epoch:
        uint64_t conf_ver
        uint64_t version

    cdef cppclass Peer:
        uint64_t id
        uint64_t store_id
        PeerRole role
        bool is_witness

    cdef cppclass Region:
        uint64_t id
        string start
        string end
        Epoch epoch
        vector[Peer] peers


cdef extern from "loop/tls.hpp" namespace "ycsbpy::loop" nogil:
    const bool kHasTls

    cdef cppclass TlsFiles:
        string ca
        string cert
        string key


cdef extern from "engine/shared.hpp" namespace "ycsbpy::engine" nogil:
    const uint64_t kNoCount

    cdef cppclass KindNumbers:
        size_t size()
        uint8_t* data()

    cdef cppclass Plan:
        uint32_t threads
        uint64_t clients
        uint32_t connections
        uint32_t batch_limit
        Domain domain
        uint64_t count
        bool paced
        uint64_t period_numerator
        uint64_t period_denominator
        int64_t origin_ns
        int64_t deadline_ns
        int64_t timeout_ns
        bool repeats_writes
        string key_prefix
        string key_end
        string column_family
        uint64_t api_version
        uint64_t keyspace_id
        uint64_t ttl
        CxxSampleQueue* samples
        uint64_t batch_size
        KindNumbers recorded_as
        TlsFiles tls

    cdef cppclass Located:
        string key
        bool found
        Region region
        Peer leader
        vector[pair[uint64_t, string]] addresses
        string problem


cdef extern from "engine/error_counts.hpp" namespace "ycsbpy::engine" nogil:
    cdef cppclass ErrorRow:
        int kind
        int outcome
        string name
        uint64_t count
        string example


cdef extern from "engine/worker.hpp" namespace "ycsbpy::engine" nogil:
    cdef cppclass ThreadLoad:
        int64_t lived_ns
        int64_t cpu_ns
        int64_t waited_ns


cdef extern from "engine/engine.hpp" namespace "ycsbpy::engine" nogil:
    cdef cppclass Totals:
        uint64_t begun
        uint64_t requests
        uint64_t recorded
        uint64_t errors
        uint64_t violations
        string violation
        int64_t ended_ns
        int64_t worst_lag_ns

    cdef cppclass CxxEngine "ycsbpy::engine::Engine":
        CxxEngine(const Plan&, const CxxOperationSource&) except +
        void know(const Located&) except +
        void start() except +
        bool is_running()
        void stop(bool)
        vector[pair[uint32_t, string]] questions(int64_t) except +
        void answer(uint32_t, const Located&) except +
        void join()
        Totals totals() except +
        vector[ThreadLoad] loads() except +
        vector[ErrorRow] errors() except +
        cppmap[string, uint64_t] attempts() except +
        void merge_into(CxxRecorder&) except +
        string broken()
