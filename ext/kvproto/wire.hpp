// Protobuf's wire format, as much as a raw client of TiKV needs: varints, length-delimited fields, skipping the rest.
//
// Writing goes to memory that the caller has reserved, since all sizes are known before a byte is written (a value is
// drawn straight into its place). Reading never looks outside of the bytes it was given; a length that leads out of
// them, a number of more than 64 bits or a field number of 0 makes the reader fail, once and for good.
#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string_view>

namespace ycsbpy::kvproto {

enum class WireType : std::uint8_t { varint = 0, fixed64 = 1, bytes = 2, group = 3, end_group = 4, fixed32 = 5 };

// ---- writing

[[nodiscard]] constexpr std::size_t varint_size(std::uint64_t value) noexcept {
    return (static_cast<std::size_t>(std::bit_width(value | 1)) + 6) / 7;
}

inline char* write_varint(char* out, std::uint64_t value) noexcept {
    while (value >= 0x80) {
        *out++ = static_cast<char>(value | 0x80);
        value >>= 7;
    }
    *out++ = static_cast<char>(value);
    return out;
}

[[nodiscard]] constexpr std::uint32_t tag(std::uint32_t field, WireType type) noexcept {
    return field << 3 | static_cast<std::uint32_t>(type);
}

inline char* write_tag(char* out, std::uint32_t field, WireType type) noexcept {
    return write_varint(out, tag(field, type));
}

/// Size of a field with a number in it; 0 where the number is 0, which is not written.
[[nodiscard]] constexpr std::size_t number_field_size(std::uint32_t field, std::uint64_t value) noexcept {
    return value == 0 ? 0 : varint_size(tag(field, WireType::varint)) + varint_size(value);
}

inline char* write_number_field(char* out, std::uint32_t field, std::uint64_t value) noexcept {
    return value == 0 ? out : write_varint(write_tag(out, field, WireType::varint), value);
}

/// Size of a length-delimited field with `size` bytes in it, present even if empty.
[[nodiscard]] constexpr std::size_t bytes_field_size(std::uint32_t field, std::size_t size) noexcept {
    return varint_size(tag(field, WireType::bytes)) + varint_size(size) + size;
}

/// Tag and length; the bytes are the caller's to write behind them.
inline char* write_bytes_head(char* out, std::uint32_t field, std::size_t size) noexcept {
    return write_varint(write_tag(out, field, WireType::bytes), size);
}

inline char* write_bytes_field(char* out, std::uint32_t field, std::string_view bytes) noexcept {
    out = write_bytes_head(out, field, bytes.size());
    if (!bytes.empty()) {
        std::memcpy(out, bytes.data(), bytes.size());
    }
    return out + bytes.size();
}

// ---- reading

struct Field {
    std::uint32_t number = 0;
    WireType type = WireType::varint;
    std::uint64_t value = 0;  ///< of a varint; of the fixed ones too
    std::string_view bytes;   ///< of a length-delimited field
};

class Reader {
  public:
    explicit Reader(std::string_view message) noexcept : _at(message.data()), _end(message.data() + message.size()) {}

    /// The next field in `field`; false at the end and after a failure.
    [[nodiscard]] bool next(Field& field) noexcept {
        if (_at == _end || !_good) {
            return false;
        }
        const std::uint64_t head = varint();
        field.number = static_cast<std::uint32_t>(head >> 3);
        field.type = static_cast<WireType>(head & 7);
        if (head >> 32 != 0 || field.number == 0) {
            return fail();
        }
        switch (field.type) {
            case WireType::varint:
                field.value = varint();
                return _good;
            case WireType::bytes: {
                const std::uint64_t size = varint();
                if (!_good || size > static_cast<std::uint64_t>(_end - _at)) {
                    return fail();
                }
                field.bytes = {_at, static_cast<std::size_t>(size)};
                _at += size;
                return true;
            }
            case WireType::fixed64:
                return fixed(field, 8);
            case WireType::fixed32:
                return fixed(field, 4);
            default:
                return fail();  // groups, which nobody writes any more
        }
    }

    /// False where the bytes were no message.
    [[nodiscard]] bool good() const noexcept { return _good; }

    /// A varint of a packed field, or of whatever else is written without tags.
    [[nodiscard]] std::uint64_t varint() noexcept {
        if (_at != _end && static_cast<unsigned char>(*_at) < 0x80) [[likely]] {
            return static_cast<unsigned char>(*_at++);
        }
        std::uint64_t value = 0;
        for (unsigned shift = 0; shift < 64; shift += 7) {
            if (_at == _end) {
                break;
            }
            const auto byte = static_cast<unsigned char>(*_at++);
            if (shift == 63 && byte > 1) {
                break;
            }
            value |= static_cast<std::uint64_t>(byte & 0x7F) << shift;
            if (byte < 0x80) {
                return value;
            }
        }
        _good = false;
        return 0;
    }

    [[nodiscard]] bool done() const noexcept { return _at == _end || !_good; }

  private:
    bool fail() noexcept {
        _good = false;
        return false;
    }
    bool fixed(Field& field, std::size_t size) noexcept {
        if (static_cast<std::size_t>(_end - _at) < size) {
            return fail();
        }
        field.value = 0;
        for (std::size_t i = 0; i < size; ++i) {
            field.value |= static_cast<std::uint64_t>(static_cast<unsigned char>(_at[i])) << (8 * i);
        }
        _at += size;
        return true;
    }

    const char* _at;
    const char* _end;
    bool _good = true;
};

}  // namespace ycsbpy::kvproto
