// Pauses between attempts: exponential, with jitter, as client-go has them. Nanoseconds.
#pragma once

#include <algorithm>
#include <cstdint>

#include "generators/rng.hpp"

namespace ycsbpy::tikv {

enum class Pause : std::uint8_t {
    region,  ///< 2 ms … 500 ms: the Region has moved, or has no leader for the moment
    busy,    ///< 100 ms … 10 s: so says the store
};

inline constexpr std::uint64_t kLongestNamedMs = 3'600'000;  ///< an hour: beyond any operation's time

/// The pause before attempt `number` (from 1). Half of it is certain, the other half chance, so that clients which
/// failed together do not come back together.
[[nodiscard]] inline std::int64_t pause_ns(Pause kind, std::uint32_t number, std::uint64_t chance) noexcept {
    constexpr std::int64_t kMs = 1'000'000;
    const std::int64_t base = kind == Pause::region ? 2 * kMs : 100 * kMs;
    const std::int64_t cap = kind == Pause::region ? 500 * kMs : 10000 * kMs;
    const std::int64_t whole = std::min(cap, base << std::min<std::uint32_t>(number - 1, 20));
    return whole / 2 + static_cast<std::int64_t>(chance % static_cast<std::uint64_t>(whole / 2 + 1));
}

/// The pause after a store has said that it is busy, and for how long (0: it did not): not less than that, with up to
/// half of it by chance, and growing where it says too little again and again.
[[nodiscard]] inline std::int64_t busy_pause_ns(std::uint64_t named_ms, std::uint32_t number,
                                                std::uint64_t chance) noexcept {
    if (named_ms == 0) {
        return pause_ns(Pause::busy, number, chance);
    }
    const auto named = static_cast<std::int64_t>(std::min(named_ms, kLongestNamedMs)) * 1'000'000;
    const auto more = static_cast<std::int64_t>(chance % (static_cast<std::uint64_t>(named) / 2 + 1));
    return std::max(named + more, pause_ns(Pause::region, number, chance));
}

}  // namespace ycsbpy::tikv
