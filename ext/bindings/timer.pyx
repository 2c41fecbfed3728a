# cython: language_level=3
# cython: binding=True
"""A timerfd: the Python face of timerfd_create(2). Types and docstrings are in ``timer.pyi``."""

cimport cython
from cpython.exc cimport PyErr_SetFromErrno
from libc.errno cimport EAGAIN, EINTR, errno
from libc.stdint cimport int64_t, uint64_t
from posix.time cimport itimerspec
from posix.unistd cimport close, read


cdef extern from "<sys/timerfd.h>" nogil:
    enum: TFD_TIMER_ABSTIME
    enum: TFD_NONBLOCK
    enum: TFD_CLOEXEC
    int timerfd_create(int clock, int flags)
    int timerfd_settime(int fd, int flags, const itimerspec* new, itimerspec* old)


cdef extern from "<time.h>" nogil:
    enum: CLOCK_MONOTONIC


@cython.final
cdef class TimerFd:
    cdef int _fd

    def __cinit__(self):
        self._fd = -1
        self._fd = timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK | TFD_CLOEXEC)
        if self._fd < 0:
            PyErr_SetFromErrno(OSError)

    def __dealloc__(self):
        self._close()

    cdef int _open(self) except -1:
        if self._fd < 0:
            raise ValueError("the timer is closed")
        return self._fd

    def fileno(self):
        return self._open()

    def arm(self, int64_t deadline_ns):
        cdef int fd = self._open()
        cdef itimerspec spec
        if deadline_ns < 1:
            deadline_ns = 1  # zero would disarm; the clock is past this since boot
        spec.it_interval.tv_sec = 0
        spec.it_interval.tv_nsec = 0
        spec.it_value.tv_sec = deadline_ns // 1_000_000_000
        spec.it_value.tv_nsec = deadline_ns % 1_000_000_000
        if timerfd_settime(fd, TFD_TIMER_ABSTIME, &spec, NULL) < 0:
            PyErr_SetFromErrno(OSError)

    def acknowledge(self):
        cdef int fd = self._open()
        cdef uint64_t expiries
        while read(fd, &expiries, sizeof(expiries)) < 0:
            if errno == EAGAIN:
                return
            if errno != EINTR:
                PyErr_SetFromErrno(OSError)

    def close(self):
        self._close()

    cdef void _close(self) noexcept:
        cdef int fd = self._fd
        self._fd = -1  # first: the number may be someone else's as soon as it is given back
        if fd >= 0:
            close(fd)
