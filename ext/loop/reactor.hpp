// The system calls: what is readable or writable, when a time has come, and a nudge from another thread. Linux.
//
// A reactor belongs to one thread; only `Nudge::give` may be called from others.
#pragma once

#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstdint>
#include <ctime>
#include <span>
#include <system_error>
#include <utility>

#include "loop/clock.hpp"

namespace ycsbpy::loop {

/// A descriptor that is closed with its owner.
class Fd {
  public:
    explicit Fd(int fd = -1) noexcept : _fd(fd) {}
    Fd(Fd&& other) noexcept : _fd(std::exchange(other._fd, -1)) {}
    Fd& operator=(Fd&& other) noexcept {
        std::swap(_fd, other._fd);
        return *this;
    }
    Fd(const Fd&) = delete;
    Fd& operator=(const Fd&) = delete;
    ~Fd() {
        if (_fd >= 0) {
            ::close(_fd);
        }
    }
    [[nodiscard]] int get() const noexcept { return _fd; }
    [[nodiscard]] explicit operator bool() const noexcept { return _fd >= 0; }

  private:
    int _fd;
};

/// Wakes a reactor that waits.
class Nudge {
  public:
    Nudge() : _fd(eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC)) {
        if (!_fd) {
            throw std::system_error(errno, std::generic_category(), "eventfd");
        }
    }
    void give() const noexcept {
        const std::uint64_t one = 1;
        [[maybe_unused]] const auto ignored = ::write(_fd.get(), &one, sizeof one);
    }
    void take() const noexcept {
        std::uint64_t count = 0;
        [[maybe_unused]] const auto ignored = ::read(_fd.get(), &count, sizeof count);
    }
    [[nodiscard]] int fd() const noexcept { return _fd.get(); }

  private:
    Fd _fd;
};

class Reactor {
  public:
    static constexpr std::size_t kEvents = 64;

    Reactor() : _fd(epoll_create1(EPOLL_CLOEXEC)) {
        if (!_fd) {
            throw std::system_error(errno, std::generic_category(), "epoll_create1");
        }
    }

    void add(int fd, std::uint32_t events, std::uint64_t data) { control(EPOLL_CTL_ADD, fd, events, data); }
    void change(int fd, std::uint32_t events, std::uint64_t data) { control(EPOLL_CTL_MOD, fd, events, data); }
    void remove(int fd) noexcept { epoll_ctl(_fd.get(), EPOLL_CTL_DEL, fd, nullptr); }

    /// What has happened, waiting until `deadline_ns` (-1: for ever; in the past: not at all).
    [[nodiscard]] std::span<const epoll_event> wait(std::int64_t deadline_ns) {
        const int count = wait_some(deadline_ns);
        return {_events.data(), count > 0 ? static_cast<std::size_t>(count) : 0};
    }

  private:
#ifdef YCSBPY_VIRTUAL_CLOCK
    int wait_some(std::int64_t deadline_ns) { return wait_for_events(_fd.get(), _events, deadline_ns); }
#else
    int wait_some(std::int64_t deadline_ns) {
        if (deadline_ns < 0) {
            return epoll_wait(_fd.get(), _events.data(), kEvents, -1);
        }
        const std::int64_t left = deadline_ns - now_ns();
        if (left <= 0) {
            return epoll_wait(_fd.get(), _events.data(), kEvents, 0);
        }
#ifdef SYS_epoll_pwait2
        if (_has_pwait2) {  // to the nanosecond; epoll_wait only knows milliseconds
            const timespec timeout{left / 1'000'000'000, left % 1'000'000'000};
            const auto count =
                ::syscall(SYS_epoll_pwait2, _fd.get(), _events.data(), static_cast<int>(kEvents), &timeout, nullptr, 0);
            if (count >= 0 || errno != ENOSYS) {
                return static_cast<int>(count);
            }
            _has_pwait2 = false;
        }
#endif
        return epoll_wait(_fd.get(), _events.data(), kEvents, static_cast<int>(left / 1'000'000));
    }
#endif

    void control(int what, int fd, std::uint32_t events, std::uint64_t data) {
        epoll_event event{};
        event.events = events;
        event.data.u64 = data;
        if (epoll_ctl(_fd.get(), what, fd, &event) != 0) {
            throw std::system_error(errno, std::generic_category(), "epoll_ctl");
        }
    }

    Fd _fd;
    std::array<epoll_event, kEvents> _events{};
    [[maybe_unused]] bool _has_pwait2 = true;
};

}  // namespace ycsbpy::loop
