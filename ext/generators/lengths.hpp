// Lengths of scans and of field values. Definition: docs/drawing.md, section 5.
#pragma once

#include <algorithm>
#include <cstdint>
#include <vector>

#include "generators/rng.hpp"
#include "generators/workload_spec.hpp"
#include "generators/zipfian.hpp"

namespace ycsbpy {

/// How many records a scan asks for.
class ScanLengths {
  public:
    explicit ScanLengths(const WorkloadSpec& spec) noexcept
        : _min(spec.minscanlength),
          _count(spec.maxscanlength - spec.minscanlength + 1),
          _zipfian(spec.scanlengthdistribution == LengthDistribution::zipfian) {}

    [[nodiscard]] std::uint64_t draw(SplitMix64& rng) noexcept {
        if (_count == 1) {
            return _min;
        }
        return _zipfian ? _min - 1 + _zipf.rank(rng, _count) : _min + below(rng.next(), _count);
    }

  private:
    std::uint64_t _min;
    std::uint64_t _count;
    bool _zipfian;
    ExactZipf _zipf;
};

/// How many bytes a value has.
class FieldLengths {
  public:
    explicit FieldLengths(const WorkloadSpec& spec)
        : _distribution(spec.fieldlengthdistribution),
          _constant(static_cast<std::uint32_t>(spec.fieldlength)),
          _min(static_cast<std::uint32_t>(spec.minfieldlength)),
          _count(spec.fieldlength - spec.minfieldlength + 1),
          _block_size(spec.fieldlengthblocksize) {
        if (_distribution == LengthDistribution::histogram) {
            std::uint64_t sum = 0;
            for (const std::uint64_t count : spec.fieldlengthhistogram) {
                _cumulative.push_back(sum += count);
            }
        }
    }

    [[nodiscard]] bool is_constant() const noexcept { return _distribution == LengthDistribution::constant; }
    [[nodiscard]] std::uint32_t constant() const noexcept { return _constant; }

    [[nodiscard]] std::uint32_t draw(SplitMix64& rng) noexcept {
        switch (_distribution) {
            case LengthDistribution::constant:
                break;
            case LengthDistribution::uniform:
                return _min + static_cast<std::uint32_t>(below(rng.next(), _count));
            case LengthDistribution::zipfian:
                return _min - 1 + static_cast<std::uint32_t>(_zipf.rank(rng, _count));
            case LengthDistribution::histogram: {
                const std::uint64_t x = below(rng.next(), _cumulative.back());
                const auto bucket = std::upper_bound(_cumulative.begin(), _cumulative.end(), x) - _cumulative.begin();
                return static_cast<std::uint32_t>((static_cast<std::uint64_t>(bucket) + 1) * _block_size);
            }
        }
        return _constant;
    }

  private:
    LengthDistribution _distribution;
    std::uint32_t _constant;
    std::uint32_t _min;
    std::uint64_t _count;
    std::uint64_t _block_size;
    std::vector<std::uint64_t> _cumulative;
    ExactZipf _zipf;
};

}  // namespace ycsbpy
