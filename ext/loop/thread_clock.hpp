// What a thread has had of the processors, and how long it waited for one. Linux.
#pragma once

#include <cstdint>
#include <cstdio>
#include <ctime>
#include <memory>

namespace ycsbpy::loop {

/// Nanoseconds since the thread began.
struct ThreadTimes {
    std::int64_t cpu_ns = 0;
    std::int64_t waited_ns = 0;  ///< able to run, on no processor; 0 where the kernel does not count it
};

/// Of the calling thread.
[[nodiscard]] inline ThreadTimes thread_times() noexcept {
    ThreadTimes times;
    timespec cpu{};
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &cpu);
    times.cpu_ns = cpu.tv_sec * 1'000'000'000 + cpu.tv_nsec;
    const std::unique_ptr<std::FILE, int (*)(std::FILE*)> file(std::fopen("/proc/thread-self/schedstat", "re"),
                                                               &std::fclose);
    long long running = 0;
    long long waited = 0;
    if (file != nullptr && std::fscanf(file.get(), "%lld %lld", &running, &waited) == 2) {
        times.waited_ns = waited;
    }
    return times;
}

}  // namespace ycsbpy::loop
