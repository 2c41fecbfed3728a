# cython: language_level=3
# cython: binding=True
"""Stores that keep nothing: the Python face of ``ext/nullstore``. Types and docstrings are in ``nullstore.pyi``."""

cimport cython
from cpython.pycapsule cimport PyCapsule_GetPointer
from cython.operator cimport dereference
from libc.stdint cimport int64_t, uint16_t, uint64_t
from libcpp.memory cimport make_unique, unique_ptr
from libcpp.string cimport string
from libcpp.vector cimport vector

from cxx_recording cimport CxxRecorder


cdef extern from "nullstore/null_stores.hpp" namespace "ycsbpy::nullstore" nogil:
    cdef cppclass Counts:
        uint64_t connections
        uint64_t commands
        uint64_t batches
        uint64_t bytes_in
        uint64_t bytes_out

    cdef cppclass Delay:
        int64_t floor_ns
        int64_t mean_ns
        double rare_share
        int64_t rare_ns

    cdef cppclass CxxNullStores "ycsbpy::nullstore::NullStores":
        CxxNullStores(size_t, const string&, uint64_t, const Delay&) except +
        void merge_into(CxxRecorder&) except +
        vector[uint16_t] ports() except +
        void run() except +
        void stop()
        Counts counts() except +


@cython.final
cdef class NullStores:
    cdef unique_ptr[CxxNullStores] _stores

    def __init__(self, size_t stores, bytes value not None, uint64_t drop_after=0, delay=(0, 0, 0.0, 0)):
        cdef Delay law
        law.floor_ns, law.mean_ns, law.rare_share, law.rare_ns = delay
        self._stores = make_unique[CxxNullStores](stores, <string> value, drop_after, law)

    cdef CxxNullStores* checked(self) except NULL:
        if self._stores == NULL:
            raise ValueError("the stores were made without their parameters")
        return self._stores.get()

    @property
    def ports(self):
        return list(self.checked().ports())

    def run(self):
        cdef CxxNullStores* stores = self.checked()
        with nogil:
            stores.run()

    def stop(self):
        self.checked().stop()

    def merge_into(self, recorder):
        cdef CxxRecorder* into = <CxxRecorder*> PyCapsule_GetPointer(recorder._capsule(), "ycsbpy.Recorder")
        self.checked().merge_into(dereference(into))

    def counts(self):
        cdef Counts counts = self.checked().counts()
        return {
            "connections": counts.connections,
            "commands": counts.commands,
            "batches": counts.batches,
            "bytes_in": counts.bytes_in,
            "bytes_out": counts.bytes_out,
        }
