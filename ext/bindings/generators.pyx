# cython: language_level=3
# cython: binding=True
"""Drawing of YCSB operations: the Python face of ``ext/generators``. Types and docstrings are in ``generators.pyi``.

All deciding is done in C++; here decided operations become Python objects. Keys and values are written straight into
the ``bytes`` objects that they are returned as, and field names are the same ``str`` objects every time.
"""

cimport cython
from cpython.bytes cimport PyBytes_AS_STRING, PyBytes_FromStringAndSize, PyBytes_GET_SIZE
from cpython.pycapsule cimport PyCapsule_New
from cpython.dict cimport PyDict_Copy, PyDict_SetItem
from cython.operator cimport dereference
from libc.stdint cimport int64_t, uint64_t
from libc.string cimport memcpy
from libcpp cimport bool as cbool
from libcpp.memory cimport make_unique, unique_ptr
from libcpp.string cimport string
from libcpp.vector cimport vector

from cxx_generators cimport (
    ByteSpan,
    CxxOperation,
    CxxOperationSource,
    Digester,
    Domain,
    KeyNames,
    KeyOrder,
    OpKind,
    RowField,
    RowReader,
    WorkloadSpec,
    cxx_fnv64,
    field_length_distribution,
    fill_deterministic,
    header_size,
    kEmptyRow,
    kOpKinds,
    key_order,
    request_distribution,
    scan_length_distribution,
    string_view,
    write_header,
)

from sys import intern as _intern

cdef const char* SOURCE_CAPSULE = "ycsbpy.OperationSource"

DOMAIN_LOAD = 1
DOMAIN_RUN = 2
DOMAIN_WARMUP = 3


@cython.final
@cython.freelist(256)
cdef class Operation:
    cdef public unsigned long long number
    cdef public int kind
    cdef public bytes key
    cdef public unsigned long long key_number
    cdef public object fields
    cdef public object values
    cdef public unsigned long long scan_length

    def __init__(
        self,
        unsigned long long number,
        int kind,
        bytes key not None,
        *,
        unsigned long long key_number=0,
        fields=None,
        values=None,
        unsigned long long scan_length=0,
    ):
        self.number = number
        self.kind = kind
        self.key = key
        self.key_number = key_number
        self.fields = fields
        self.values = values
        self.scan_length = scan_length

    def __repr__(self):
        return (
            f"Operation({self.number}, {self.kind}, {self.key!r}, key_number={self.key_number}, "
            f"fields={self.fields!r}, values={self.values!r}, scan_length={self.scan_length})"
        )


cdef inline string_view view_of(bytes text) noexcept:
    return string_view(PyBytes_AS_STRING(text), PyBytes_GET_SIZE(text))


cdef Domain domain_of(int domain) except *:
    if domain == 1:
        return Domain.load
    if domain == 2:
        return Domain.run
    if domain == 3:
        return Domain.warmup
    raise ValueError(f"there is no domain {domain}")


@cython.final
cdef class OperationSource:
    cdef unique_ptr[CxxOperationSource] _source
    cdef CxxOperation _drawn
    cdef tuple _names
    cdef tuple _one_field  # (name,) for each field: what an operation that reads one field has in `fields`
    cdef object _all_fields  # what one that reads all has
    cdef dict _row  # all fields, to be copied and filled: quicker than growing a dict
    cdef size_t _key_room

    def __init__(
        self,
        *,
        uint64_t seed,
        uint64_t recordcount,
        uint64_t insertstart,
        uint64_t insertcount,
        uint64_t operationcount,
        proportions,
        str requestdistribution not None,
        double hotspotdatafraction,
        double hotspotopnfraction,
        double exponential_percentile,
        double exponential_frac,
        uint64_t minscanlength,
        uint64_t maxscanlength,
        str scanlengthdistribution not None,
        fieldnames,
        uint64_t minfieldlength,
        uint64_t fieldlength,
        str fieldlengthdistribution not None,
        fieldlengthhistogram,
        uint64_t fieldlengthblocksize,
        cbool readallfields,
        cbool readallfieldsbyname,
        cbool writeallfields,
        cbool dataintegrity,
        str keyprefix not None,
        uint64_t zeropadding,
        str insertorder not None,
    ):
        cdef WorkloadSpec spec
        spec.seed = seed
        spec.recordcount = recordcount
        spec.insertstart = insertstart
        spec.insertcount = insertcount
        spec.operationcount = operationcount
        if len(proportions) != 6:
            raise ValueError("proportions: there must be one for each kind of operation")
        for i, share in enumerate(proportions):
            spec.proportions[<size_t> i] = share
        spec.requestdistribution = request_distribution(view_of(requestdistribution.encode()))
        spec.hotspotdatafraction = hotspotdatafraction
        spec.hotspotopnfraction = hotspotopnfraction
        spec.exponential_percentile = exponential_percentile
        spec.exponential_frac = exponential_frac
        spec.minscanlength = minscanlength
        spec.maxscanlength = maxscanlength
        spec.scanlengthdistribution = scan_length_distribution(view_of(scanlengthdistribution.encode()))
        self._names = tuple(_intern(str(name)) for name in fieldnames)
        if len(set(self._names)) != len(self._names):
            raise ValueError("fieldnames: one is there twice")
        for name in self._names:
            spec.fieldnames.push_back(name.encode())
        spec.minfieldlength = minfieldlength
        spec.fieldlength = fieldlength
        spec.fieldlengthdistribution = field_length_distribution(view_of(fieldlengthdistribution.encode()))
        spec.fieldlengthhistogram = fieldlengthhistogram
        spec.fieldlengthblocksize = fieldlengthblocksize
        spec.readallfields = readallfields
        spec.writeallfields = writeallfields
        spec.dataintegrity = dataintegrity
        spec.keyprefix = keyprefix.encode()
        spec.zeropadding = zeropadding
        spec.key_order = key_order(view_of(insertorder.encode()))
        self._source = make_unique[CxxOperationSource](spec)
        self._one_field = tuple((name,) for name in self._names)
        self._all_fields = self._names if readallfieldsbyname else None
        self._row = dict.fromkeys(self._names)
        self._key_room = dereference(self._source).key_room()

    cdef CxxOperationSource* checked(self) except NULL:
        if self._source == NULL:
            raise ValueError("the source was made without its parameters")
        return self._source.get()

    def _capsule(self):
        """The C++ object for the engine, which copies it: a copy shares the counters of inserts and deletes."""
        return PyCapsule_New(self.checked(), SOURCE_CAPSULE, NULL)

    def clone(self):
        cdef OperationSource other = OperationSource.__new__(OperationSource)
        other._source = make_unique[CxxOperationSource](dereference(self.checked()))
        other._names = self._names
        other._one_field = self._one_field
        other._all_fields = self._all_fields
        other._row = self._row
        other._key_room = self._key_room
        return other

    def draw(self, int domain, uint64_t number):
        self.checked().draw(domain_of(domain), number, self._drawn)
        return self._operation(number)

    def draw_as(self, int kind, int domain, uint64_t number):
        if kind < 0 or kind >= <int> kOpKinds or kind == <int> OpKind.scan:
            raise ValueError(f"no row of a batch is of kind {kind}")
        self.checked().draw_as(<OpKind> <unsigned char> kind, domain_of(domain), number, self._drawn)
        return self._operation(number)

    cdef Operation _operation(self, uint64_t number):
        cdef Operation op = Operation.__new__(Operation)
        op.number = number
        op.kind = <int> self._drawn.kind
        op.key_number = self._drawn.record
        op.scan_length = self._drawn.scan_length
        op.key = self._key()
        if self._drawn.reads:
            op.fields = self._all_fields if self._drawn.read_field < 0 else self._one_field[self._drawn.read_field]
        if self._drawn.values.size() != 0:
            op.values = self._values(op.key)
        return op

    cdef bytes _key(self):
        cdef char room[128]
        cdef vector[char] more
        cdef char* out = room
        if self._key_room > sizeof(room):
            more.resize(self._key_room)
            out = more.data()
        cdef size_t size = dereference(self._source).write_key(self._drawn.record, out)
        return PyBytes_FromStringAndSize(out, size)

    cdef dict _values(self, bytes key):
        cdef size_t count = self._drawn.values.size()
        cdef dict values = PyDict_Copy(self._row) if count > 1 else {}
        cdef bytes value
        cdef size_t i
        for i in range(count):
            value = PyBytes_FromStringAndSize(NULL, self._drawn.values[i].length)
            dereference(self._source).write_value(
                self._drawn, self._drawn.values[i], view_of(key), PyBytes_AS_STRING(value)
            )
            PyDict_SetItem(values, self._names[self._drawn.values[i].field], value)
        return values

    def acknowledge(self, uint64_t key_number, cbool ok):
        self.checked().keys().acknowledge(key_number, ok)

    @property
    def limit(self):
        return self.checked().keys().limit()

    @property
    def inserted(self):
        return self.checked().keys().inserted()

    def expected_values(self, bytes key not None, fields):
        cdef size_t size = self.checked().spec().fieldlength
        cdef dict values = {}
        cdef bytes value, name
        for field in fields:
            name = (<str?> field).encode()
            value = PyBytes_FromStringAndSize(NULL, size)
            fill_deterministic(view_of(key), view_of(name), PyBytes_AS_STRING(value), size)
            values[field] = value
        return values

    def digest(self, int domain, uint64_t first, uint64_t count, cbool row=False):
        cdef Domain which = domain_of(domain)
        cdef unique_ptr[Digester] digester = make_unique[Digester](dereference(self.checked()))
        cdef uint64_t digest
        with nogil:  # on a copy of the source: another thread may draw from this one meanwhile
            digest = dereference(digester).run(which, first, count, row)
        return digest


def fnv64(uint64_t number):
    return cxx_fnv64(number)


def key_name(uint64_t number, *, str prefix not None, uint64_t zeropadding, str order not None):
    cdef KeyOrder names_order = key_order(view_of(order.encode()))
    cdef unique_ptr[KeyNames] names = make_unique[KeyNames](<string> prefix.encode(), <size_t> zeropadding, names_order)
    cdef vector[char] room
    room.resize(dereference(names).room())
    return PyBytes_FromStringAndSize(room.data(), dereference(names).write(number, room.data()))


def encode_row(values, columns):
    cdef dict fields = values if type(values) is dict else dict(values)
    cdef vector[int64_t] numbers
    cdef size_t size = 0 if fields else 1
    cdef cbool in_order = True
    cdef int64_t column
    cdef bytes value
    for name, value in fields.items():
        column = columns[name]
        in_order = in_order and (numbers.empty() or numbers.back() < column)
        numbers.push_back(column)
        size += header_size(column, len(value)) + len(value)
    cdef list row_values = list(fields.values())
    if not in_order:
        in_column_order = sorted(zip(numbers, row_values, strict=True))
        numbers = [column for column, _ in in_column_order]
        row_values = [value for _, value in in_column_order]
    cdef bytes row = PyBytes_FromStringAndSize(NULL, size)
    cdef char* out = PyBytes_AS_STRING(row)
    cdef size_t i
    if numbers.empty():
        out[0] = kEmptyRow
    for i in range(numbers.size()):
        value = row_values[i]
        out = write_header(numbers[i], len(value), out)
        memcpy(out, PyBytes_AS_STRING(value), len(value))
        out += len(value)
    return row


def decode_row(bytes data not None, names, fields=None):
    cdef unique_ptr[RowReader] reader = make_unique[RowReader](
        ByteSpan(<const unsigned char*> PyBytes_AS_STRING(data), PyBytes_GET_SIZE(data))
    )
    cdef int64_t count = len(names)
    cdef int64_t last = -1
    cdef cbool in_order = True
    cdef RowField field
    cdef dict row = {}
    while not dereference(reader).done():
        field = dereference(reader).next()
        if field.column < 0 or field.column >= count:
            continue
        in_order = in_order and field.column > last
        last = field.column
        name = names[field.column]
        if fields is None or name in fields:
            row[name] = PyBytes_FromStringAndSize(<const char*> field.value.data(), field.value.size())
    if in_order:
        return row
    return {name: row[name] for name in names if name in row}
