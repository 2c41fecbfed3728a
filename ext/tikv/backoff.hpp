// Pauses between attempts: exponential, with jitter, as client-go has them. Nanoseconds.
#pragma once

#include <algorithm>
#include <cstdint>

#include "generators/rng.hpp"

namespace ycsbpy::tikv {

enum class Pause : std::uint8_t {
    region,      ///< 2 ms … 500 ms: the Region has moved, or has no leader for the moment
    connection,  ///< 100 ms … 2 s
    busy,        ///< 100 ms … 10 s: so says the store
};

/// The pause before attempt `number` (from 1). Half of it is certain, the other half chance, so that clients which
/// failed together do not come back together.
[[nodiscard]] inline std::int64_t pause_ns(Pause kind, std::uint32_t number, std::uint64_t chance) noexcept {
    constexpr std::int64_t kMs = 1'000'000;
    const std::int64_t base = kind == Pause::region ? 2 * kMs : 100 * kMs;
    const std::int64_t cap = kind == Pause::region ? 500 * kMs : kind == Pause::connection ? 2000 * kMs : 10000 * kMs;
    const std::int64_t whole = std::min(cap, base << std::min<std::uint32_t>(number - 1, 20));
    return whole / 2 + static_cast<std::int64_t>(chance % static_cast<std::uint64_t>(whole / 2 + 1));
}

}  // namespace ycsbpy::tikv
