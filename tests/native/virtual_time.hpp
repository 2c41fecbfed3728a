// A worker of the engine, a null store and a control plane on one thread, in a time of their own.
//
// All three are what they always are, and the bytes go over real sockets; only the clock is not the machine's. It
// stands still while anyone has something to do or bytes are on their way, however long that takes, and then jumps to
// the next time that somebody waits for. So whatever happens, happens at a time that can be calculated, and no load of
// the machine shows in it.
//
// A test program has one source file, and includes this one first.
#pragma once

#define YCSBPY_VIRTUAL_CLOCK

#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdint>
#include <span>
#include <thread>
#include <utility>
#include <vector>

#include "check.hpp"
#include "engine/shared.hpp"
#include "engine/worker.hpp"
#include "engine_kit.hpp"
#include "loop/reactor.hpp"
#include "nullstore/null_stores.hpp"

namespace ycsbpy::virtual_time {

/// Bytes on their way from one side to the other, which the calls below count.
struct Traffic {
    std::int64_t to_store = 0;
    std::int64_t to_engine = 0;
    bool is_store = false;  ///< whose turn it is
};
inline Traffic traffic;

/// From when to when the store does nothing at all; nanoseconds.
struct Stall {
    std::int64_t from = 0;
    std::int64_t to = 0;

    /// When something that is to be done at that time is done.
    [[nodiscard]] std::int64_t after(std::int64_t at) const noexcept { return from <= at && at < to ? to : at; }
};

class World {
  public:
    explicit World(const Stall& stall = {}, const nullstore::Delay& delay = {})
        : _stores(1, row_of_two(), 0, delay), _stall(stall) {
        CHECK(std::exchange(_present, this) == nullptr);
        traffic = {};
    }
    World(const World&) = delete;
    World& operator=(const World&) = delete;
    ~World() { _present = nullptr; }

    [[nodiscard]] static World& present() noexcept { return *_present; }
    [[nodiscard]] static bool is_there() noexcept { return _present != nullptr; }

    /// Any time does, but for 0, which could be taken for none.
    static constexpr std::int64_t kStart = 1'000'000'000'000'007;

    [[nodiscard]] std::int64_t now_ns() const noexcept { return _now_ns; }
    [[nodiscard]] std::uint16_t port() const { return _stores.ports()[0]; }

    /// Run the worker to its end. It knows where the Region is; should it ask, it is told the next of `answers`, and
    /// when there are none left, the last one again.
    void run(engine::Shared& shared, engine::Worker& worker, std::vector<engine::Located> answers = {}) {
        _shared = &shared;
        _answers = answers.empty() ? std::vector{region(port())} : std::move(answers);
        worker.know(_answers.front());
        worker.run();
        _shared = nullptr;
    }

    /// What `loop::wait_for_events` is to do.
    [[nodiscard]] int wait(int epoll, std::span<epoll_event> room, std::int64_t deadline_ns) {
        if (traffic.is_store) {
            _store_due_ns = deadline_ns;
            return _store_events = look(epoll, room);
        }
        for (;;) {
            if (const int count = look(epoll, room); count != 0) {
                return count;
            }
            if (deadline_ns >= 0 && deadline_ns <= _now_ns) {
                return 0;
            }
            if (store_has_done_something() || question_was_answered()) {
                continue;
            }
            if (is_anything_on_its_way()) {
                std::this_thread::yield();
            } else {
                go_on(deadline_ns);
            }
        }
    }

  private:
    [[nodiscard]] static int look(int epoll, std::span<epoll_event> room) {
        const int count = epoll_wait(epoll, room.data(), static_cast<int>(room.size()), 0);
        CHECK(count >= 0 || errno == EINTR);
        return count < 0 ? 0 : count;
    }

    [[nodiscard]] bool is_stalled() const noexcept { return _stall.after(_now_ns) != _now_ns; }

    [[nodiscard]] bool store_has_done_something() {
        if (is_stalled()) {
            return false;
        }
        traffic.is_store = true;
        _stores.pass();
        traffic.is_store = false;
        return _store_events != 0 || (_store_due_ns >= 0 && _store_due_ns <= _now_ns);
    }

    [[nodiscard]] bool question_was_answered() {
        const auto questions = _shared->questions.take(0);
        for (const auto& [thread, key] : questions) {
            _told = std::min(_told + 1, _answers.size() - 1);
            engine::Located answer = _answers[_told];
            answer.key = key;
            _shared->inboxes[thread].put(answer);
        }
        return !questions.empty();
    }

    [[nodiscard]] bool is_anything_on_its_way() const noexcept {
        return traffic.to_engine != 0 || (traffic.to_store != 0 && !is_stalled());
    }

    /// Nobody can do anything before the next of the times that they wait for.
    void go_on(std::int64_t deadline_ns) {
        std::int64_t next = deadline_ns;
        for (const std::int64_t other : {_store_due_ns, is_stalled() ? _stall.to : _stall.from}) {
            if (other > _now_ns && (next < 0 || other < next)) {
                next = other;
            }
        }
        CHECK(next > _now_ns);  // else all would wait for ever
        _now_ns = next;
    }

    inline static World* _present = nullptr;

    nullstore::NullStores _stores;
    Stall _stall;
    std::int64_t _now_ns = kStart;
    engine::Shared* _shared = nullptr;
    std::vector<engine::Located> _answers;
    std::size_t _told = 0;
    std::int64_t _store_due_ns = -1;
    int _store_events = 0;
};

/// A port of 127.0.0.1 at which nobody listens, nor ever will.
class DeadPort {
  public:
    DeadPort() : _fd(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
        _address.sin_family = AF_INET;
        _address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
        socklen_t size = sizeof _address;
        CHECK(::bind(_fd.get(), reinterpret_cast<const sockaddr*>(&_address), size) == 0);
        CHECK(::getsockname(_fd.get(), reinterpret_cast<sockaddr*>(&_address), &size) == 0);
    }
    [[nodiscard]] std::uint16_t port() const noexcept { return ntohs(_address.sin_port); }

  private:
    loop::Fd _fd;
    sockaddr_in _address{};
};

}  // namespace ycsbpy::virtual_time

// ---- what the loop asks

std::int64_t ycsbpy::loop::now_ns() noexcept {
    using ycsbpy::virtual_time::World;
    return World::is_there() ? World::present().now_ns() : World::kStart;
}

int ycsbpy::loop::wait_for_events(int epoll, std::span<epoll_event> room, std::int64_t deadline_ns) {
    return ycsbpy::virtual_time::World::present().wait(epoll, room, deadline_ns);
}

// ---- in the C library's place: the engine and the store use no other calls to send and receive

extern "C" {

ssize_t sendmsg(int fd, const msghdr* message, int flags) {
    const auto count = syscall(SYS_sendmsg, fd, message, flags);
    auto& traffic = ycsbpy::virtual_time::traffic;
    (traffic.is_store ? traffic.to_engine : traffic.to_store) += count > 0 ? count : 0;
    return count;
}

ssize_t recv(int fd, void* room, size_t size, int flags) {
    const auto count = syscall(SYS_recvfrom, fd, room, size, flags, nullptr, nullptr);
    auto& traffic = ycsbpy::virtual_time::traffic;
    (traffic.is_store ? traffic.to_store : traffic.to_engine) -= count > 0 ? count : 0;
    return count;
}

/// A connection that is being made is on its way, too: wait until it is there or refused.
int connect(int fd, const sockaddr* address, socklen_t size) {
    const auto result = syscall(SYS_connect, fd, address, size);
    if (result != 0 && errno == EINPROGRESS) {
        pollfd one{fd, POLLOUT, 0};
        while (poll(&one, 1, -1) < 0 && errno == EINTR) {
        }
        errno = EINPROGRESS;
    }
    return static_cast<int>(result);
}

}  // extern "C"
