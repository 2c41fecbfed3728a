// The time that the loop and everything on it go by.
//
// It is the kernel's, and reading it is one call that the compiler sees through. A test program can put its own time in
// its place, to see exactly when things happen instead of waiting for them: it defines YCSBPY_VIRTUAL_CLOCK before it
// includes anything of this, and then the two functions that are declared here. The choice is made by the compiler, so
// a build for use has no trace of it. Linux.
#pragma once

#include <sys/epoll.h>

#include <cstdint>
#include <ctime>
#include <span>

namespace ycsbpy::loop {

#ifdef YCSBPY_VIRTUAL_CLOCK

/// The time; nothing else moves it than waiting does.
[[nodiscard]] std::int64_t now_ns() noexcept;

/// In epoll_wait's place, with a time (-1: none) instead of a time-out. Returns how many events are in `room`; when
/// there are none, it is that time.
[[nodiscard]] int wait_for_events(int epoll, std::span<epoll_event> room, std::int64_t deadline_ns);

#else

/// Nanoseconds of CLOCK_MONOTONIC, as Python's time.monotonic_ns().
[[nodiscard]] inline std::int64_t now_ns() noexcept {
    timespec now{};
    clock_gettime(CLOCK_MONOTONIC, &now);
    return now.tv_sec * 1'000'000'000 + now.tv_nsec;
}

#endif

}  // namespace ycsbpy::loop
