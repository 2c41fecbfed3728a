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
    NullStores(std::size_t stores, std::string_view value, std::uint64_t drop_after = 0)
        : _answers(value), _drop_after(drop_after), _room(kReadRoom) {
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
            const auto events = _reactor.wait(-1);
            const std::lock_guard lock(_mutex);
            for (const epoll_event& event : events) {
                if (event.data.u64 < _listeners.size()) {
                    accept_all(_listeners[event.data.u64].get());
                } else if (event.data.u64 != kNudge) {
                    serve(event.data.u64 - _listeners.size());
                }
            }
        }
    }

    void stop() noexcept {
        _stopped.store(true);
        _nudge.give();
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
            _sessions[place] = {std::make_unique<Session>(std::move(fd), _answers, _counts, _drop_after), false};
            ++_counts.connections;
        }
    }

    void serve(std::size_t place) {
        auto& [session, watches_write] = _sessions[place];
        if (session == nullptr) {
            return;
        }
        if (!session->serve(_room)) {
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
