# cython: language_level=3
# cython: binding=True
"""Stores that keep nothing: the Python face of ``ext/nullstore``. Types and docstrings are in ``nullstore.pyi``."""

cimport cython
from libc.stdint cimport uint16_t, uint64_t
from libcpp.memory cimport make_unique, unique_ptr
from libcpp.string cimport string
from libcpp.vector cimport vector


cdef extern from "nullstore/null_stores.hpp" namespace "ycsbpy::nullstore" nogil:
    cdef cppclass Counts:
        uint64_t connections
        uint64_t commands
        uint64_t batches
        uint64_t bytes_in
        uint64_t bytes_out

    cdef cppclass CxxNullStores "ycsbpy::nullstore::NullStores":
        CxxNullStores(size_t, const string&, uint64_t) except +
        vector[uint16_t] ports() except +
        void run() except +
        void stop()
        Counts counts() except +


@cython.final
cdef class NullStores:
    cdef unique_ptr[CxxNullStores] _stores

    def __init__(self, size_t stores, bytes value not None, uint64_t drop_after=0):
        self._stores = make_unique[CxxNullStores](stores, <string> value, drop_after)

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

    def counts(self):
        cdef Counts counts = self.checked().counts()
        return {
            "connections": counts.connections,
            "commands": counts.commands,
            "batches": counts.batches,
            "bytes_in": counts.bytes_in,
            "bytes_out": counts.bytes_out,
        }
