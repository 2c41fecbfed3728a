// The dynamic table of HPACK (RFC 7541, sections 2.3 and 4): the last fields seen, newest first, in bounded memory.
//
// All strings stand one behind the other in a store of twice the table's size. A new entry is written at the end; when
// it does not fit, the live ones (at most half of the store) move to the front. So entries are contiguous, eviction is
// counting, and the memory is taken once.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <memory>
#include <string_view>
#include <vector>

namespace ycsbpy::http2::hpack {

inline constexpr std::size_t kEntryOverhead = 32;
inline constexpr std::uint32_t kDefaultTableSize = 4096;

class DynamicTable {
  public:
    /// `most` bounds what `resize` will ever be given.
    explicit DynamicTable(std::size_t most)
        : _size_limit(most), _store_size(2 * most), _entries(most / kEntryOverhead + 1) {
        _store = std::make_unique_for_overwrite<char[]>(_store_size);
    }

    [[nodiscard]] std::size_t count() const noexcept { return _count; }
    [[nodiscard]] std::size_t size() const noexcept { return _size; }
    [[nodiscard]] std::size_t size_limit() const noexcept { return _size_limit; }

    /// The entry inserted `age` entries ago; `age` is below `count()`. Valid until the next insertion.
    [[nodiscard]] std::string_view name(std::size_t age) const noexcept {
        const Entry& entry = at(age);
        return {_store.get() + entry.start, entry.name};
    }
    [[nodiscard]] std::string_view value(std::size_t age) const noexcept {
        const Entry& entry = at(age);
        return {_store.get() + entry.start + entry.name, entry.value};
    }

    /// Neither string may be one of this table's. A field larger than the table empties it, and that is no error.
    void insert(std::string_view name, std::string_view value) noexcept {
        const std::size_t needed = name.size() + value.size() + kEntryOverhead;
        evict_down_to(needed <= _size_limit ? _size_limit - needed : 0);
        if (needed > _size_limit) {
            return;
        }
        const std::size_t bytes = name.size() + value.size();
        if (_end + bytes > _store_size) {
            compact();
        }
        copy(name, _store.get() + _end);
        copy(value, _store.get() + _end + name.size());
        _newest = _newest + 1 == _entries.size() ? 0 : _newest + 1;
        _entries[_newest] = {static_cast<std::uint32_t>(_end), static_cast<std::uint32_t>(name.size()),
                             static_cast<std::uint32_t>(value.size())};
        _end += bytes;
        _size += needed;
        ++_count;
    }

    void resize(std::size_t limit) noexcept {
        evict_down_to(limit);
        _size_limit = limit;
    }

  private:
    struct Entry {
        std::uint32_t start;
        std::uint32_t name;
        std::uint32_t value;
    };

    static void copy(std::string_view from, char* to) noexcept {
        if (!from.empty()) {
            std::memcpy(to, from.data(), from.size());
        }
    }

    [[nodiscard]] std::size_t place(std::size_t age) const noexcept {
        return age <= _newest ? _newest - age : _newest + _entries.size() - age;
    }
    [[nodiscard]] const Entry& at(std::size_t age) const noexcept { return _entries[place(age)]; }

    void evict_down_to(std::size_t size) noexcept {
        while (_size > size) {
            const Entry& oldest = at(_count - 1);
            _size -= oldest.name + oldest.value + kEntryOverhead;
            --_count;
        }
    }

    void compact() noexcept {
        if (_count == 0) {
            _end = 0;
            return;
        }
        const std::uint32_t start = at(_count - 1).start;
        std::memmove(_store.get(), _store.get() + start, _end - start);
        for (std::size_t age = 0; age < _count; ++age) {
            _entries[place(age)].start -= start;
        }
        _end -= start;
    }

    std::size_t _size_limit;
    std::size_t _store_size;
    std::size_t _size = 0;
    std::size_t _count = 0;
    std::size_t _end = 0;     // of what is used of the store
    std::size_t _newest = 0;  // among the entries, which are a ring
    std::vector<Entry> _entries;
    std::unique_ptr<char[]> _store;
};

}  // namespace ycsbpy::http2::hpack
