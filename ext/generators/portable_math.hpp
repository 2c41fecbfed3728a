// Logarithm, exponential and powers that give the same bits on every machine.
//
// A C library's pow may be one ulp off its neighbour's, and one ulp moves a key. These are accurate to a few ulp, which
// is all that the laws built on them need, and use only operations that IEEE 754 rounds in one way. They must be
// compiled without contraction (-ffp-contract=off). Definition: docs/drawing.md, section 2.
#pragma once

#include <bit>
#include <cmath>
#include <cstdint>

namespace ycsbpy::portable {

static_assert(sizeof(double) == 8 && __DBL_MANT_DIG__ == 53, "IEEE 754 binary64 is needed");
#if defined(__FLT_EVAL_METHOD__) && __FLT_EVAL_METHOD__ != 0
#error "doubles must be evaluated as doubles (on 32-bit x86: -mfpmath=sse)"
#endif

inline constexpr double kLn2High = 0x1.62e42fee00000p-1;
inline constexpr double kLn2Low = 0x1.a39ef35793c76p-33;
inline constexpr double kLog2E = 0x1.71547652b82fep+0;

/// floor(x) for |x| < 2^62; std::floor is a call where the machine's baseline has no rounding instruction.
[[nodiscard]] inline std::int64_t floor_to_integer(double x) noexcept {
    const auto truncated = static_cast<std::int64_t>(x);
    return truncated - static_cast<std::int64_t>(static_cast<double>(truncated) > x);
}

/// Natural logarithm of a positive, normal number.
[[nodiscard]] inline double log(double x) noexcept {
    const auto bits = std::bit_cast<std::uint64_t>(x);
    auto exponent = static_cast<std::int64_t>(bits >> 52) - 1022;
    double m = std::bit_cast<double>((bits & 0x000FFFFFFFFFFFFF) | 0x3FE0000000000000);  // in [0.5, 1)
    if (m < 0x1.6a09e667f3bcdp-1) {
        m *= 2;
        --exponent;
    }
    const double s = (m - 1) / (m + 1);
    const double z = s * s;
    double p = 1.0 / 23;
    p = p * z + 1.0 / 21;
    p = p * z + 1.0 / 19;
    p = p * z + 1.0 / 17;
    p = p * z + 1.0 / 15;
    p = p * z + 1.0 / 13;
    p = p * z + 1.0 / 11;
    p = p * z + 1.0 / 9;
    p = p * z + 1.0 / 7;
    p = p * z + 1.0 / 5;
    p = p * z + 1.0 / 3;
    p = p * z + 1;
    const auto e = static_cast<double>(exponent);
    return e * kLn2High + (e * kLn2Low + (2 * s) * p);
}

/// e to the power of x, for |x| < 2^61.
[[nodiscard]] inline double exp(double x) noexcept {
    const std::int64_t k = floor_to_integer(x * kLog2E + 0.5);
    const auto kd = static_cast<double>(k);
    const double r = (x - kd * kLn2High) - kd * kLn2Low;
    double p = 1.0 / 6227020800.0;
    p = p * r + 1.0 / 479001600.0;
    p = p * r + 1.0 / 39916800.0;
    p = p * r + 1.0 / 3628800.0;
    p = p * r + 1.0 / 362880.0;
    p = p * r + 1.0 / 40320.0;
    p = p * r + 1.0 / 5040.0;
    p = p * r + 1.0 / 720.0;
    p = p * r + 1.0 / 120.0;
    p = p * r + 1.0 / 24.0;
    p = p * r + 1.0 / 6.0;
    p = p * r + 1.0 / 2.0;
    p = p * r + 1;
    p = p * r + 1;
    if (k > -1000 && k < 1000) {  // p is near 1, so the result is normal and scaling is exact
        return p * std::bit_cast<double>(static_cast<std::uint64_t>(k + 1023) << 52);
    }
    return std::ldexp(p, k < 0 ? (k < -5000 ? -5000 : static_cast<int>(k)) : (k > 5000 ? 5000 : static_cast<int>(k)));
}

/// x to the power of 100, by multiplication.
[[nodiscard]] constexpr double pow100(double x) noexcept {
    const double x2 = x * x;
    const double x4 = x2 * x2;
    const double x8 = x4 * x4;
    const double x16 = x8 * x8;
    const double x32 = x16 * x16;
    const double x64 = x32 * x32;
    return (x64 * x32) * x4;
}

}  // namespace ycsbpy::portable
