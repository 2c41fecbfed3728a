// Stores that keep nothing and answer at once, for measuring what a client costs and can do: some listening sockets and
// one thread that serves them all. Linux.
#pragma once

#include <arpa/inet.h>

#include <atomic>
#include <cerrno>
#include <cstdint>
#include <memory>
#include <mutex>
#include <string_view>
#include <system_error>
#include <utility>
#include <vector>

#include "loop/reactor.hpp"
#include "loop/socket.hpp"
#include "nullstore/session.hpp"

namespace ycsbpy::nullstore {

class NullStores {
  public:
    /// Listens on as many free ports of 127.0.0.1. Throws std::system_error where it cannot.
    NullStores(std::size_t stores, std::string_view value, std::uint64_t drop_after = 0, const Delay& delay = {})
        : _answers(value), _drop_after(drop_after), _delays(delay), _room(kReadRoom) {
        _reactor.add(_nudge.fd(), EPOLLIN, kNudge);
        for (std::size_t i = 0; i < stores; ++i) {
            _listeners.push_back(listen_somewhere());
            _reactor.add(_listeners.back().get(), EPOLLIN, i);
        }
    }
    NullStores(const NullStores&) = delete;
    NullStores& operator=(const NullStores&) = delete;

    [[nodiscard]] std::vector<std::uint16_t> ports() const {
        std::vector<std::uint16_t> found;
        for (const loop::Fd& listener : _listeners) {
            sockaddr_in address{};
            socklen_t size = sizeof address;
            ::getsockname(listener.get(), reinterpret_cast<sockaddr*>(&address), &size);
            found.push_back(ntohs(address.sin_port));
        }
        return found;
    }

    /// Serve until `stop` is called.
    void run() {
        while (!_stopped.load()) {
            pass();
        }
    }

    /// Wait for something to do and do it: one turn of `run`.
    void pass() {
        const auto events = _reactor.wait(due_ns());
        const std::lock_guard lock(_mutex);
        for (const epoll_event& event : events) {
            if (event.data.u64 < _listeners.size()) {
                accept_all(_listeners[event.data.u64].get());
            } else if (event.data.u64 != kNudge) {
                serve(event.data.u64 - _listeners.size());
            }
        }
        answer_due();
    }

    void stop() noexcept {
        _stopped.store(true);
        _nudge.give();
    }

    /// Move the times that commands in batches were held back, from being read to being written, into `recorder`, of
    /// one kind and outcome. Only with a delay.
    void merge_into(Recorder& recorder) {
        Recorder taken(1, 1, false);
        {
            const std::lock_guard lock(_mutex);
            _times.swap(taken);
        }
        recorder.add(taken);
    }

    [[nodiscard]] Counts counts() {
        const std::lock_guard lock(_mutex);
        return _counts;
    }

  private:
    static constexpr std::uint64_t kNudge = ~std::uint64_t{0};
    static constexpr std::size_t kReadRoom = std::size_t{256} << 10;

    [[nodiscard]] static loop::Fd listen_somewhere() {
        loop::Fd fd(::socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
        sockaddr_in address{};
        address.sin_family = AF_INET;
        address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
        if (!fd || ::bind(fd.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0 ||
            ::listen(fd.get(), SOMAXCONN) != 0) {
            throw std::system_error(errno, std::generic_category(), "listen");
        }
        return fd;
    }

    void accept_all(int listener) {
        for (;;) {
            loop::Fd fd(::accept4(listener, nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC));
            if (!fd) {
                return;
            }
            const int on = 1;
            ::setsockopt(fd.get(), IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
            if (_free.empty()) {
                _free.push_back(_sessions.size());
                _sessions.emplace_back();
            }
            const std::size_t place = _free.back();
            _free.pop_back();
            _reactor.add(fd.get(), EPOLLIN, place + _listeners.size());
            _sessions[place] = {
                std::make_unique<Session>(std::move(fd), _answers, _counts, _drop_after, _delays, _times), false};
            ++_counts.connections;
        }
    }

    void serve(std::size_t place) {
        if (_sessions[place].session != nullptr) {
            went_on(place, _sessions[place].session->serve(_room));
        }
    }

    [[nodiscard]] std::int64_t due_ns() const noexcept {
        std::int64_t first = -1;
        for (std::size_t i = 0; !_delays.are_none() && i < _sessions.size(); ++i) {
            const std::int64_t due = _sessions[i].session == nullptr ? -1 : _sessions[i].session->due_ns();
            first = first < 0 || (due >= 0 && due < first) ? due : first;
        }
        return first;
    }

    void answer_due() {
        for (std::size_t i = 0; !_delays.are_none() && i < _sessions.size(); ++i) {
            if (_sessions[i].session != nullptr) {
                went_on(i, _sessions[i].session->answer_due());
            }
        }
    }

    void went_on(std::size_t place, bool alive) {
        auto& [session, watches_write] = _sessions[place];
        if (!alive) {
            _reactor.remove(session->fd());
            session.reset();
            _free.push_back(place);
        } else if (session->wants_write() != watches_write) {
            watches_write = session->wants_write();
            _reactor.change(session->fd(), EPOLLIN | (watches_write ? EPOLLOUT : 0U), place + _listeners.size());
        }
    }

    struct Place {
        std::unique_ptr<Session> session;
        bool watches_write = false;
    };

    Answers _answers;
    std::uint64_t _drop_after;
    Delays _delays;
    Recorder _times{1, 1, false};
    std::vector<std::byte> _room;
    loop::Nudge _nudge;
    loop::Reactor _reactor;
    std::vector<loop::Fd> _listeners;
    std::vector<Place> _sessions;
    std::vector<std::size_t> _free;
    std::mutex _mutex;
    Counts _counts;
    std::atomic<bool> _stopped{false};
};

}  // namespace ycsbpy::nullstore
