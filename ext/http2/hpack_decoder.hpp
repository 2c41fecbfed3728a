// Header blocks to fields (RFC 7541), all of it, because peers use all of it.
//
// A block is decoded as a whole: the connection collects its fragments first and bounds them. The strings of the
// result are views: of the block itself where it holds them plainly, of the static table, or of an arena of this
// decoder's, into which go those that were Huffman-coded and those of the dynamic table (a later field of the same
// block might evict them). They hold until the next block. Memory is taken when the decoder is made; decoding takes
// none.
//
// Bounds, against blocks made to hurt: a list of fields above `list_limit` (counted as SETTINGS_MAX_HEADER_LIST_SIZE
// counts) is decoded to its end, because the table must stay in step, but not kept; one string above it, and a number
// above 2^28 or of more than six bytes, is an error that ends the connection.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <memory>
#include <optional>
#include <span>
#include <string_view>
#include <vector>

#include "http2/buffer.hpp"
#include "http2/hpack_table.hpp"
#include "http2/huffman.hpp"
#include "http2/static_table.hpp"

namespace ycsbpy::http2::hpack {

struct Field {
    std::string_view name;
    std::string_view value;
    bool never_indexed = false;
};

enum class Decoded : std::uint8_t {
    ok,
    too_large,  ///< the list is above its limit; no fields are kept, and the decoder is still in step
    malformed,  ///< the decoder is of no use any more; `reason()` says why
};

class Decoder {
  public:
    /// `table_limit` is what SETTINGS_HEADER_TABLE_SIZE of ours says; the peer may use the default of 4096 until it has
    /// acknowledged that, which `acknowledged()` tells.
    explicit Decoder(std::uint32_t table_limit = kDefaultTableSize, std::uint32_t list_limit = 16'384)
        : _table(std::max(table_limit, kDefaultTableSize)),
          _announced(table_limit),
          _allowed(std::max(table_limit, kDefaultTableSize)),
          _list_limit(list_limit),
          _arena_size(std::size_t{3} * list_limit),
          _arena(std::make_unique_for_overwrite<char[]>(_arena_size)) {
        _table.resize(kDefaultTableSize);
        _fields.reserve(64);
    }

    void acknowledged() noexcept { _allowed = _announced; }

    [[nodiscard]] Decoded decode(std::span<const std::byte> block) {
        _fields.clear();
        _arena_used = 0;
        _list_size = 0;
        _reason = nullptr;
        _next = block.data();
        _end = block.data() + block.size();
        bool at_start = true;
        while (_next != _end) {
            const auto first = static_cast<std::uint8_t>(*_next);
            const bool resizes = (first & 0xe0) == 0x20;
            if (resizes && !at_start) {
                return fail("a table size update stands behind a field");
            }
            if (!resizes && at_start && !may_start_fields()) {
                return fail("the block does not begin with the table size update that SETTINGS asked for");
            }
            at_start = resizes;
            if (!(resizes ? resize() : field(first))) {
                return Decoded::malformed;
            }
        }
        return _list_size > _list_limit ? Decoded::too_large : Decoded::ok;
    }

    /// Of the last block, where it was decoded with `ok`.
    [[nodiscard]] std::span<const Field> fields() const noexcept { return _fields; }
    [[nodiscard]] const char* reason() const noexcept { return _reason; }
    [[nodiscard]] const DynamicTable& table() const noexcept { return _table; }

  private:
    static constexpr std::uint32_t kMaxInteger = 1U << 28;

    Decoded fail(const char* reason) noexcept {
        _reason = reason;
        return Decoded::malformed;
    }
    bool refuse(const char* reason) noexcept {
        _reason = reason;
        return false;
    }

    [[nodiscard]] bool may_start_fields() const noexcept { return _table.size_limit() <= _allowed; }

    [[nodiscard]] bool resize() noexcept {
        const auto size = integer(5);
        if (!size) {
            return false;
        }
        if (*size > _allowed) {
            return refuse("a table size update is above SETTINGS_HEADER_TABLE_SIZE");
        }
        _table.resize(*size);
        return true;
    }

    [[nodiscard]] bool field(std::uint8_t first) {
        if ((first & 0x80) != 0) {
            return indexed();
        }
        const bool inserts = (first & 0x40) != 0;
        const auto index = integer(inserts ? 6 : 4);
        if (!index) {
            return false;
        }
        make_room();
        Field read;
        read.never_indexed = (first & 0xf0) == 0x10;
        if (*index != 0) {
            if (!look_up(*index, read.name, nullptr)) {
                return false;
            }
        } else if (!string(read.name)) {
            return false;
        }
        if (!string(read.value)) {
            return false;
        }
        if (inserts) {
            _table.insert(read.name, read.value);
        }
        keep(read);
        return true;
    }

    [[nodiscard]] bool indexed() {
        const auto index = integer(7);
        if (!index) {
            return false;
        }
        make_room();
        Field read;
        if (!look_up(*index, read.name, &read.value)) {
            return false;
        }
        keep(read);
        return true;
    }

    [[nodiscard]] bool look_up(std::uint32_t index, std::string_view& name, std::string_view* value) noexcept {
        if (index == 0) {
            return refuse("there is no index 0");
        }
        if (index <= kStaticEntries) {
            name = kStaticTable[index - 1].name;
            if (value != nullptr) {
                *value = kStaticTable[index - 1].value;
            }
            return true;
        }
        const std::size_t age = index - kStaticEntries - 1;
        if (age >= _table.count()) {
            return refuse("an index is past the end of the tables");
        }
        if (!copy(_table.name(age), name)) {
            return false;
        }
        return value == nullptr || copy(_table.value(age), *value);
    }

    /// A number with a prefix of `bits` bits (section 5.1).
    [[nodiscard]] std::optional<std::uint32_t> integer(unsigned bits) noexcept {
        const std::uint32_t mask = (1U << bits) - 1;
        std::uint32_t number = static_cast<std::uint32_t>(*_next++) & mask;
        if (number < mask) [[likely]] {
            return number;
        }
        for (unsigned shift = 0; shift <= 28; shift += 7) {
            if (_next == _end) {
                _reason = "the block ends within a number";
                return std::nullopt;
            }
            const auto byte = static_cast<std::uint32_t>(*_next++);
            if (shift == 28 && (byte & 0x7f) != 0) {
                break;
            }
            number += (byte & 0x7f) << shift;
            if ((byte & 0x80) == 0 && number <= kMaxInteger) {
                return number;
            }
        }
        _reason = "a number is too large";
        return std::nullopt;
    }

    [[nodiscard]] bool string(std::string_view& text) noexcept {
        if (_next == _end) {
            return refuse("the block ends where a string should begin");
        }
        const bool huffman = (static_cast<std::uint8_t>(*_next) & 0x80) != 0;
        const auto length = integer(7);
        if (!length) {
            return false;
        }
        if (*length > static_cast<std::size_t>(_end - _next)) {
            return refuse("the block ends within a string");
        }
        const std::span<const std::byte> bytes(_next, *length);
        _next += *length;
        if (huffman) {
            return decode_string(bytes, text);
        }
        text = as_text(bytes);
        return text.size() <= _list_limit || refuse("a string is longer than SETTINGS_MAX_HEADER_LIST_SIZE");
    }

    [[nodiscard]] bool decode_string(std::span<const std::byte> bytes, std::string_view& text) noexcept {
        char* const start = _arena.get() + _arena_used;
        const auto size =
            huffman::decode(bytes, {start, std::min<std::size_t>(_list_limit, _arena_size - _arena_used)});
        if (!size) {
            return refuse("a string is not in the Huffman code, or too long");
        }
        _arena_used += *size;
        text = {start, *size};
        return true;
    }

    [[nodiscard]] bool copy(std::string_view from, std::string_view& to) noexcept {
        if (from.size() > _arena_size - _arena_used) {
            return refuse("a field is longer than SETTINGS_MAX_HEADER_LIST_SIZE");
        }
        char* const start = _arena.get() + _arena_used;
        if (!from.empty()) {
            std::memcpy(start, from.data(), from.size());
        }
        _arena_used += from.size();
        to = {start, from.size()};
        return true;
    }

    /// What is kept takes at most one `list_limit` of the arena, the field being read at most two.
    void make_room() noexcept {
        if (_list_size > _list_limit) {
            _arena_used = 0;
        }
    }

    void keep(const Field& read) {
        _list_size += read.name.size() + read.value.size() + kEntryOverhead;
        if (_list_size <= _list_limit) {
            _fields.push_back(read);
        } else {
            _fields.clear();
        }
    }

    DynamicTable _table;
    std::uint32_t _announced;
    std::uint32_t _allowed;
    std::uint32_t _list_limit;
    std::size_t _arena_size;
    std::size_t _arena_used = 0;
    std::size_t _list_size = 0;
    std::unique_ptr<char[]> _arena;
    std::vector<Field> _fields;
    const std::byte* _next = nullptr;
    const std::byte* _end = nullptr;
    const char* _reason = nullptr;
};

}  // namespace ycsbpy::http2::hpack
