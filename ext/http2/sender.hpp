// What is to be sent, in the order in which it may be: control frames first, then DATA as far as the windows reach.
//
// DATA is cut into frames only when the caller is about to write (`gather`), and what was cut counts only once it has
// been written (`wrote`). So a PING's answer never waits behind data, windows and frame sizes are those of the moment,
// and a stream that is reset takes back what was not yet on the wire. The one exception is a frame of which a part was
// written: its rest goes out before anything else.
//
// Payloads are not copied. A slice refers to the caller's bytes until its tag is released: when the last of it has been
// written, or will never be. Streams with something to send stand in a ring and take turns, so that a small call is not
// stuck behind a large one; one that its own window holds back leaves the ring until the window grows.
#pragma once

#include <sys/uio.h>

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <span>
#include <vector>

#include "http2/buffer.hpp"
#include "http2/frame.hpp"
#include "http2/stream.hpp"
#include "http2/window.hpp"

namespace ycsbpy::http2 {

enum class SliceKind : std::uint8_t { data, trailers };

/// How much of a slice had been written when it was released. A message of which nothing was sent was surely not acted
/// upon; of any other nobody can know without an answer.
enum class Sent : std::uint8_t { nothing, part, all };

struct Released {
    std::uint64_t tag;
    Sent sent;
};

class Sender {
  public:
    explicit Sender(StreamTable& streams) : _streams(streams) {}

    /// The connection's own window.
    [[nodiscard]] SendWindow& window() noexcept { return _window; }

    /// Frames that flow control does not hold back are appended here, whole.
    [[nodiscard]] Buffer& control() noexcept { return _control; }
    [[nodiscard]] bool control_is_empty() const noexcept { return _control.empty(); }

    [[nodiscard]] bool wants_write() const noexcept {
        return _current.left() != 0 || !_control.empty() || (_turn != kNone && !_stopped);
    }

    /// Slices whose bytes are not needed any more; the caller takes them out.
    [[nodiscard]] std::vector<Released>& released() noexcept { return _released; }

    /// Control bytes written since the beginning, and all that are or will be.
    [[nodiscard]] std::uint64_t control_written() const noexcept { return _control_written; }
    [[nodiscard]] std::uint64_t control_total() const noexcept {
        return _control_written + _control.size() - _control_sent;
    }

    void queue(std::uint32_t slot, SliceKind kind, std::span<const std::byte> bytes, std::uint64_t tag, bool ends) {
        const std::uint32_t index = take_slice();
        _slices[index] = Slice{bytes.data(), bytes.size(), 0, tag, kNone, kind, ends};
        Stream& stream = _streams.at(slot);
        (stream.first_slice == kNone ? stream.first_slice : _slices[stream.last_slice].next) = index;
        stream.last_slice = index;
        stream.queued += bytes.size();
        link(slot);
    }

    /// A window of the stream's has grown.
    void wake(std::uint32_t slot) noexcept {
        if (_streams.at(slot).first_slice != kNone) {
            link(slot);
        }
    }

    /// Forget what a stream has to send.
    void drop(std::uint32_t slot) {
        Stream& stream = _streams.at(slot);
        unlink(slot);
        for (std::uint32_t index = stream.first_slice; index != kNone;) {
            const std::uint32_t following = _slices[index].next;
            if (_current.left() != 0 && _current.slice == index) {
                _current.finishes = true;
            } else {
                release(index, _slices[index].sent == 0 ? Sent::nothing : Sent::part);
            }
            index = following;
        }
        stream.first_slice = stream.last_slice = kNone;
        stream.queued = 0;
    }

    /// From now on only control frames, and the rest of a frame that has begun.
    void stop() noexcept { _stopped = true; }

    /// The bytes to be written now, as many as there are places for. Returns how many places are used.
    [[nodiscard]] std::size_t gather(std::span<iovec> out, std::uint32_t max_frame) {
        std::size_t used = 0;
        const auto put = [&](const std::byte* data, std::size_t size) {
            if (size != 0 && used < out.size()) {
                out[used++] = {const_cast<std::byte*>(data), size};
            }
        };
        _plan.clear();
        if (out.size() < 3) {
            return 0;
        }
        put(_current.header.data() + (kFrameHeaderSize - _current.header_left), _current.header_left);
        put(_current.payload, _current.payload_left);
        put(_control.data() + _control_sent, _control.size() - _control_sent);
        if (!_stopped && _turn != kNone) {
            _plan.reserve((out.size() - used) / 2);
            plan((out.size() - used) / 2, max_frame);
            for (const Planned& frame : _plan) {
                put(frame.header.data(), kFrameHeaderSize);
                put(frame.payload, frame.size);
            }
        }
        return used;
    }

    /// `count` bytes of what `gather` gave have been written. `ended(slot)` is called for each stream whose last frame
    /// was among them.
    template <class Ended>
    void wrote(std::size_t count, Ended&& ended) {
        count -= write_current(count);
        const std::size_t control = std::min(count, _control.size() - _control_sent);
        count -= control;
        _control_sent += control;
        _control_written += control;
        if (_control_sent == _control.size()) {
            _control.clear();
            _control_sent = 0;
        }
        for (std::size_t i = 0; i < _plan.size() && count != 0; ++i) {
            const bool finished = commit(_plan[i]);
            const std::size_t size = kFrameHeaderSize + _plan[i].size;
            if (count >= size) {
                count -= size;
                if (finished) {
                    release(_plan[i].slice, Sent::all);
                }
            } else {
                begin_current(_plan[i], finished, count);
                count = 0;
            }
            if (_plan[i].ends) {
                ended(_plan[i].slot);
            }
        }
        _plan.clear();
    }

    /// Nothing will be written any more; the streams have been dropped.
    void abandon() {
        if (_current.left() != 0 && _current.finishes) {
            release(_current.slice, Sent::part);
        }
        _current = {};
        _control.clear();
        _control_sent = 0;
        _plan.clear();
        stop();
    }

  private:
    struct Slice {
        const std::byte* data;
        std::size_t size;
        std::size_t sent;  ///< bytes in frames that are written or begun
        std::uint64_t tag;
        std::uint32_t next;
        SliceKind kind;
        bool ends;
    };

    struct Planned {
        std::array<std::byte, kFrameHeaderSize> header;
        bool ends;
        std::uint32_t slot;
        std::uint32_t slice;
        std::uint32_t size;
        const std::byte* payload;
    };

    /// A frame of which a part is on the wire.
    struct Current {
        std::array<std::byte, kFrameHeaderSize> header{};
        bool finishes = false;  ///< its slice, which is released with it
        std::uint32_t slice = kNone;
        std::size_t header_left = 0;
        std::size_t payload_left = 0;
        const std::byte* payload = nullptr;

        [[nodiscard]] std::size_t left() const noexcept { return header_left + payload_left; }
    };

    static constexpr std::size_t kQuantum = 65'536;  ///< what a stream may send at a turn when others wait

    // ---- slices

    [[nodiscard]] std::uint32_t take_slice() {
        if (_free_slices.empty()) {
            _slices.emplace_back();
            _free_slices.reserve(_slices.capacity());
            _released.reserve(_slices.capacity());
            return static_cast<std::uint32_t>(_slices.size() - 1);
        }
        const std::uint32_t index = _free_slices.back();
        _free_slices.pop_back();
        return index;
    }

    void release(std::uint32_t index, Sent sent) {
        _released.push_back({_slices[index].tag, sent});
        _free_slices.push_back(index);
    }

    // ---- the ring

    void link(std::uint32_t slot) noexcept {
        Stream& stream = _streams.at(slot);
        if (stream.ring_next != kNone) {
            return;
        }
        ++_ring_size;
        if (_turn == kNone) {
            _turn = stream.ring_next = stream.ring_previous = slot;
            return;
        }
        Stream& first = _streams.at(_turn);
        stream.ring_next = _turn;
        stream.ring_previous = first.ring_previous;
        _streams.at(first.ring_previous).ring_next = slot;
        first.ring_previous = slot;
    }

    void unlink(std::uint32_t slot) noexcept {
        Stream& stream = _streams.at(slot);
        if (stream.ring_next == kNone) {
            return;
        }
        --_ring_size;
        _streams.at(stream.ring_previous).ring_next = stream.ring_next;
        _streams.at(stream.ring_next).ring_previous = stream.ring_previous;
        if (_turn == slot) {
            _turn = stream.ring_next == slot ? kNone : stream.ring_next;
        }
        stream.ring_next = stream.ring_previous = kNone;
    }

    // ---- cutting

    void plan(std::size_t frames, std::uint32_t max_frame) {
        std::uint64_t window = _window.available();
        const std::size_t quantum = _ring_size == 1 ? std::numeric_limits<std::size_t>::max() : kQuantum;
        std::uint32_t slot = _turn;
        for (std::size_t left = _ring_size; left != 0 && _plan.size() < frames; --left) {
            const std::uint32_t following = _streams.at(slot).ring_next;
            if (plan_stream(slot, frames, max_frame, quantum, window)) {
                unlink(slot);
            }
            slot = following;
        }
        if (_turn != kNone) {
            _turn = _streams.at(_turn).ring_next;
        }
    }

    /// True where the stream's own window does not let it send anything.
    [[nodiscard]] bool plan_stream(std::uint32_t slot, std::size_t frames, std::uint32_t max_frame, std::size_t quantum,
                                   std::uint64_t& connection_window) {
        const Stream& stream = _streams.at(slot);
        std::uint64_t window = stream.send_window.available();
        for (std::uint32_t index = stream.first_slice; index != kNone; index = _slices[index].next) {
            const Slice& slice = _slices[index];
            if (slice.kind == SliceKind::trailers) {
                if (_plan.size() < frames) {
                    add_trailers(stream.id, slot, index);
                }
                return false;
            }
            std::size_t at = slice.sent;
            do {
                const std::size_t left = slice.size - at;
                const std::size_t may = std::min<std::uint64_t>({window, connection_window, max_frame, quantum});
                const auto size = static_cast<std::uint32_t>(std::min(left, may));
                if (_plan.size() == frames || (size == 0 && left != 0)) {
                    return window == 0 && index == stream.first_slice && at == slice.sent;
                }
                add_data(stream.id, slot, index, at, size);
                at += size;
                window -= size;
                connection_window -= size;
                quantum -= size;
            } while (at != slice.size);
        }
        return false;
    }

    void add_data(std::uint32_t id, std::uint32_t slot, std::uint32_t index, std::size_t at, std::uint32_t size) {
        const Slice& slice = _slices[index];
        const bool ends = slice.ends && at + size == slice.size;
        Planned& frame = _plan.emplace_back(Planned{{}, ends, slot, index, size, slice.data + at});
        write_frame_header(frame.header.data(), {size, FrameType::data, ends ? flag::kEndStream : std::uint8_t{0}, id});
    }

    void add_trailers(std::uint32_t id, std::uint32_t slot, std::uint32_t index) {
        const Slice& slice = _slices[index];
        const auto size = static_cast<std::uint32_t>(slice.size);
        Planned& frame = _plan.emplace_back(Planned{{}, true, slot, index, size, slice.data});
        write_frame_header(frame.header.data(), {size, FrameType::headers, flag::kEndStream | flag::kEndHeaders, id});
    }

    // ---- counting what was written

    [[nodiscard]] std::size_t write_current(std::size_t count) {
        if (_current.left() == 0) {
            return 0;
        }
        const std::size_t of_header = std::min(count, _current.header_left);
        const std::size_t of_payload = std::min(count - of_header, _current.payload_left);
        _current.header_left -= of_header;
        _current.payload_left -= of_payload;
        _current.payload += of_payload;
        if (_current.left() == 0 && _current.finishes) {
            const Slice& slice = _slices[_current.slice];
            release(_current.slice, slice.sent == slice.size ? Sent::all : Sent::part);
        }
        return of_header + of_payload;
    }

    /// Take the frame off its stream. True where it is the last of its slice.
    [[nodiscard]] bool commit(const Planned& frame) {
        Stream& stream = _streams.at(frame.slot);
        Slice& slice = _slices[frame.slice];
        if (slice.kind == SliceKind::data) {
            stream.send_window.use(frame.size);
            _window.use(frame.size);
        }
        slice.sent += frame.size;
        stream.queued -= frame.size;
        if (slice.sent != slice.size) {
            return false;
        }
        stream.first_slice = slice.next;
        if (stream.first_slice == kNone) {
            stream.last_slice = kNone;
            unlink(frame.slot);
        }
        return true;
    }

    void begin_current(const Planned& frame, bool finished, std::size_t written) noexcept {
        _current.header = frame.header;
        _current.finishes = finished;
        _current.slice = frame.slice;
        const std::size_t of_header = std::min(written, kFrameHeaderSize);
        _current.header_left = kFrameHeaderSize - of_header;
        _current.payload_left = frame.size - (written - of_header);
        _current.payload = frame.payload + (written - of_header);
    }

    StreamTable& _streams;
    SendWindow _window;
    Buffer _control;
    std::size_t _control_sent = 0;  // bytes at its front that are written
    std::uint64_t _control_written = 0;
    bool _stopped = false;
    Current _current;
    std::vector<Planned> _plan;
    std::vector<Slice> _slices;
    std::vector<std::uint32_t> _free_slices;
    std::vector<Released> _released;
    std::uint32_t _turn = kNone;
    std::size_t _ring_size = 0;
};

}  // namespace ycsbpy::http2
