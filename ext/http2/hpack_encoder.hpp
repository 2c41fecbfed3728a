// Fields to header blocks (RFC 7541), without a dynamic table.
//
// A block made here means the same at any time on any connection. So the head of a request is made once, for a method
// and an authority, and sent as bytes as often as wanted: cheaper than any table. To be sure that the peer agrees that
// there is no table, whatever SETTINGS_HEADER_TABLE_SIZE it changes to, the first block of a connection begins with a
// table size update to 0 (`kNoTable`), which the connection puts there.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

#include "http2/buffer.hpp"
#include "http2/hpack_table.hpp"
#include "http2/huffman.hpp"
#include "http2/static_table.hpp"

namespace ycsbpy::http2::hpack {

inline constexpr std::byte kNoTable{0x20};

/// A header block that is being made or is ready.
class Block {
  public:
    enum class Huffman : std::uint8_t { when_shorter, never };

    explicit Block(Huffman huffman = Huffman::when_shorter) noexcept : _huffman(huffman) {}

    /// Append a field. `name` is in lower case; a `secret` value is marked so that no table ever keeps it.
    Block& add(std::string_view name, std::string_view value, bool secret = false) {
        _list_size += name.size() + value.size() + kEntryOverhead;
        const Found found = find(name, value);
        if (found.both && !secret) {
            integer(0x80, 7, found.index);
            return *this;
        }
        integer(secret ? 0x10 : 0x00, 4, found.index);
        if (found.index == 0) {
            string(name);
        }
        string(value);
        return *this;
    }

    Block& append(const Block& other) {
        _list_size += other._list_size;
        _bytes.append(other._bytes.view());
        return *this;
    }

    void clear() noexcept {
        _bytes.clear();
        _list_size = 0;
    }

    [[nodiscard]] std::span<const std::byte> bytes() const noexcept { return _bytes.view(); }

    /// As SETTINGS_MAX_HEADER_LIST_SIZE counts: names and values, and 32 for each field.
    [[nodiscard]] std::size_t list_size() const noexcept { return _list_size; }

  private:
    struct Found {
        std::uint32_t index = 0;
        bool both = false;
    };

    [[nodiscard]] static Found find(std::string_view name, std::string_view value) noexcept {
        Found found;
        for (std::uint32_t index = 1; index <= kStaticEntries; ++index) {
            const StaticEntry& entry = kStaticTable[index - 1];
            if (entry.name != name) {
                continue;
            }
            if (entry.value == value) {
                return {index, true};
            }
            if (found.index == 0) {
                found.index = index;
            }
        }
        return found;
    }

    void integer(unsigned kind, unsigned bits, std::size_t number) {
        const std::size_t mask = (std::size_t{1} << bits) - 1;
        if (number < mask) {
            *_bytes.extend(1) = static_cast<std::byte>(kind | number);
            return;
        }
        *_bytes.extend(1) = static_cast<std::byte>(kind | mask);
        for (number -= mask; number >= 0x80; number >>= 7) {
            *_bytes.extend(1) = static_cast<std::byte>(number | 0x80);
        }
        *_bytes.extend(1) = static_cast<std::byte>(number);
    }

    void string(std::string_view text) {
        const std::size_t encoded = huffman::encoded_size(text);
        if (_huffman == Huffman::when_shorter && encoded < text.size()) {
            integer(0x80, 7, encoded);
            huffman::encode(text, _bytes.extend(encoded));
        } else {
            integer(0x00, 7, text.size());
            _bytes.append(as_bytes(text));
        }
    }

    Buffer _bytes;
    std::size_t _list_size = 0;
    Huffman _huffman;
};

}  // namespace ycsbpy::http2::hpack
