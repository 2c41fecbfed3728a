// The bytes that a fuzzer gives, taken from the front.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>

namespace fuzz {

using Bytes = std::span<const std::byte>;

/// The bytes in an allocation of their own, so that a sanitizer sees one byte too far.
class Exactly {
  public:
    explicit Exactly(Bytes from) : _size(from.size()), _bytes(new std::byte[from.size()]) {
        std::copy(from.begin(), from.end(), _bytes.get());
    }
    [[nodiscard]] Bytes view() const { return {_bytes.get(), _size}; }

  private:
    std::size_t _size;
    std::unique_ptr<std::byte[]> _bytes;
};

class Input {
  public:
    Input(const std::uint8_t* data, std::size_t size) : _left(reinterpret_cast<const std::byte*>(data), size) {}

    [[nodiscard]] bool empty() const { return _left.empty(); }

    [[nodiscard]] unsigned byte() {
        if (_left.empty()) {
            return 0;
        }
        const auto value = static_cast<unsigned>(_left[0]);
        _left = _left.subspan(1);
        return value;
    }

    [[nodiscard]] Bytes bytes(std::size_t count) {
        const Bytes taken = _left.first(std::min(count, _left.size()));
        _left = _left.subspan(taken.size());
        return taken;
    }

  private:
    Bytes _left;
};

}  // namespace fuzz
