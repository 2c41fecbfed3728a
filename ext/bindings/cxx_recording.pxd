# Extern declarations of ext/recording; nothing here exists at run time.

from libc.stdint cimport int64_t, uint64_t
from libcpp cimport bool
from libcpp.memory cimport unique_ptr
from libcpp.string cimport string
from libcpp.vector cimport vector


cdef extern from "recording/hdr_counts.hpp" namespace "ycsbpy" nogil:
    const uint64_t kLowest "ycsbpy::hdr::kLowest"
    const uint64_t kHighest "ycsbpy::hdr::kHighest"
    const int kSignificantDigits "ycsbpy::hdr::kSignificantDigits"
    const size_t kCounts "ycsbpy::hdr::kCounts"

    cdef cppclass WideSum:
        uint64_t low
        uint64_t high

    cdef cppclass CountsSpan "std::span<const std::uint64_t, ycsbpy::hdr::kCounts>":
        CountsSpan(const uint64_t*, size_t)

    cdef cppclass HdrCounts:
        HdrCounts() except +
        HdrCounts(const HdrCounts&) except +
        void record(uint64_t)
        void record(uint64_t, uint64_t)
        void add(const HdrCounts&)
        void add_counts "add"(CountsSpan, WideSum, uint64_t, uint64_t) except +
        void reset()
        uint64_t value_at_percentile(double)
        uint64_t total()
        WideSum sum()
        uint64_t min()
        uint64_t max()
        uint64_t saturated()
        const uint64_t* counts()


cdef extern from "recording/samples.hpp" namespace "ycsbpy" nogil:
    cdef cppclass Sample:
        pass

    cdef cppclass CxxSampleQueue "ycsbpy::SampleQueue":
        CxxSampleQueue() except +
        bool is_full()
        void wait_for_room() except +
        vector[vector[Sample]] take(int64_t) except +
        void close()
        bool is_closed()
        int64_t held_up_ns()


cdef extern from "recording/sample_text.hpp" namespace "ycsbpy" nogil:
    cdef cppclass SampleName "ycsbpy::SampleText::Name":
        string text
        string outcome
        bool in_total

    cdef cppclass SampleText:
        SampleText(vector[SampleName], size_t, int64_t, bool, bool, bool) except +
        const char* header()
        void append(string&, const vector[Sample]&) except +


cdef extern from "recording/recorder.hpp" namespace "ycsbpy" nogil:
    cdef cppclass CxxRecorder "ycsbpy::Recorder":
        CxxRecorder(size_t, size_t, bool, CxxSampleQueue*) except +
        void count(size_t, size_t, int64_t, int64_t, int64_t) except +
        void flush_samples() except +
        unique_ptr[HdrCounts] take(size_t, size_t, bool)
        uint64_t recorded()
