// gRPC's messages in a stream of data: one byte that says "not compressed", the length in four, the message.
//
// DATA frames and messages need not agree. A message that lies within one piece of data is handed on where it is,
// without a copy; one that is cut is put together in a buffer of the reader's, which is kept for the next.
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <span>

#include "http2/buffer.hpp"
#include "http2/frame.hpp"

namespace ycsbpy::grpc {

using Bytes = std::span<const std::byte>;

inline constexpr std::size_t kPrefixSize = 5;
inline constexpr std::uint32_t kDefaultMessageLimit = 256U << 20;

/// Write the prefix of a message of `size` bytes before it, where `kPrefixSize` bytes have been left.
inline std::byte* write_prefix(std::byte* out, std::uint32_t size) noexcept {
    *out = std::byte{0};
    return http2::store32(out + 1, size);
}

enum class ReadError : std::uint8_t {
    none,
    compressed,  ///< the flag is not 0, and nobody has said that we could decompress
    too_large,   ///< longer than the limit
};

class MessageReader {
  public:
    explicit MessageReader(std::uint32_t limit = kDefaultMessageLimit) noexcept : _limit(limit) {}

    /// Begin a new stream. Memory is kept, up to what is reasonable.
    void restart() noexcept {
        _have = 0;
        _need = 0;
        _in_body = false;
        _error = ReadError::none;
        _body.clear();
    }

    /// Take data of any length; `on_message(bytes)` is called for each message that they complete, the bytes holding
    /// until it returns. False, from then on, where they are not messages that can be read: see `error()`.
    template <class OnMessage>
    [[nodiscard]] bool feed(Bytes data, OnMessage&& on_message) {
        while (!data.empty() && _error == ReadError::none) {
            if (!_in_body) {
                read_prefix(data);
                continue;
            }
            if (_body.empty() && data.size() >= _need) [[likely]] {
                const Bytes message = data.first(_need);
                data = data.subspan(_need);
                _in_body = false;
                on_message(message);
                continue;
            }
            collect(data);
            if (_body.size() == _need) {
                _in_body = false;
                on_message(_body.view());
                _body.clear();
                _body.shrink(kKeep);
            }
        }
        if (_in_body && _need == 0 && _error == ReadError::none) {
            _in_body = false;
            on_message(Bytes());
        }
        return _error == ReadError::none;
    }

    [[nodiscard]] ReadError error() const noexcept { return _error; }

    /// Whether a message has begun and not ended.
    [[nodiscard]] bool is_within() const noexcept { return _in_body || _have != 0; }

  private:
    static constexpr std::size_t kReserve = std::size_t{1} << 20;  // what a mere prefix can make us take
    static constexpr std::size_t kKeep = std::size_t{16} << 20;

    void read_prefix(Bytes& data) noexcept {
        const std::byte* prefix = data.data();
        if (_have == 0 && data.size() >= kPrefixSize) [[likely]] {
            data = data.subspan(kPrefixSize);
        } else {
            const std::size_t count = std::min(data.size(), kPrefixSize - _have);
            std::copy_n(data.begin(), count, _prefix.begin() + static_cast<std::ptrdiff_t>(_have));
            data = data.subspan(count);
            _have += count;
            if (_have != kPrefixSize) {
                return;
            }
            prefix = _prefix.data();
            _have = 0;
        }
        _need = http2::load32(prefix + 1);
        _in_body = true;
        if (prefix[0] != std::byte{0}) {
            _error = ReadError::compressed;
        } else if (_need > _limit) {
            _error = ReadError::too_large;
        }
    }

    void collect(Bytes& data) {
        if (_body.empty()) {
            _body.reserve(std::min<std::size_t>(_need, kReserve));
        }
        const std::size_t count = std::min(data.size(), _need - _body.size());
        _body.append(data.first(count));
        data = data.subspan(count);
    }

    std::uint32_t _limit;
    ReadError _error = ReadError::none;
    bool _in_body = false;
    std::size_t _have = 0;  // of a prefix that is cut
    std::size_t _need = 0;  // bytes of the message
    std::array<std::byte, kPrefixSize> _prefix{};
    http2::Buffer _body;
};

}  // namespace ycsbpy::grpc
