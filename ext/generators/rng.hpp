// Randomness: one SplitMix64 generator for each operation.
//
// Steele, Lea and Flood, "Fast Splittable Pseudorandom Number Generators", OOPSLA 2014. A generator here is two words,
// its state after k draws is known without making them (`skip`), and a new one is derived from (seed, domain, number)
// with two mixes. So operation number i is the same whoever draws it, and the bytes of a value can be made long after
// its length was decided. The definition is docs/drawing.md, section 1.
#pragma once

#include <algorithm>
#include <cstdint>

namespace ycsbpy {

inline constexpr std::uint64_t kGolden = 0x9E3779B97F4A7C15;

__extension__ using Uint128 = unsigned __int128;

/// The finaliser of SplitMix64 (Stafford's variant 13): a bijection.
[[nodiscard]] constexpr std::uint64_t mix64(std::uint64_t z) noexcept {
    z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9;
    z = (z ^ (z >> 27)) * 0x94D049BB133111EB;
    return z ^ (z >> 31);
}

/// Number of bits set. Spelt out: without a machine option std::popcount is a call into a table.
[[nodiscard]] constexpr unsigned count_bits(std::uint64_t x) noexcept {
    x -= (x >> 1) & 0x5555555555555555;
    x = (x & 0x3333333333333333) + ((x >> 2) & 0x3333333333333333);
    x = (x + (x >> 4)) & 0x0F0F0F0F0F0F0F0F;
    return static_cast<unsigned>((x * 0x0101010101010101) >> 56);
}

/// An odd increment with enough bit changes to make a good sequence.
[[nodiscard]] constexpr std::uint64_t mix_gamma(std::uint64_t z) noexcept {
    z = (z ^ (z >> 33)) * 0xFF51AFD7ED558CCD;
    z = (z ^ (z >> 33)) * 0xC4CEB9FE1A85EC53;
    z = (z ^ (z >> 33)) | 1;
    return count_bits(z ^ (z >> 1)) < 24 ? z ^ 0xAAAAAAAAAAAAAAAA : z;
}

/// A double in [0, 1) from the upper 53 bits of a draw.
[[nodiscard]] constexpr double unit(std::uint64_t x) noexcept {
    return static_cast<double>(static_cast<std::int64_t>(x >> 11)) * 0x1p-53;  // signed: one instruction
}

/// An integer in [0, n) from a draw; n > 0. Its bias is below n / 2^64.
[[nodiscard]] constexpr std::uint64_t below(std::uint64_t x, std::uint64_t n) noexcept {
    return static_cast<std::uint64_t>((static_cast<Uint128>(x) * n) >> 64);
}

/// Remainders by one divisor, without a division: on many processors that would take longer than all else about a key.
class Modulo {
  public:
    /// For 0 < divisor < 2^62.
    explicit constexpr Modulo(std::uint64_t divisor) noexcept
        : _divisor(divisor), _reciprocal(~std::uint64_t{0} / divisor) {}

    [[nodiscard]] constexpr std::uint64_t of(std::uint64_t x) const noexcept {
        std::uint64_t rest = x - below(x, _reciprocal) * _divisor;  // the quotient is right or up to two too small
        rest = std::min(rest, rest - _divisor);                     // wraps to something large where it is less already
        return std::min(rest, rest - _divisor);
    }

  private:
    std::uint64_t _divisor;
    std::uint64_t _reciprocal;
};

class SplitMix64 {
  public:
    constexpr SplitMix64(std::uint64_t state, std::uint64_t gamma) noexcept : _state(state), _gamma(gamma) {}

    constexpr std::uint64_t next() noexcept {
        _state += _gamma;
        return mix64(_state);
    }

    /// Leave out `draws` draws.
    constexpr void skip(std::uint64_t draws) noexcept { _state += _gamma * draws; }

    [[nodiscard]] constexpr std::uint64_t state() const noexcept { return _state; }
    [[nodiscard]] constexpr std::uint64_t gamma() const noexcept { return _gamma; }

  private:
    std::uint64_t _state;
    std::uint64_t _gamma;
};

/// What the operations are drawn for; the same number gives independent draws in each.
enum class Domain : std::uint8_t { load = 1, run = 2, warmup = 3 };

/// All generators of one domain of one seed.
class StreamFamily {
  public:
    constexpr StreamFamily(std::uint64_t seed, Domain domain) noexcept
        : _root(mix64(seed ^ mix64(static_cast<std::uint64_t>(domain) * kGolden))) {}

    /// The generator of operation (in a load: record) `i`.
    [[nodiscard]] constexpr SplitMix64 stream(std::uint64_t i) const noexcept {
        const std::uint64_t first = _root + (2 * i + 1) * kGolden;
        return {mix64(first), mix_gamma(first + kGolden)};
    }

  private:
    std::uint64_t _root;
};

}  // namespace ycsbpy
