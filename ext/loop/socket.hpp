// TCP sockets that never block. Linux.
#pragma once

#include <fcntl.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <sys/uio.h>

#include <cerrno>
#include <cstddef>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <utility>

#include "loop/reactor.hpp"

namespace ycsbpy::loop {

/// HOST:PORT or [V6]:PORT, taken apart.
struct Address {
    std::string host;
    std::string port;
};

[[nodiscard]] inline Address split_address(std::string_view address) {
    const std::size_t colon = address.rfind(':');
    std::string host(address.substr(0, colon == std::string_view::npos ? address.size() : colon));
    if (host.size() >= 2 && host.front() == '[' && host.back() == ']') {
        host = host.substr(1, host.size() - 2);
    }
    return {std::move(host), std::string(colon == std::string_view::npos ? "" : address.substr(colon + 1))};
}

/// Begin to connect to HOST:PORT (or [V6]:PORT); an empty Fd, and errno, where that fails at once. Looking up a name
/// blocks; stores are mostly known by number.
[[nodiscard]] inline Fd connect_to(std::string_view address) {
    const auto [host, port] = split_address(address);
    addrinfo hints{};
    hints.ai_socktype = SOCK_STREAM;
    addrinfo* found = nullptr;
    if (getaddrinfo(host.c_str(), port.c_str(), &hints, &found) != 0 || found == nullptr) {
        errno = EHOSTUNREACH;
        return Fd();
    }
    const std::unique_ptr<addrinfo, decltype(&freeaddrinfo)> list(found, &freeaddrinfo);
    Fd fd(::socket(found->ai_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
    if (!fd) {
        return fd;
    }
    const int on = 1;
    setsockopt(fd.get(), IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    if (::connect(fd.get(), found->ai_addr, found->ai_addrlen) != 0 && errno != EINPROGRESS) {
        return Fd();
    }
    return fd;
}

/// The error of a connection that has been tried; 0 when it is there.
[[nodiscard]] inline int connect_error(int fd) noexcept {
    int error = 0;
    socklen_t size = sizeof error;
    return getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &size) == 0 ? error : errno;
}

/// Bytes read; 0 at the end; -1 where there are none now; -2 where the connection is lost.
[[nodiscard]] inline std::ptrdiff_t read_some(int fd, std::span<std::byte> room) noexcept {
    for (;;) {
        const auto count = ::recv(fd, room.data(), room.size(), 0);
        if (count >= 0) {
            return count;
        }
        if (errno != EINTR) {
            return errno == EAGAIN || errno == EWOULDBLOCK ? -1 : -2;
        }
    }
}

/// Bytes written; 0 where the socket takes none now; -2 where the connection is lost.
[[nodiscard]] inline std::ptrdiff_t write_some(int fd, std::span<iovec> places) noexcept {
    msghdr message{};
    message.msg_iov = places.data();
    message.msg_iovlen = places.size();
    for (;;) {
        const auto count = ::sendmsg(fd, &message, MSG_NOSIGNAL);
        if (count >= 0) {
            return count;
        }
        if (errno != EINTR) {
            return errno == EAGAIN || errno == EWOULDBLOCK ? 0 : -2;
        }
    }
}

}  // namespace ycsbpy::loop
