// Record number → key, as YCSB names its records. Definition: docs/drawing.md, sections 3 and 4.
#pragma once

#include <algorithm>
#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string>
#include <utility>

#include "generators/bytes.hpp"

namespace ycsbpy {

/// FNV-1a over the eight bytes of a number, lowest first, made positive: Java YCSB's Utils.fnvhash64.
[[nodiscard]] constexpr std::uint64_t fnv64(std::uint64_t number) noexcept {
    constexpr std::uint64_t kPrime = 1099511628211;
    std::uint64_t hash = 0xCBF29CE484222325;
    const auto add = [&hash](std::uint64_t byte) { hash = (hash ^ (byte & 0xFF)) * kPrime; };
    for (int shift = 0; shift < 40; shift += 8) {
        add(number >> shift);
    }
    if (number >> 40 == 0) [[likely]] {
        hash *= kPrime * kPrime * kPrime;  // three zero bytes in one step of the chain
    } else {
        for (int shift = 40; shift < 64; shift += 8) {
            add(number >> shift);
        }
    }
    return (hash >> 63) != 0 ? 0 - hash : hash;
}

/// The same over the number's bytes, highest first: go-ycsb's util.Hash64.
[[nodiscard]] constexpr std::uint64_t fnv64_big_endian(std::uint64_t number) noexcept {
    return fnv64(__builtin_bswap64(number));
}

/// How a record's number becomes the number in its key.
enum class KeyOrder : std::uint8_t { ordered, hashed, hashed_big_endian };

/// Decimal digits of a number without a division for each: eight at a time, as arithmetic on packed lanes, in the
/// manner of P. Khuong, "How to print integers really fast" (pvk.ca, 2017).
namespace decimal {

inline constexpr std::size_t kRoom = 24;  ///< bytes that `write` may overwrite

/// The eight digits of n < 10^8, one to a byte, the first one in the lowest.
[[nodiscard]] constexpr std::uint64_t eight_digits(std::uint32_t n) noexcept {
    const std::uint64_t fours = (n / 10000) | (static_cast<std::uint64_t>(n % 10000) << 32);
    const std::uint64_t upper = ((fours * 5243) >> 19) & 0x0000'007F'0000'007F;  // each / 100
    const std::uint64_t twos = upper | ((fours - upper * 100) << 16);
    const std::uint64_t tens = ((twos * 103) >> 10) & 0x000F'000F'000F'000F;  // each / 10
    return tens | ((twos - tens * 10) << 8);
}

/// A number as 24 digits.
class Digits {
  public:
    explicit constexpr Digits(std::uint64_t number) noexcept {
        constexpr std::uint64_t kEight = 100'000'000;
        const std::uint64_t upper = number / kEight;
        _low = eight_digits(static_cast<std::uint32_t>(number % kEight));
        _middle = eight_digits(static_cast<std::uint32_t>(upper % kEight));
        _high = eight_digits(static_cast<std::uint32_t>(upper / kEight));
        const auto zeros = [](std::uint64_t digits) { return static_cast<std::size_t>(std::countr_zero(digits)) / 8; };
        if (_high != 0) {
            _count = 24 - zeros(_high);
        } else if (_middle != 0) {
            _count = 16 - zeros(_middle);
        } else {
            _count = _low != 0 ? 8 - zeros(_low) : 1;
        }
    }

    /// How many of them it needs, at least 1.
    [[nodiscard]] constexpr std::size_t count() const noexcept { return _count; }

    /// Write those; `kRoom` bytes may be overwritten. Returns their end.
    char* write(char* out) const noexcept {
        const unsigned lead = static_cast<unsigned>(8 * (0 - _count) % 64);  // bits of leading zeros in the first word
        if (_count > 16) {
            put(out, joined(_high, _middle, lead));
            put(out + 8, joined(_middle, _low, lead));
            put(out + 16, _low >> lead);
        } else if (_count > 8) {
            put(out, joined(_middle, _low, lead));
            put(out + 8, _low >> lead);
        } else {
            put(out, _low >> lead);
        }
        return out + _count;
    }

  private:
    /// The eight bytes that start `lead` bits into `first`. In registers: a load across two stores would have to wait.
    [[nodiscard]] static constexpr std::uint64_t joined(std::uint64_t first, std::uint64_t next,
                                                        unsigned lead) noexcept {
        return (first >> lead) | ((next << 1) << (63 - lead));
    }
    static void put(char* out, std::uint64_t digits) noexcept { bytes::store64(out, digits | 0x3030'3030'3030'3030); }

    std::uint64_t _high;
    std::uint64_t _middle;
    std::uint64_t _low;
    std::size_t _count;
};

}  // namespace decimal

/// Writes keys: the prefix, then the record's number or its hash, zero-padded.
class KeyNames {
  public:
    KeyNames(std::string prefix, std::size_t zeropadding, KeyOrder order)
        : _prefix(std::move(prefix)), _padding(zeropadding), _order(order) {
        std::copy_n(_prefix.begin(), std::min(_prefix.size(), kShort), _short_prefix.begin());
    }

    /// Room that `write` needs; the key itself may be shorter, and what follows it in that room is overwritten.
    [[nodiscard]] std::size_t room() const noexcept {
        return std::max(_prefix.size(), kShort) + _padding + decimal::kRoom;
    }

    /// Write the key of a record; returns its length.
    [[nodiscard]] std::size_t write(std::uint64_t record, char* out) const noexcept {
        char* const start = out;
        if (_prefix.size() <= kShort) [[likely]] {
            std::memcpy(out, _short_prefix.data(), kShort);  // a fixed length is one move
        } else {
            std::memcpy(out, _prefix.data(), _prefix.size());
        }
        out += _prefix.size();
        const decimal::Digits digits(number_in_key(record));
        if (digits.count() < _padding) [[unlikely]] {
            std::memset(out, '0', _padding - digits.count());
            out += _padding - digits.count();
        }
        return static_cast<std::size_t>(digits.write(out) - start);
    }

  private:
    [[nodiscard]] std::uint64_t number_in_key(std::uint64_t record) const noexcept {
        if (_order == KeyOrder::ordered) {
            return record;
        }
        return _order == KeyOrder::hashed ? fnv64(record) : fnv64_big_endian(record);
    }

    static constexpr std::size_t kShort = 16;

    std::string _prefix;
    std::array<char, kShort> _short_prefix{};
    std::size_t _padding;
    KeyOrder _order;
};

}  // namespace ycsbpy
