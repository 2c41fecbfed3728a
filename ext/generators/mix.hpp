// Which kind of operation comes next: a discrete law over the kinds. Definition: docs/drawing.md, section 3.
#pragma once

#include <array>
#include <cstddef>

#include "generators/operation.hpp"
#include "generators/rng.hpp"

namespace ycsbpy {

class KindMix {
  public:
    /// Proportions, of any positive total, in the order of `OpKind`.
    explicit KindMix(const std::array<double, kOpKinds>& proportions) noexcept {
        double total = 0.0;
        for (const double p : proportions) {
            total += p;
        }
        double sum = 0.0;
        for (std::size_t k = 0; k < kOpKinds; ++k) {
            sum += proportions[k];
            if (proportions[k] > 0) {
                _entries[_count++] = {sum / total, static_cast<OpKind>(k)};
            }
        }
        _insert_share = proportions[static_cast<std::size_t>(OpKind::insert)];
        _total = total;
    }

    /// One draw. Rounding may leave the last bound below 1; the last kind then takes the rest.
    [[nodiscard]] OpKind choose(std::uint64_t draw) const noexcept {
        const double u = unit(draw);
        for (std::size_t i = 0; i + 1 < _count; ++i) {
            if (u < _entries[i].bound) {
                return _entries[i].kind;
            }
        }
        return _entries[_count - 1].kind;
    }

    /// How many of `operations` are inserts on the average.
    [[nodiscard]] double expected_inserts(std::uint64_t operations) const noexcept {
        return static_cast<double>(operations) * _insert_share / _total;
    }

  private:
    struct Entry {
        double bound = 0;
        OpKind kind = OpKind::read;
    };

    std::array<Entry, kOpKinds> _entries{};
    std::size_t _count = 0;
    double _insert_share = 0;
    double _total = 0;
};

}  // namespace ycsbpy
