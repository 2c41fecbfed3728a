// How many frames that cost us work and the peer nothing are borne (RFC 9113, section 10.5).
//
// PING, SETTINGS, RST_STREAM, PRIORITY, unknown types, and frames that carry nothing take a coin each. Coins come back
// with time, and one with each frame that carries data: gRPC servers measure their bandwidth with a PING for about
// every round trip in which they send data. Time is the caller's, and is looked at only when a coin is due.
#pragma once

#include <algorithm>
#include <cstdint>

namespace ycsbpy::http2 {

class FloodGuard {
  public:
    FloodGuard(std::uint32_t burst, std::uint32_t per_second) noexcept
        : _burst(burst), _per_second(per_second), _coins(burst) {}

    void earn() noexcept { _coins += _coins < _burst ? 1 : 0; }

    /// False when there is no coin left.
    [[nodiscard]] bool spend(std::uint64_t now_ns) noexcept {
        refill(now_ns);
        if (_coins == 0) {
            return false;
        }
        --_coins;
        return true;
    }

  private:
    static constexpr std::uint64_t kSecond = 1'000'000'000;

    void refill(std::uint64_t now_ns) noexcept {
        if (_per_second == 0 || now_ns <= _since_ns) {
            return;
        }
        const std::uint64_t price = std::max<std::uint64_t>(kSecond / _per_second, 1);
        const std::uint64_t due = (now_ns - _since_ns) / price;
        _coins = due >= _burst - _coins ? _burst : _coins + due;
        _since_ns += due * price;
    }

    std::uint64_t _burst;
    std::uint64_t _per_second;
    std::uint64_t _coins;
    std::uint64_t _since_ns = 0;
};

}  // namespace ycsbpy::http2
