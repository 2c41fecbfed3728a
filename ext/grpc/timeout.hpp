// The header grpc-timeout: at most eight digits and a unit.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <optional>
#include <string_view>

namespace ycsbpy::grpc {

namespace detail {

struct TimeUnit {
    char letter;
    std::uint64_t ns;
};

inline constexpr std::array<TimeUnit, 6> kTimeUnits{{
    {'n', 1},
    {'u', 1'000},
    {'m', 1'000'000},
    {'S', 1'000'000'000},
    {'M', 60'000'000'000},
    {'H', 3'600'000'000'000},
}};

inline constexpr std::uint64_t kMaxTimeout = 99'999'999;

}  // namespace detail

/// Room for the text of a timeout.
using TimeoutText = std::array<char, 24>;

/// In the finest unit whose eight digits suffice, rounded up so that a server never gives up before its client. The
/// view is of `room`.
[[nodiscard]] inline std::string_view format_timeout(std::uint64_t ns, TimeoutText& room) noexcept {
    std::size_t unit = 0;
    std::uint64_t count = ns;
    while (count > detail::kMaxTimeout) {
        ++unit;
        const std::uint64_t size = detail::kTimeUnits[unit].ns;
        count = ns / size + (ns % size != 0 ? 1 : 0);
    }
    char* const end = room.data() + room.size();
    char* start = end;
    *--start = detail::kTimeUnits[unit].letter;
    do {
        *--start = static_cast<char>('0' + count % 10);
        count /= 10;
    } while (count != 0);
    return {start, static_cast<std::size_t>(end - start)};
}

/// Nanoseconds, or nothing where it is not a timeout. What would not fit is the longest there is.
[[nodiscard]] constexpr std::optional<std::uint64_t> parse_timeout(std::string_view text) noexcept {
    if (text.size() < 2 || text.size() > 9) {
        return std::nullopt;
    }
    std::uint64_t count = 0;
    for (const char c : text.substr(0, text.size() - 1)) {
        if (c < '0' || c > '9') {
            return std::nullopt;
        }
        count = count * 10 + static_cast<std::uint64_t>(c - '0');
    }
    for (const detail::TimeUnit& unit : detail::kTimeUnits) {
        if (unit.letter == text.back()) {
            constexpr std::uint64_t kMost = std::numeric_limits<std::uint64_t>::max();
            return count > kMost / unit.ns ? kMost : count * unit.ns;
        }
    }
    return std::nullopt;
}

static_assert(detail::kMaxTimeout > std::numeric_limits<std::uint64_t>::max() / 3'600'000'000'000,
              "hours hold any number of nanoseconds");

}  // namespace ycsbpy::grpc
