// Bytes, cut anywhere, to frames.
//
// DATA is passed on as it comes, in pieces of the caller's own bytes: nothing is copied, and a frame of megabytes needs
// no memory here. Other frames are small and are passed on whole: straight from the caller's bytes where they stand in
// them in one piece, else collected first. How long a frame to be collected may be is for the sink to say.
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>

#include "http2/buffer.hpp"
#include "http2/frame.hpp"

namespace ycsbpy::http2 {

/// What is to be done with the payload of a frame that begins.
enum class Take : std::uint8_t {
    data,   ///< `sink.data(piece, is_last)` for each piece; padding is left out. Called once at least.
    whole,  ///< `sink.frame(header, payload)`
    start,  ///< the same with the first `kStart` bytes of it only
    skip,
    stop,  ///< read no further; `read` returns false from now on
};

inline constexpr std::size_t kStart = 8 + 128;  ///< of GOAWAY: its two numbers and some of the text

/// The sink has `Take begin(header)`, and `data`, `frame`, `bad_padding`, which return false to stop.
class FrameReader {
  public:
    /// False once the sink has stopped.
    template <class Sink>
    [[nodiscard]] bool read(std::span<const std::byte> bytes, Sink& sink) {
        while (!bytes.empty()) {
            bool goes_on = true;
            switch (_state) {
                case State::header:
                    goes_on = read_header(bytes, sink);
                    break;
                case State::pad_length:
                    goes_on = read_pad_length(bytes, sink);
                    break;
                case State::data:
                    goes_on = read_data(bytes, sink);
                    break;
                case State::collect:
                    goes_on = collect(bytes, sink);
                    break;
                case State::skip:
                    skip(bytes);
                    break;
                case State::stopped:
                    return false;
            }
            if (!goes_on) {
                _state = State::stopped;
                return false;
            }
        }
        return _state != State::stopped;
    }

  private:
    enum class State : std::uint8_t { header, pad_length, data, collect, skip, stopped };

    template <class Sink>
    [[nodiscard]] bool read_header(std::span<const std::byte>& bytes, Sink& sink) {
        if (_have == 0 && bytes.size() >= kFrameHeaderSize) [[likely]] {
            _header = parse_frame_header(bytes.data());
            bytes = bytes.subspan(kFrameHeaderSize);
            return begin(bytes, sink);
        }
        const std::size_t count = std::min(bytes.size(), kFrameHeaderSize - _have);
        std::memcpy(_head.data() + _have, bytes.data(), count);
        _have += count;
        bytes = bytes.subspan(count);
        if (_have < kFrameHeaderSize) {
            return true;
        }
        _have = 0;
        _header = parse_frame_header(_head.data());
        return begin(bytes, sink);
    }

    template <class Sink>
    [[nodiscard]] bool begin(std::span<const std::byte>& bytes, Sink& sink) {
        _left = _header.length;
        _after = 0;
        switch (sink.begin(_header)) {
            case Take::data:
                if (_header.has(flag::kPadded)) {
                    _state = State::pad_length;
                    return true;
                }
                return begin_data(bytes, sink);
            case Take::start:
                _after = _left - std::min(_left, kStart);
                _left -= _after;
                [[fallthrough]];
            case Take::whole:
                _collected.clear();
                _state = State::collect;
                return _left != 0 || deliver({}, sink);
            case Take::skip:
                pass(_left);
                return true;
            case Take::stop:
                break;
        }
        return false;
    }

    template <class Sink>
    [[nodiscard]] bool read_pad_length(std::span<const std::byte>& bytes, Sink& sink) {
        _after = static_cast<std::size_t>(bytes[0]);
        bytes = bytes.subspan(1);
        --_left;
        if (_after > _left) {
            return sink.bad_padding();
        }
        _left -= _after;
        return begin_data(bytes, sink);
    }

    template <class Sink>
    [[nodiscard]] bool begin_data(std::span<const std::byte>& bytes, Sink& sink) {
        _state = State::data;
        if (_left == 0) {
            pass(_after);
            return sink.data(std::span<const std::byte>(), true);
        }
        return bytes.empty() || read_data(bytes, sink);
    }

    template <class Sink>
    [[nodiscard]] bool read_data(std::span<const std::byte>& bytes, Sink& sink) {
        const std::span<const std::byte> piece = bytes.first(std::min(bytes.size(), _left));
        bytes = bytes.subspan(piece.size());
        _left -= piece.size();
        const bool is_last = _left == 0;
        if (is_last) {
            pass(_after);
        }
        return sink.data(piece, is_last);
    }

    template <class Sink>
    [[nodiscard]] bool collect(std::span<const std::byte>& bytes, Sink& sink) {
        const std::span<const std::byte> piece = bytes.first(std::min(bytes.size(), _left));
        bytes = bytes.subspan(piece.size());
        _left -= piece.size();
        if (_collected.empty() && _left == 0) [[likely]] {
            return deliver(piece, sink);
        }
        _collected.append(piece);
        return _left != 0 || deliver(_collected.view(), sink);
    }

    template <class Sink>
    [[nodiscard]] bool deliver(std::span<const std::byte> payload, Sink& sink) {
        pass(_after);
        return sink.frame(_header, payload);
    }

    void skip(std::span<const std::byte>& bytes) noexcept {
        const std::size_t count = std::min(bytes.size(), _left);
        bytes = bytes.subspan(count);
        pass(_left - count);
    }

    /// Skip `count` bytes, then go on with the next frame.
    void pass(std::size_t count) noexcept {
        _left = count;
        _state = count == 0 ? State::header : State::skip;
    }

    State _state = State::header;
    FrameHeader _header;
    std::size_t _left = 0;   // of what the state is about
    std::size_t _after = 0;  // to be skipped behind it
    std::size_t _have = 0;   // of a header that is cut
    std::array<std::byte, kFrameHeaderSize> _head{};
    Buffer _collected;
};

}  // namespace ycsbpy::http2
