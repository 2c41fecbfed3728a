# Extern declarations of ext/generators; nothing here exists at run time.

from libc.stdint cimport int32_t, int64_t, uint8_t, uint32_t, uint64_t
from libcpp cimport bool
from libcpp.memory cimport shared_ptr
from libcpp.string cimport string
from libcpp.vector cimport vector


cdef extern from "<string_view>" namespace "std" nogil:
    cdef cppclass string_view:
        string_view()
        string_view(const char*, size_t)


cdef extern from "<array>" namespace "std" nogil:
    cdef cppclass Proportions "std::array<double, 6>":
        double& operator[](size_t)


cdef extern from "generators/rng.hpp" namespace "ycsbpy" nogil:
    cdef enum class Domain(uint8_t):
        load
        run
        warmup


cdef extern from "generators/operation.hpp" namespace "ycsbpy" nogil:
    const size_t kOpKinds

    cdef enum class OpKind(uint8_t):
        read
        update
        insert
        scan
        read_modify_write
        remove

    cdef int32_t kAllFields

    cdef cppclass ValuePlan:
        uint64_t state
        uint32_t field
        uint32_t length

    cdef cppclass CxxOperation "ycsbpy::Operation":
        uint64_t number
        uint64_t record
        OpKind kind
        bool reads
        int32_t read_field
        uint64_t scan_length
        vector[ValuePlan] values


cdef extern from "generators/key_names.hpp" namespace "ycsbpy" nogil:
    cdef enum class KeyOrder(uint8_t):
        ordered
        hashed
        hashed_big_endian


cdef extern from "generators/workload_spec.hpp" namespace "ycsbpy" nogil:
    cdef cppclass RequestDistribution:
        pass

    cdef cppclass LengthDistribution:
        pass

    RequestDistribution request_distribution "ycsbpy::names::request_distribution"(string_view) except +
    LengthDistribution scan_length_distribution "ycsbpy::names::scan_length_distribution"(string_view) except +
    LengthDistribution field_length_distribution "ycsbpy::names::field_length_distribution"(string_view) except +
    KeyOrder key_order "ycsbpy::names::key_order"(string_view) except +

    cdef cppclass WorkloadSpec:
        WorkloadSpec() except +
        uint64_t seed
        uint64_t recordcount
        uint64_t insertstart
        uint64_t insertcount
        uint64_t operationcount
        Proportions proportions
        RequestDistribution requestdistribution
        double hotspotdatafraction
        double hotspotopnfraction
        double exponential_percentile
        double exponential_frac
        uint64_t minscanlength
        uint64_t maxscanlength
        LengthDistribution scanlengthdistribution
        vector[string] fieldnames
        uint64_t minfieldlength
        uint64_t fieldlength
        LengthDistribution fieldlengthdistribution
        vector[uint64_t] fieldlengthhistogram
        uint64_t fieldlengthblocksize
        bool readallfields
        bool writeallfields
        bool dataintegrity
        string keyprefix
        uint64_t zeropadding
        KeyOrder key_order


cdef extern from "generators/key_names.hpp" namespace "ycsbpy" nogil:
    uint64_t cxx_fnv64 "ycsbpy::fnv64"(uint64_t)

    cdef cppclass KeyNames:
        KeyNames(string, size_t, KeyOrder) except +
        size_t room()
        size_t write(uint64_t, char*)


cdef extern from "generators/live_keys.hpp" namespace "ycsbpy" nogil:
    cdef cppclass LiveKeys:
        uint64_t limit()
        uint64_t inserted()
        void acknowledge(uint64_t, bool) except +


cdef extern from "generators/operation_source.hpp" namespace "ycsbpy" nogil:
    cdef cppclass CxxOperationSource "ycsbpy::OperationSource":
        CxxOperationSource(const WorkloadSpec&) except +
        CxxOperationSource(const CxxOperationSource&) except +
        void draw(Domain, uint64_t, CxxOperation&) except +
        void draw_as(OpKind, Domain, uint64_t, CxxOperation&) except +
        size_t key_room()
        size_t write_key(uint64_t, char*)
        char* write_value(const CxxOperation&, const ValuePlan&, string_view, char*)
        LiveKeys& keys()
        const WorkloadSpec& spec()


cdef extern from "generators/values.hpp" namespace "ycsbpy::values" nogil:
    char* fill_deterministic(string_view, string_view, char*, size_t)


cdef extern from "generators/digest.hpp" namespace "ycsbpy" nogil:
    cdef cppclass Digester:
        Digester(const CxxOperationSource&) except +
        uint64_t run(Domain, uint64_t, uint64_t, bool) except +


cdef extern from "generators/row_codec.hpp" namespace "ycsbpy::row" nogil:
    size_t header_size(int64_t, size_t)
    char* write_header(int64_t, size_t, char*)
    char kEmptyRow

    cdef cppclass ByteSpan "std::span<const unsigned char>":
        ByteSpan()
        ByteSpan(const unsigned char*, size_t)
        const unsigned char* data()
        size_t size()

    cdef cppclass RowField "ycsbpy::row::Field":
        int64_t column
        ByteSpan value

    cdef cppclass RowReader "ycsbpy::row::Reader":
        RowReader(ByteSpan) except +
        bool done()
        RowField next() except +
