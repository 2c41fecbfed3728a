// Counts of latencies in HdrHistogram's buckets.
//
// The buckets are those that the `hdrhistogram` package makes for (1 ns, 3,600,000,000,000 ns, 3 digits), index for
// index, so the counters can be handed to it for encoding and logs, and counts of its making can be added here. Beside
// them the exact sum, minimum and maximum are kept, which buckets cannot give. Recording is a handful of instructions:
// HdrHistogram by G. Tene, hdrhistogram.org.
#pragma once

#include <algorithm>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <limits>
#include <memory>
#include <new>
#include <span>
#include <stdexcept>

namespace ycsbpy {

namespace hdr {

inline constexpr std::uint64_t kLowest = 1;
inline constexpr std::uint64_t kHighest = 3'600'000'000'000;
inline constexpr int kSignificantDigits = 3;

inline constexpr unsigned kHalfMagnitude = 10;  ///< 2 * 10^3 values need 2^11 sub-buckets
inline constexpr std::uint64_t kHalfCount = std::uint64_t{1} << kHalfMagnitude;
inline constexpr std::uint64_t kSubBucketMask = 2 * kHalfCount - 1;

[[nodiscard]] constexpr std::size_t index_of(std::uint64_t value) noexcept {
    const auto bucket = static_cast<unsigned>(std::bit_width(value | kSubBucketMask)) - (kHalfMagnitude + 1);
    return (static_cast<std::size_t>(bucket) << kHalfMagnitude) + static_cast<std::size_t>(value >> bucket);
}

[[nodiscard]] constexpr std::uint64_t lowest_equivalent(std::size_t index) noexcept {
    const std::size_t bucket = index < 2 * kHalfCount ? 0 : (index >> kHalfMagnitude) - 1;
    return (index - (bucket << kHalfMagnitude)) << bucket;
}

[[nodiscard]] constexpr std::uint64_t highest_equivalent(std::size_t index) noexcept {
    return lowest_equivalent(index + 1) - 1;
}

/// All buckets up to the one that holds `kHighest`, to its end.
inline constexpr std::size_t kCounts = (index_of(kHighest) / kHalfCount + 1) * kHalfCount;
static_assert(kCounts == 33792);

}  // namespace hdr

/// An unsigned sum of 128 bits.
struct WideSum {
    std::uint64_t low = 0;
    std::uint64_t high = 0;

    constexpr void add(std::uint64_t x) noexcept {
        low += x;
        high += static_cast<std::uint64_t>(low < x);
    }
    constexpr void add(WideSum other) noexcept {  // by value: it may be this one
        add(other.low);
        high += other.high;
    }
    constexpr void add_product(std::uint64_t x, std::uint64_t count) noexcept {
        __extension__ using Wide = unsigned __int128;
        const Wide product = static_cast<Wide>(x) * count;
        add(WideSum{static_cast<std::uint64_t>(product), static_cast<std::uint64_t>(product >> 64)});
    }
};

/// One histogram. Its counters are zeroed memory that costs nothing until it is touched.
class HdrCounts {
  public:
    HdrCounts() : _counts(allocate()) {}

    HdrCounts(const HdrCounts& other) : HdrCounts() { add(other); }
    HdrCounts& operator=(const HdrCounts&) = delete;
    ~HdrCounts() = default;

    /// Count a value in nanoseconds. One above `hdr::kHighest` goes to that value's bucket and is counted as saturated.
    void record(std::uint64_t value) noexcept {
        std::uint64_t bucketed = value;
        if (value > hdr::kHighest) [[unlikely]] {
            bucketed = hdr::kHighest;
            ++_saturated;
        }
        ++_counts[hdr::index_of(bucketed)];
        ++_total;
        _sum.add(value);
        _min = std::min(_min, value);
        _max = std::max(_max, value);
    }

    void record(std::uint64_t value, std::uint64_t count) noexcept {
        if (count == 0) {
            return;
        }
        _counts[hdr::index_of(std::min(value, hdr::kHighest))] += count;
        _saturated += value > hdr::kHighest ? count : 0;
        _total += count;
        _sum.add_product(value, count);
        _min = std::min(_min, value);
        _max = std::max(_max, value);
    }

    /// Merge; exact.
    void add(const HdrCounts& other) noexcept {
        if (other._total == 0) {
            return;
        }
        const std::size_t last = other.last_index();
        for (std::size_t i = other.first_index(); i <= last; ++i) {
            _counts[i] += other._counts[i];
        }
        _saturated += other._saturated;
        _total += other._total;
        _sum.add(other._sum);
        _min = std::min(_min, other._min);
        _max = std::max(_max, other._max);
    }

    /// Merge counters of someone else's; what they have above `hdr::kHighest` is treated as `record` would have. Throws
    /// std::invalid_argument, changing nothing, where `min` and `max` cannot be theirs.
    void add(std::span<const std::uint64_t, hdr::kCounts> counts, WideSum sum, std::uint64_t min, std::uint64_t max) {
        const auto used = [](std::uint64_t count) { return count != 0; };
        const auto first = std::find_if(counts.begin(), counts.end(), used);
        if (first == counts.end()) {
            return;
        }
        const auto last = std::find_if(counts.rbegin(), counts.rend(), used).base() - 1;
        constexpr std::size_t kTop = hdr::index_of(hdr::kHighest);
        const auto index = [&](auto place) { return std::min(static_cast<std::size_t>(place - counts.begin()), kTop); };
        if (min > max || bucket_of(min) != index(first) || bucket_of(max) != index(last)) {
            throw std::invalid_argument("min_ns and max_ns are not in the first and the last bucket that have counts");
        }
        for (std::size_t i = 0; i < counts.size(); ++i) {
            _counts[std::min(i, kTop)] += counts[i];
            _total += counts[i];
            _saturated += i > kTop ? counts[i] : 0;
        }
        _sum.add(sum);
        _min = std::min(_min, min);
        _max = std::max(_max, max);
    }

    void reset() noexcept {
        if (_total != 0) {
            std::fill(&_counts[first_index()], &_counts[last_index()] + 1, 0);
        }
        _total = 0;
        _saturated = 0;
        _sum = {};
        _min = kNoMin;
        _max = 0;
    }

    /// The highest value equivalent to that of the sample at the percentile (0 … 100); 0 if empty.
    [[nodiscard]] std::uint64_t value_at_percentile(double percentile) const noexcept {
        if (_total == 0) {
            return 0;
        }
        const double rank = std::min(percentile, 100.0) * static_cast<double>(_total) / 100 + 0.5;
        const std::uint64_t wanted = rank >= 1 ? std::min(static_cast<std::uint64_t>(rank), _total) : 1;
        std::uint64_t seen = 0;
        std::size_t i = first_index();
        for (;; ++i) {
            seen += _counts[i];
            if (seen >= wanted) {
                break;
            }
        }
        return percentile > 0 ? hdr::highest_equivalent(i) : hdr::lowest_equivalent(i);
    }

    [[nodiscard]] std::uint64_t total() const noexcept { return _total; }
    [[nodiscard]] WideSum sum() const noexcept { return _sum; }
    [[nodiscard]] std::uint64_t min() const noexcept { return _total == 0 ? 0 : _min; }
    [[nodiscard]] std::uint64_t max() const noexcept { return _max; }
    [[nodiscard]] std::uint64_t saturated() const noexcept { return _saturated; }
    [[nodiscard]] const std::uint64_t* counts() const noexcept { return _counts.get(); }

  private:
    struct Free {
        void operator()(std::uint64_t* p) const noexcept { std::free(p); }
    };
    using Memory = std::unique_ptr<std::uint64_t[], Free>;

    static constexpr std::uint64_t kNoMin = std::numeric_limits<std::uint64_t>::max();

    [[nodiscard]] static Memory allocate() {
        auto* const p = static_cast<std::uint64_t*>(std::calloc(hdr::kCounts, sizeof(std::uint64_t)));
        if (p == nullptr) {
            throw std::bad_alloc();
        }
        return Memory(p);
    }

    [[nodiscard]] static std::size_t bucket_of(std::uint64_t value) noexcept {
        return hdr::index_of(std::min(value, hdr::kHighest));
    }
    [[nodiscard]] std::size_t first_index() const noexcept { return bucket_of(_min); }
    [[nodiscard]] std::size_t last_index() const noexcept { return bucket_of(_max); }

    Memory _counts;
    std::uint64_t _total = 0;
    std::uint64_t _saturated = 0;
    WideSum _sum;
    std::uint64_t _min = kNoMin;
    std::uint64_t _max = 0;
};

}  // namespace ycsbpy
