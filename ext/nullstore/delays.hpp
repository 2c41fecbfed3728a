// How long a null store pretends to work: a certain part, an exponential one, and now and then a long one.
#pragma once

#include <cmath>
#include <cstdint>

#include "generators/rng.hpp"

namespace ycsbpy::nullstore {

/// All 0: answers come at once. Nanoseconds; `rare_share` from 0 to 1.
struct Delay {
    std::int64_t floor_ns = 0;
    std::int64_t mean_ns = 0;  ///< of the exponential part
    double rare_share = 0;
    std::int64_t rare_ns = 0;

    [[nodiscard]] bool is_none() const noexcept { return floor_ns == 0 && mean_ns == 0 && rare_ns == 0; }
};

class Delays {
  public:
    explicit Delays(const Delay& law) : _law(law) {}

    [[nodiscard]] bool are_none() const noexcept { return _law.is_none(); }

    [[nodiscard]] std::int64_t draw() noexcept {
        const double exponential = -std::log1p(-unit()) * static_cast<double>(_law.mean_ns);
        const std::int64_t rare = unit() < _law.rare_share ? _law.rare_ns : 0;
        return _law.floor_ns + static_cast<std::int64_t>(exponential) + rare;
    }

  private:
    /// From 0 on and below 1.
    [[nodiscard]] double unit() noexcept { return static_cast<double>(_rng.next() >> 11) * 0x1p-53; }

    Delay _law;
    SplitMix64 _rng{1, kGolden};
};

}  // namespace ycsbpy::nullstore
