// Bytes that grow at the end and are not zeroed first.
//
// std::vector<std::byte> writes zeros into what is about to be overwritten; at megabytes a message that is a pass over
// memory for nothing. Capacity is kept when the content is cleared, so a buffer in steady use allocates nothing.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstring>
#include <memory>
#include <span>
#include <string_view>
#include <utility>

namespace ycsbpy::http2 {

class Buffer {
  public:
    [[nodiscard]] std::size_t size() const noexcept { return _size; }
    [[nodiscard]] std::size_t capacity() const noexcept { return _capacity; }
    [[nodiscard]] bool empty() const noexcept { return _size == 0; }
    [[nodiscard]] std::byte* data() noexcept { return _bytes.get(); }
    [[nodiscard]] const std::byte* data() const noexcept { return _bytes.get(); }
    [[nodiscard]] std::span<const std::byte> view() const noexcept { return {_bytes.get(), _size}; }

    void clear() noexcept { _size = 0; }

    /// Give the memory back where more than `limit` bytes of it are held; the content goes with it.
    void shrink(std::size_t limit) noexcept {
        if (_capacity > limit) {
            _bytes.reset();
            _capacity = 0;
            _size = 0;
        }
    }

    void reserve(std::size_t capacity) {
        if (capacity > _capacity) {
            const std::size_t grown = std::max({capacity, _capacity * 2, std::size_t{256}});
            auto bytes = std::make_unique_for_overwrite<std::byte[]>(grown);
            if (_size != 0) {
                std::memcpy(bytes.get(), _bytes.get(), _size);
            }
            _bytes = std::move(bytes);
            _capacity = grown;
        }
    }

    /// Room for `count` more bytes, which the caller writes.
    [[nodiscard]] std::byte* extend(std::size_t count) {
        reserve(_size + count);
        std::byte* const start = _bytes.get() + _size;
        _size += count;
        return start;
    }

    void append(std::span<const std::byte> bytes) {
        if (!bytes.empty()) {
            std::memcpy(extend(bytes.size()), bytes.data(), bytes.size());
        }
    }

    /// Drop the first `count` bytes; those behind them move to the front.
    void drop_front(std::size_t count) noexcept {
        _size -= count;
        if (_size != 0) {
            std::memmove(_bytes.get(), _bytes.get() + count, _size);
        }
    }

  private:
    std::unique_ptr<std::byte[]> _bytes;
    std::size_t _size = 0;
    std::size_t _capacity = 0;
};

/// A string literal or a view of text, as bytes.
[[nodiscard]] inline std::span<const std::byte> as_bytes(std::string_view text) noexcept {
    return std::as_bytes(std::span(text.data(), text.size()));
}

[[nodiscard]] inline std::string_view as_text(std::span<const std::byte> bytes) noexcept {
    return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

}  // namespace ycsbpy::http2
