// A record as one value of a key-value store, in go-ycsb's row format.
//
// For each field: 0x08, the column's number as a zigzag varint, 0x02, the length as a zigzag varint, the bytes. A row
// without fields is one zero byte. This is TiDB's old row encoding, cut down; the varints are those of Go's
// encoding/binary and of Protocol Buffers' sint64.
#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>
#include <span>
#include <stdexcept>
#include <string>

namespace ycsbpy::row {

inline constexpr unsigned char kVarintFlag = 8;
inline constexpr unsigned char kBytesFlag = 2;
inline constexpr char kEmptyRow = 0;
inline constexpr std::size_t kMaxVarint = 10;

[[nodiscard]] constexpr std::uint64_t zigzag(std::int64_t x) noexcept {
    return (static_cast<std::uint64_t>(x) << 1) ^ static_cast<std::uint64_t>(x >> 63);
}
[[nodiscard]] constexpr std::int64_t unzigzag(std::uint64_t x) noexcept {
    return static_cast<std::int64_t>((x >> 1) ^ (0 - (x & 1)));
}

/// Seven bits to a byte: ceil(bits / 7), at least 1, without a loop or a division.
[[nodiscard]] constexpr std::size_t varint_size(std::int64_t x) noexcept {
    return (static_cast<std::size_t>(std::bit_width(zigzag(x) | 1)) * 9 + 64) / 64;
}

inline char* write_varint(std::int64_t x, char* out) noexcept {
    std::uint64_t rest = zigzag(x);
    for (; rest >= 0x80; rest >>= 7) {
        *out++ = static_cast<char>(rest | 0x80);
    }
    *out++ = static_cast<char>(rest);
    return out;
}

/// Bytes that a field takes without its value.
[[nodiscard]] constexpr std::size_t header_size(std::int64_t column, std::size_t length) noexcept {
    return 2 + varint_size(column) + varint_size(static_cast<std::int64_t>(length));
}

/// Write what goes before a value; returns where the value starts.
inline char* write_header(std::int64_t column, std::size_t length, char* out) noexcept {
    *out++ = static_cast<char>(kVarintFlag);
    out = write_varint(column, out);
    *out++ = static_cast<char>(kBytesFlag);
    return write_varint(static_cast<std::int64_t>(length), out);
}

/// One field of a row that is read; the bytes are in the row.
struct Field {
    std::int64_t column;
    std::span<const unsigned char> value;
};

/// Takes a row apart. Throws std::invalid_argument, naming the byte, where it is not one; never looks outside of it.
class Reader {
  public:
    explicit Reader(std::span<const unsigned char> row) : _row(row) {
        if (row.empty()) {
            fail("an empty value is not a row", 0);
        }
        _done = row.size() == 1 && row[0] == static_cast<unsigned char>(kEmptyRow);
    }

    [[nodiscard]] bool done() const noexcept { return _done || _at == _row.size(); }

    /// The next field; only where not done.
    [[nodiscard]] Field next() {
        // Nearly all fields have a column below 64 and a length below 8192: looked at in one go, since taking rows
        // apart is the largest part of what reading costs. Whatever is not so, or not right, goes the long way.
        const std::span<const unsigned char> rest = _row.subspan(_at);
        if (rest.size() > kShortHeader && rest[0] == kVarintFlag && rest[1] < 0x80 && rest[2] == kBytesFlag &&
            rest[3] % 2 == 0 && (rest[3] < 0x80 || rest[4] < 0x80)) [[likely]] {
            const bool is_long = rest[3] >= 0x80;
            const std::size_t length =
                is_long ? (rest[3] & std::size_t{0x7F}) >> 1 | std::size_t{rest[4]} << 6 : std::size_t{rest[3]} >> 1;
            const std::size_t header = is_long ? kShortHeader : kShortHeader - 1;
            if (length <= rest.size() - header) [[likely]] {
                _at += header + length;
                return {unzigzag(rest[1]), rest.subspan(header, length)};
            }
        }
        return next_slowly();
    }

  private:
    static constexpr std::size_t kShortHeader = 5;

    [[nodiscard]] Field next_slowly() {
        expect(kVarintFlag, "a column's number (0x08)");
        const std::int64_t column = varint();
        expect(kBytesFlag, "a value (0x02)");
        const std::size_t length_at = _at;
        const std::int64_t length = varint();
        if (length < 0 || static_cast<std::uint64_t>(length) > _row.size() - _at) {
            fail("a length of " + std::to_string(length) + " where " + std::to_string(_row.size() - _at) +
                     " bytes are left",
                 length_at);
        }
        const auto value = _row.subspan(_at, static_cast<std::size_t>(length));
        _at += value.size();
        return {column, value};
    }

    [[noreturn]] static void fail(const std::string& what, std::size_t at) {
        throw std::invalid_argument("row: " + what + ", at byte " + std::to_string(at));
    }

    void expect(unsigned char flag, const char* what) {
        if (_at == _row.size()) {
            fail(std::string("it ends where ") + what + " should be", _at);
        }
        if (_row[_at] != flag) {
            fail("no " + std::string(what), _at);
        }
        ++_at;
    }

    [[nodiscard]] std::int64_t varint() {
        std::uint64_t value = 0;
        for (std::size_t i = 0; i < kMaxVarint; ++i) {
            if (_at + i == _row.size()) {
                fail("it ends within a number", _row.size());
            }
            const unsigned char byte = _row[_at + i];
            if (i == kMaxVarint - 1 && byte > 1) {
                break;  // more than 64 bits
            }
            value |= static_cast<std::uint64_t>(byte & 0x7F) << (7 * i);
            if (byte < 0x80) {
                _at += i + 1;
                return unzigzag(value);
            }
        }
        fail("a number of more than 64 bits", _at);
    }

    std::span<const unsigned char> _row;
    std::size_t _at = 0;
    bool _done;
};

}  // namespace ycsbpy::row
