// The Huffman code of HPACK (RFC 7541, section 5.2 and appendix B).
//
// The code is canonical: within one length codes count up in the order of symbols. So the lengths alone are the table
// of the appendix, and the rest is made from them by the compiler. Decoding looks ten bits up at once, which settles
// every symbol that is common in headers; a longer code is found by comparing with where each length ends.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string_view>

namespace ycsbpy::http2::huffman {

inline constexpr std::size_t kSymbols = 257;
inline constexpr std::size_t kEndOfString = 256;
inline constexpr unsigned kLongest = 30;
inline constexpr unsigned kFastBits = 10;

inline constexpr std::array<std::uint8_t, kSymbols> kLengths{
    13, 23, 28, 28, 28, 28, 28, 28, 28, 24, 30, 28, 28, 30, 28, 28,  //
    28, 28, 28, 28, 28, 28, 30, 28, 28, 28, 28, 28, 28, 28, 28, 28,  //
    6,  10, 10, 12, 13, 6,  8,  11, 10, 10, 8,  11, 8,  6,  6,  6,   // space ! " #
    5,  5,  5,  6,  6,  6,  6,  6,  6,  6,  7,  8,  15, 6,  12, 10,  // 0 1 2 3
    13, 6,  7,  7,  7,  7,  7,  7,  7,  7,  7,  7,  7,  7,  7,  7,   // @ A B C
    7,  7,  7,  7,  7,  7,  7,  7,  8,  7,  8,  13, 19, 13, 14, 6,   // P Q R S
    15, 5,  6,  5,  6,  5,  6,  6,  6,  5,  7,  7,  6,  6,  6,  5,   // ` a b c
    6,  7,  6,  5,  5,  6,  7,  7,  7,  7,  7,  15, 11, 14, 13, 28,  // p q r s
    20, 22, 20, 20, 22, 22, 22, 23, 22, 23, 23, 23, 23, 23, 24, 23,  // 0x80
    24, 24, 22, 23, 24, 23, 23, 23, 23, 21, 22, 23, 22, 23, 23, 24,  //
    22, 21, 20, 22, 22, 23, 23, 21, 23, 22, 22, 24, 21, 22, 23, 23,  //
    21, 21, 22, 21, 23, 22, 23, 23, 20, 22, 22, 22, 23, 22, 22, 23,  //
    26, 26, 20, 19, 22, 23, 22, 25, 26, 26, 26, 27, 27, 26, 24, 25,  // 0xc0
    19, 21, 26, 27, 27, 26, 27, 24, 21, 21, 26, 26, 28, 27, 27, 27,  //
    20, 24, 20, 21, 22, 21, 21, 23, 22, 22, 25, 25, 24, 24, 26, 23,  //
    26, 27, 26, 26, 27, 27, 27, 27, 27, 28, 27, 27, 27, 27, 27, 26,  //
    30,
};

/// Codes of one length: where they end, and how to get from a code to its symbol.
struct Level {
    std::uint64_t end;    ///< the first value past them, at the top of 32 bits
    std::uint32_t first;  ///< the lowest of them, as a number of `length` bits
    std::uint32_t index;  ///< of that one among all symbols in the order of codes
};

struct Fast {
    std::uint8_t symbol;
    std::uint8_t length;  ///< 0 where the code is longer than the look-up
};

struct Tables {
    std::array<std::uint32_t, kSymbols> codes{};
    std::array<std::uint16_t, kSymbols> in_order{};
    std::array<Level, kLongest + 1> levels{};
    std::array<Fast, (1U << kFastBits)> fast{};
};

[[nodiscard]] constexpr Tables make_tables() {
    Tables tables;
    std::uint32_t code = 0;
    std::uint32_t index = 0;
    for (unsigned length = 1; length <= kLongest; ++length) {
        code <<= 1;
        tables.levels[length].first = code;
        tables.levels[length].index = index;
        for (std::size_t symbol = 0; symbol < kSymbols; ++symbol) {
            if (kLengths[symbol] != length) {
                continue;
            }
            tables.codes[symbol] = code;
            tables.in_order[index++] = static_cast<std::uint16_t>(symbol);
            if (length <= kFastBits) {
                const std::uint32_t first = code << (kFastBits - length);
                for (std::uint32_t rest = 0; rest < 1U << (kFastBits - length); ++rest) {
                    tables.fast[first + rest] = {static_cast<std::uint8_t>(symbol), static_cast<std::uint8_t>(length)};
                }
            }
            ++code;
        }
        tables.levels[length].end = static_cast<std::uint64_t>(code) << (32 - length);
    }
    return tables;
}

inline constexpr Tables kTables = make_tables();
static_assert(kTables.codes['0'] == 0 && kTables.codes[kEndOfString] == 0x3fffffff, "appendix B");
static_assert(kTables.levels[kLongest].end == std::uint64_t{1} << 32, "the code is complete");

/// The length of the code that 32 bits start with, and its symbol.
struct Match {
    std::uint32_t symbol;
    unsigned length;
};

[[nodiscard]] inline Match match(std::uint32_t bits) noexcept {
    const Fast fast = kTables.fast[bits >> (32 - kFastBits)];
    if (fast.length != 0) [[likely]] {
        return {fast.symbol, fast.length};
    }
    unsigned length = kFastBits + 1;
    while (bits >= kTables.levels[length].end) {
        ++length;
    }
    const Level& level = kTables.levels[length];
    return {kTables.in_order[level.index + (bits >> (32 - length)) - level.first], length};
}

/// Decodes into `out`; returns how many characters, or nothing where `in` is not a string in this code (an
/// end-of-string symbol inside, or padding that is not up to seven ones) or does not fit.
[[nodiscard]] inline std::optional<std::size_t> decode(std::span<const std::byte> in, std::span<char> out) noexcept {
    std::uint64_t bits = 0;  // the lowest `count` of them are still to be decoded
    unsigned count = 0;
    std::size_t at = 0;
    std::size_t size = 0;
    for (;;) {
        for (; count <= 56 && at < in.size(); count += 8) {
            bits = bits << 8 | static_cast<std::uint64_t>(in[at++]);
        }
        const auto window = count == 0 ? 0 : static_cast<std::uint32_t>((bits << (64 - count)) >> 32);
        const Match found = match(window);
        if (found.length > count) {
            break;
        }
        if (found.symbol == kEndOfString || size == out.size()) {
            return std::nullopt;
        }
        out[size++] = static_cast<char>(found.symbol);
        count -= found.length;
    }
    const std::uint64_t padding = (std::uint64_t{1} << count) - 1;
    if (count > 7 || (bits & padding) != padding) {
        return std::nullopt;
    }
    return size;
}

/// How many bytes `text` takes.
[[nodiscard]] inline std::size_t encoded_size(std::string_view text) noexcept {
    std::size_t bits = 0;
    for (const char c : text) {
        bits += kLengths[static_cast<unsigned char>(c)];
    }
    return (bits + 7) / 8;
}

/// Writes `encoded_size(text)` bytes.
inline void encode(std::string_view text, std::byte* out) noexcept {
    std::uint64_t bits = 0;
    unsigned count = 0;
    for (const char c : text) {
        const auto symbol = static_cast<unsigned char>(c);
        bits = bits << kLengths[symbol] | kTables.codes[symbol];
        for (count += kLengths[symbol]; count >= 8; count -= 8) {
            *out++ = static_cast<std::byte>(bits >> (count - 8));
        }
    }
    if (count != 0) {
        *out = static_cast<std::byte>(bits << (8 - count) | 0xffU >> count);
    }
}

}  // namespace ycsbpy::http2::huffman
