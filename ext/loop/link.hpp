// A connection's bytes: the socket as it is, or with TLS on it.
#pragma once

#include <cstddef>
#include <memory>
#include <span>
#include <string>
#include <utility>

#include "loop/reactor.hpp"
#include "loop/socket.hpp"
#include "loop/tls.hpp"

namespace ycsbpy::loop {

class Link {
  public:
    Link() = default;

    /// Begin to connect to HOST:PORT, with TLS if there is a context; the link is false, and errno set, where that
    /// fails at once.
    Link(const std::string& address, const TlsContext* tls) : _fd(connect_to(address)) {
        if (_fd && tls != nullptr) {
            _tls = std::make_unique<TlsSession>(*tls, split_address(address).host);
        }
    }

    [[nodiscard]] explicit operator bool() const noexcept { return static_cast<bool>(_fd); }
    [[nodiscard]] int fd() const noexcept { return _fd.get(); }
    [[nodiscard]] bool is_plain() const noexcept { return _tls == nullptr; }

    /// With TLS, once connected and until it is done.
    [[nodiscard]] TlsSession::Handshake handshake() { return _tls->handshake(_fd.get()); }

    /// See `read_some` and `write_some`.
    [[nodiscard]] std::ptrdiff_t read(std::span<std::byte> room) {
        return is_plain() ? read_some(_fd.get(), room) : _tls->read(_fd.get(), room);
    }
    [[nodiscard]] std::ptrdiff_t write(std::span<iovec> places) {
        return is_plain() ? write_some(_fd.get(), places) : _tls->write(_fd.get(), places);
    }

    /// Whether bytes that were taken wait for the socket.
    [[nodiscard]] bool has_unsent() const noexcept { return !is_plain() && _tls->has_unsent(); }

    /// What is known of why it broke; `otherwise` where that is nothing.
    [[nodiscard]] std::string problem(const char* otherwise) const {
        return is_plain() || _tls->problem().empty() ? std::string(otherwise) : _tls->problem();
    }

  private:
    Fd _fd;
    std::unique_ptr<TlsSession> _tls;
};

}  // namespace ycsbpy::loop
