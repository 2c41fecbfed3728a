// The truncated exponential law of `requestdistribution=exponential`.
//
// `percentile` per cent of the requests go to the newest `frac` of the records. YCSB picks the rate as if the range had
// no end and throws away what falls outside, so that its 95 % are in fact 98 %; here the rate is the one for which the
// law cut off at the end of the range has the share that was asked for. Definition: docs/drawing.md, section 3.
#pragma once

#include <cstdint>

#include "generators/portable_math.hpp"
#include "generators/rng.hpp"

namespace ycsbpy {

class TruncatedExponential {
  public:
    /// `share` of the mass in the first `frac` of the range; 0 < frac < share <= 1.
    TruncatedExponential(double share, double frac) noexcept
        : _rate(find_rate(share, frac)), _mass(1 - portable::exp(-_rate)) {}

    /// An offset in [0, n); n > 0. One draw.
    [[nodiscard]] std::uint64_t offset(std::uint64_t draw, std::uint64_t n) const noexcept {
        const double x = -portable::log(1 - unit(draw) * _mass) / _rate * static_cast<double>(n);
        if (x >= 0x1p62) {
            return n - 1;
        }
        const auto floor = static_cast<std::uint64_t>(portable::floor_to_integer(x));
        return floor < n ? floor : n - 1;
    }

  private:
    [[nodiscard]] static double share_within(double rate, double frac) noexcept {
        return (1 - portable::exp(-rate * frac)) / (1 - portable::exp(-rate));
    }

    [[nodiscard]] static double find_rate(double share, double frac) noexcept {
        double low = 0;
        double high = 1;
        while (share_within(high, frac) < share) {
            low = high;
            high *= 2;
        }
        for (int i = 0; i < 100; ++i) {
            const double middle = (low + high) / 2;
            (share_within(middle, frac) < share ? low : high) = middle;
        }
        return high;
    }

    double _rate;
    double _mass;
};

}  // namespace ycsbpy
