// A fixed, scattering permutation of 0 … n - 1, without a table. Definition: docs/drawing.md, section 3.
//
// A balanced Feistel network permutes the next power of four from n on, whatever its round function is (Luby and
// Rackoff, SIAM J. Comput. 17(2), 1988), and walking on from what falls outside until something falls inside makes that
// a permutation of the smaller range (Black and Rogaway, "Ciphers with Arbitrary Finite Domains", CT-RSA 2002): four
// steps on average at most, since no more than three quarters are outside.
#pragma once

#include <cstdint>

#include "generators/rng.hpp"

namespace ycsbpy {

class Permutation {
  public:
    /// For 0 < n <= 2^62.
    explicit constexpr Permutation(std::uint64_t n) noexcept : _n(n) {
        while (std::uint64_t{1} << (2 * _half_bits) < n) {
            ++_half_bits;
        }
        _mask = (std::uint64_t{1} << _half_bits) - 1;
    }

    /// Where x < n goes.
    [[nodiscard]] constexpr std::uint64_t of(std::uint64_t x) const noexcept {
        do {
            x = step(x);
        } while (x >= _n);
        return x;
    }

  private:
    static constexpr std::uint64_t kRounds = 4;

    [[nodiscard]] constexpr std::uint64_t step(std::uint64_t x) const noexcept {
        std::uint64_t left = x >> _half_bits;
        std::uint64_t right = x & _mask;
        for (std::uint64_t round = 1; round <= kRounds; ++round) {
            const std::uint64_t mixed = left ^ (mix64(right + round * kGolden) & _mask);
            left = right;
            right = mixed;
        }
        return left << _half_bits | right;
    }

    std::uint64_t _n;
    unsigned _half_bits = 1;
    std::uint64_t _mask = 0;
};

}  // namespace ycsbpy
