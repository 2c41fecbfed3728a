// The two Zipf laws: YCSB's, over its fixed ten thousand million items, and the exact one, over any number of ranks.
//
// YCSB draws a rank out of 10^10 items, whatever the table holds, and hashes it onto the table; published results were
// made that way, so workloads A, B, E and F need it. Gray's formula behind it (SIGMOD 1994) needs a sum over all items,
// which YCSB fixed as a constant. It is not used where the number of ranks moves (workload D, lengths), because for
// that its constants would have to move too: rejection-inversion (Hörmann and Derflinger, ACM TOMACS 6(3), 1996) is
// exact for any number of ranks and needs no sum. Definitions: docs/drawing.md, section 3.
#pragma once

#include <algorithm>
#include <cstdint>

#include "generators/portable_math.hpp"
#include "generators/rng.hpp"

namespace ycsbpy {

inline constexpr double kTheta = 0.99;

/// YCSB's rank, from 0, before it is hashed. One draw.
class YcsbZipfian {
  public:
    YcsbZipfian() noexcept
        : _zeta2(1 + portable::exp(kTheta * portable::log(0.5))),
          _eta((1 - portable::exp((1 - kTheta) * portable::log(2 / kItems))) / (1 - _zeta2 / kZetaN)) {}

    [[nodiscard]] std::uint64_t rank(std::uint64_t draw) const noexcept {
        const double u = unit(draw);
        const double uz = u * kZetaN;
        if (uz < 1) {
            return 0;
        }
        if (uz < _zeta2) {
            return 1;
        }
        const double rank = kItems * portable::pow100(_eta * u - _eta + 1);
        return static_cast<std::uint64_t>(static_cast<std::int64_t>(rank));  // it is positive: cut is floor
    }

  private:
    static constexpr double kItems = 10'000'000'001.0;
    static constexpr double kZetaN = 26.46902820178302;

    double _zeta2;
    double _eta;
};

/// Ranks 1…n with probability proportional to rank^-0.99, exactly. Keeps what depends on n from one call to the next.
class ExactZipf {
  public:
    ExactZipf() noexcept : _left(integral(1.5) - 1), _shortcut(2 - inverse(integral(2.5) - density(2))) {}

    /// A rank in [1, n]; n > 0. Makes one draw, sometimes more.
    [[nodiscard]] std::uint64_t rank(SplitMix64& rng, std::uint64_t n) noexcept {
        if (n != _n) {
            _n = n;
            _right = integral(static_cast<double>(n) + 0.5);
        }
        for (;;) {
            const double y = _right + unit(rng.next()) * (_left - _right);
            const double t = inverse(y);
            const std::uint64_t k = clamp(t + 0.5, n);
            const auto kd = static_cast<double>(k);
            if (kd - t <= _shortcut || y >= integral(kd + 0.5) - density(kd)) {
                return k;
            }
        }
    }

  private:
    static constexpr double kOneMinusTheta = 1 - kTheta;

    [[nodiscard]] static double integral(double x) noexcept {
        return (portable::exp(kOneMinusTheta * portable::log(x)) - 1) * 100;
    }
    [[nodiscard]] static double inverse(double y) noexcept { return portable::pow100(1 + y * 0.01); }
    [[nodiscard]] static double density(double x) noexcept { return portable::exp(-kTheta * portable::log(x)); }

    /// floor(x), raised to 1 or lowered to n where it is outside.
    [[nodiscard]] static std::uint64_t clamp(double x, std::uint64_t n) noexcept {
        if (!(x >= 1)) {
            return 1;
        }
        return x >= 0x1p62 ? n : std::min(static_cast<std::uint64_t>(static_cast<std::int64_t>(x)), n);
    }

    double _left;
    double _shortcut;
    double _right = 0;
    std::uint64_t _n = 0;
};

}  // namespace ycsbpy
