// Flow control (RFC 9113, section 5.2 and 6.9): how much a peer may still send, counted at both ends.
//
// 1. A sender may never send more than the window; zero bytes are always allowed. The peer widens it with WINDOW_UPDATE
//    and shifts those of all streams, also below zero, when it changes SETTINGS_INITIAL_WINDOW_SIZE.
// 2. A receiver counts down what comes. What it gives out to its user it owes back to the peer.
// 3. It pays back lazily: once half of the window is owed, in one WINDOW_UPDATE. Paying each frame back at once would
//    cost a frame for a frame; waiting until all is owed would make the peer stop.
#pragma once

#include <cstdint>

#include "http2/frame.hpp"

namespace ycsbpy::http2 {

class SendWindow {
  public:
    constexpr SendWindow() noexcept = default;
    explicit constexpr SendWindow(std::uint32_t size) noexcept : _size(size) {}

    /// May be negative, after a smaller SETTINGS_INITIAL_WINDOW_SIZE.
    [[nodiscard]] constexpr std::int64_t size() const noexcept { return _size; }
    [[nodiscard]] constexpr std::uint32_t available() const noexcept {
        return _size > 0 ? static_cast<std::uint32_t>(_size) : 0;
    }

    constexpr void use(std::uint32_t bytes) noexcept { _size -= bytes; }

    /// False, changing nothing, where the window would pass 2^31 - 1.
    [[nodiscard]] constexpr bool shift(std::int64_t bytes) noexcept {
        if (_size + bytes > static_cast<std::int64_t>(kMaxWindow)) {
            return false;
        }
        _size += bytes;
        return true;
    }

  private:
    std::int64_t _size = kDefaultWindow;
};

class ReceiveWindow {
  public:
    /// `size` is what the peer may send, `target` what it is kept at from now on.
    constexpr ReceiveWindow(std::uint32_t size, std::uint32_t target) noexcept : _size(size), _target(target) {}

    [[nodiscard]] constexpr std::int64_t size() const noexcept { return _size; }

    /// Count what has come, and owe it. False where the peer sent more than it was allowed to.
    [[nodiscard]] constexpr bool take(std::uint32_t bytes) noexcept {
        _size -= bytes;
        _owed += bytes;
        return _size >= 0;
    }

    /// The increment of the WINDOW_UPDATE to be sent now; 0 for none yet.
    [[nodiscard]] constexpr std::uint32_t pay() noexcept {
        if (_owed == 0 || _owed < _target / 2) [[likely]] {
            return 0;
        }
        const std::uint32_t due = _owed;
        _owed = 0;
        _size += due;
        return due;
    }

    /// The peer has learnt that it may send less than we bore until now.
    constexpr void narrow(std::uint32_t bytes) noexcept { _size -= bytes; }

  private:
    std::int64_t _size;
    std::uint32_t _target;
    std::uint32_t _owed = 0;
};

}  // namespace ycsbpy::http2
