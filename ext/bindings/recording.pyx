# cython: language_level=3
# cython: binding=True
"""Counting of latencies: the Python face of ``ext/recording``. Types and docstrings are in ``recording.pyi``."""

cimport cython
from cpython.buffer cimport PyBUF_FORMAT, PyBUF_ND, PyBUF_STRIDES, PyBUF_WRITABLE
from cpython.pycapsule cimport PyCapsule_New
from cython.operator cimport dereference
from libc.stdint cimport int64_t, uint64_t
from libcpp cimport bool as cbool
from libcpp.memory cimport make_unique, unique_ptr
from libcpp.string cimport string
from libcpp.utility cimport move
from libcpp.vector cimport vector

from cxx_recording cimport (
    CountsSpan,
    CxxRecorder,
    CxxSampleQueue,
    HdrCounts,
    Sample,
    SampleName,
    SampleText,
    WideSum,
    kCounts,
    kHighest,
    kLowest,
    kSignificantDigits,
)

LOWEST_NS = kLowest
HIGHEST_NS = kHighest
SIGNIFICANT_DIGITS = kSignificantDigits
COUNTS_LEN = kCounts

cdef char* COUNTER_FORMAT = b"Q"


cdef uint64_t not_negative(int64_t value_ns) except? 0xFFFFFFFFFFFFFFFF:
    if value_ns < 0:
        raise ValueError(f"a latency cannot be negative: {value_ns} ns")
    return <uint64_t> value_ns


@cython.final
cdef class LatencyCounts:
    cdef unique_ptr[HdrCounts] _counts
    cdef Py_ssize_t _shape[1]
    cdef Py_ssize_t _strides[1]

    def __cinit__(self):
        self._counts = make_unique[HdrCounts]()
        self._shape[0] = kCounts
        self._strides[0] = sizeof(uint64_t)

    def record(self, int64_t value_ns, uint64_t count=1):
        dereference(self._counts).record(not_negative(value_ns), count)

    @cython.boundscheck(False)
    @cython.wraparound(False)
    def record_all(self, const uint64_t[::1] values_ns):
        cdef Py_ssize_t i
        cdef HdrCounts* counts = self._counts.get()
        for i in range(values_ns.shape[0]):
            counts.record(values_ns[i])

    def add(self, LatencyCounts other not None):
        dereference(self._counts).add(dereference(other._counts))

    def reset(self):
        dereference(self._counts).reset()

    def copy(self):
        cdef LatencyCounts other = LatencyCounts.__new__(LatencyCounts)
        dereference(other._counts).add(dereference(self._counts))
        return other

    def add_counts(self, counts, sum_ns, int64_t min_ns, int64_t max_ns):
        cdef const uint64_t[::1] buffer = counts
        if buffer.shape[0] != <Py_ssize_t> kCounts:
            raise ValueError(f"counts: {buffer.shape[0]} numbers, not {kCounts}")
        if sum_ns < 0 or sum_ns >> 128:
            raise ValueError("sum_ns: not in 128 bits")
        cdef WideSum wide
        wide.low = sum_ns & 0xFFFFFFFFFFFFFFFF
        wide.high = sum_ns >> 64
        dereference(self._counts).add_counts(
            CountsSpan(&buffer[0], buffer.shape[0]), wide, not_negative(min_ns), not_negative(max_ns)
        )

    def value_at_percentile(self, double percentile):
        if not 0 <= percentile <= 100:
            raise ValueError(f"percentile: {percentile} is not from 0 to 100")
        return dereference(self._counts).value_at_percentile(percentile)

    @property
    def total(self):
        return dereference(self._counts).total()

    @property
    def sum_ns(self):
        cdef WideSum wide = dereference(self._counts).sum()
        return (<object> wide.high << 64) | wide.low if wide.high else wide.low

    @property
    def min_ns(self):
        return dereference(self._counts).min()

    @property
    def max_ns(self):
        return dereference(self._counts).max()

    @property
    def saturated(self):
        return dereference(self._counts).saturated()

    def __getbuffer__(self, Py_buffer* buffer, int flags):
        if flags & PyBUF_WRITABLE:
            raise BufferError("the counters are read-only")
        buffer.buf = <void*> dereference(self._counts).counts()
        buffer.obj = self
        buffer.len = kCounts * sizeof(uint64_t)
        buffer.itemsize = sizeof(uint64_t)
        buffer.readonly = 1
        buffer.ndim = 1
        buffer.format = NULL
        buffer.shape = NULL
        buffer.strides = NULL
        buffer.suboffsets = NULL
        buffer.internal = NULL
        if flags & PyBUF_FORMAT:
            buffer.format = COUNTER_FORMAT
        if flags & PyBUF_ND:
            buffer.shape = self._shape
        if (flags & PyBUF_STRIDES) == PyBUF_STRIDES:
            buffer.strides = self._strides


@cython.final
cdef class SampleQueue:
    cdef unique_ptr[CxxSampleQueue] _queue
    cdef unique_ptr[SampleText] _text
    cdef vector[SampleName] _names
    cdef size_t _outcomes
    cdef cbool _wide
    cdef cbool _totals

    def __cinit__(self, names, *, cbool wide, cbool totals):
        cdef vector[SampleName] made
        cdef SampleName one
        for kind in names:
            if len(kind) != len(names[0]):
                raise ValueError("names: as many outcomes for each kind")
            for title, outcome, in_total in kind:
                one.text = title.encode()
                one.outcome = outcome.encode()
                one.in_total = in_total
                made.push_back(one)
        self._names = made
        self._outcomes = len(names[0]) if names else 0
        self._wide = wide
        self._totals = totals
        self._queue = make_unique[CxxSampleQueue]()
        self.begin(0, paced=False)

    def begin(self, int64_t offset_ns, *, cbool paced):
        self._text = make_unique[SampleText](
            self._names, <size_t> self._outcomes, offset_ns, self._wide, paced, self._totals
        )

    @property
    def header(self):
        return (<bytes> dereference(self._text).header()).decode()

    def take(self, int64_t wait_ns):
        cdef CxxSampleQueue* queue = self._queue.get()
        cdef vector[vector[Sample]] blocks
        cdef string made
        cdef cbool ended
        with nogil:
            ended = queue.is_closed()
            blocks = queue.take(wait_ns)
        cdef SampleText* text = self._text.get()  # only now: ``begin`` makes another, before there is anything to take
        with nogil:
            for i in range(blocks.size()):
                text.append(made, blocks[i])
        return None if ended and blocks.empty() else <bytes> made

    def close(self):
        dereference(self._queue).close()

    @property
    def held_up_ns(self):
        return dereference(self._queue).held_up_ns()

    def _capsule(self):
        """The C++ object for the engine; it lives as long as this one."""
        return PyCapsule_New(self._queue.get(), "ycsbpy.SampleQueue", NULL)


@cython.final
cdef class Recorder:
    cdef unique_ptr[CxxRecorder] _recorder
    cdef SampleQueue _samples
    cdef int _kinds
    cdef int _outcomes
    cdef cbool _response

    def __cinit__(self, int kinds, int outcomes, *, cbool response, SampleQueue samples=None):
        if kinds < 1 or outcomes < 1 or kinds > 1000 or outcomes > 1000:
            raise ValueError("kinds, outcomes: must be from 1 to 1000")
        self._kinds = kinds
        self._outcomes = outcomes
        self._response = response
        self._samples = samples
        cdef CxxSampleQueue* queue = samples._queue.get() if samples is not None else NULL
        self._recorder = make_unique[CxxRecorder](<size_t> kinds, <size_t> outcomes, response, queue)

    def record(self, int kind, int outcome, int64_t intended_ns, int64_t start_ns, int64_t end_ns):
        if kind < 0 or kind >= self._kinds or outcome < 0 or outcome >= self._outcomes:
            raise ValueError(f"there is no kind {kind} with outcome {outcome}")
        if end_ns < start_ns or (self._response and end_ns < intended_ns):
            raise ValueError(f"ended at {end_ns} ns, before its start ({start_ns} ns, meant to be {intended_ns} ns)")
        dereference(self._recorder).count(kind, outcome, intended_ns, start_ns, end_ns)
        if self._samples is not None and dereference(self._samples._queue).is_full():
            self.wait_for_room()

    cdef wait_for_room(self):
        """Let the writer have the interpreter meanwhile, or it could never make room."""
        cdef CxxSampleQueue* queue = self._samples._queue.get()
        with nogil:
            queue.wait_for_room()

    def flush_samples(self):
        dereference(self._recorder).flush_samples()

    def _capsule(self):
        """The C++ object for the engine, which adds to it while the interpreter waits."""
        return PyCapsule_New(self._recorder.get(), "ycsbpy.Recorder", NULL)

    def take(self):
        cdef unique_ptr[HdrCounts] taken
        cdef LatencyCounts counts
        cdef int kind, outcome
        cdef cbool response
        taken_counts = {}
        for kind in range(self._kinds):
            for outcome in range(self._outcomes):
                for response in (False, True):
                    taken = dereference(self._recorder).take(kind, outcome, response)
                    if taken != NULL:
                        counts = LatencyCounts.__new__(LatencyCounts)
                        counts._counts = move(taken)
                        taken_counts[kind, outcome, response] = counts
        return taken_counts

    @property
    def recorded(self):
        return dereference(self._recorder).recorded()
