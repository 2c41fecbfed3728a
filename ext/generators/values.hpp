// The bytes of values. Definition: docs/drawing.md, section 5.
//
// Every byte of a random value is drawn for it, eight to a draw; nothing is copied out of a pool, so a database cannot
// win anything by compressing or deduplicating across records.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string_view>

#include "generators/bytes.hpp"
#include "generators/fill.hpp"
#include "generators/key_names.hpp"
#include "generators/rng.hpp"

namespace ycsbpy::values {

/// How many draws `length` bytes take.
[[nodiscard]] constexpr std::uint64_t draws(std::uint64_t length) noexcept {
    return (length + 7) / 8;
}

/// Fill exactly `length` bytes from the draws that follow; returns their end.
inline char* fill_random(SplitMix64 rng, char* out, std::size_t length) noexcept {
    static const auto best = best_fill();
    return best(rng.state(), rng.gamma(), out, length);
}

/// `dataintegrity`: a value that a reader can work out again, as Java YCSB builds it. Java's String.hashCode is over
/// UTF-16 units, this one over bytes: the same for ASCII. Fills exactly `length` bytes; returns their end.
inline char* fill_deterministic(std::string_view key, std::string_view field, char* out, std::size_t length) noexcept {
    char* const end = out + length;
    std::uint32_t hash = 0;
    const auto append = [&](std::string_view text) {
        for (const char c : text) {
            if (out == end) {
                return;
            }
            *out++ = c;
            hash = hash * 31 + static_cast<unsigned char>(c);
        }
    };
    append(key);
    append(":");
    append(field);
    while (out != end) {
        append(":");
        const auto signed_hash = static_cast<std::int32_t>(hash);
        const std::int64_t magnitude = signed_hash < 0 ? -std::int64_t{signed_hash} : signed_hash;
        char digits[decimal::kRoom];
        const char* const digits_end = decimal::Digits(static_cast<std::uint64_t>(magnitude)).write(digits);
        append(signed_hash < 0 ? "-" : "");
        append({digits, digits_end});
    }
    return end;
}

}  // namespace ycsbpy::values
