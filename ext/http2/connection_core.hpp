// The part of a connection that needs no handler: what both sides have said, the streams, and the frames to be written.
//
// `Connection` (connection.hpp) is this and the reading side, which calls the handler.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

#include "http2/buffer.hpp"
#include "http2/error.hpp"
#include "http2/flood.hpp"
#include "http2/frame.hpp"
#include "http2/hpack_decoder.hpp"
#include "http2/hpack_encoder.hpp"
#include "http2/sender.hpp"
#include "http2/settings.hpp"
#include "http2/states.hpp"
#include "http2/stream.hpp"
#include "http2/window.hpp"

namespace ycsbpy::http2 {

inline constexpr std::string_view kPreface = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

class ConnectionCore {
  public:
    ConnectionCore(Role role, const Config& config)
        : _role(role),
          _config(checked(config)),
          _phase(role == Role::client ? Phase::settings : Phase::preface),
          _streams(role),
          _sender(_streams),
          _receive_window(std::max(config.connection_window, kDefaultWindow), config.connection_window),
          _decoder(config.header_table_size, config.max_header_list),
          _flood(config.flood_burst, config.flood_per_second) {
        begin();
    }
    ConnectionCore(const ConnectionCore&) = delete;
    ConnectionCore& operator=(const ConnectionCore&) = delete;

    /// Why the connection is over; false while it is not.
    [[nodiscard]] const Failure& failure() const noexcept { return _failure; }

    /// What the peer has said about itself; the initial values of the RFC before `settled()`.
    [[nodiscard]] const PeerSettings& peer() const noexcept { return _peer; }
    [[nodiscard]] bool settled() const noexcept { return _settled; }

    [[nodiscard]] bool goaway_received() const noexcept { return _goaway_received; }

    /// Streams that are not closed, of either side.
    [[nodiscard]] std::size_t open_streams() const noexcept { return _streams.size(); }

    /// Whether `open` would succeed now. False for good after GOAWAY in either direction, an error, or 2^30 streams.
    [[nodiscard]] bool can_open() const noexcept {
        return _phase != Phase::closed && !_goaway_sent && !_goaway_received && _role == Role::client &&
               _streams.next_own() <= kMaxStreamId && _streams.size() < _peer.max_concurrent_streams;
    }

    /// Open a stream with a request's head. Returns its number, or 0 where `can_open()` is false.
    [[nodiscard]] std::uint32_t open(const hpack::Block& head, std::uint64_t context, bool end_stream = false) {
        if (!can_open()) {
            return 0;
        }
        const std::uint32_t id = _streams.next_own();
        Stream& stream = _streams.at(add_stream(id));
        stream.state = *next(stream.state, StreamInput::send_headers);
        stream.context = context;
        write_head(stream, head, end_stream);
        return id;
    }

    /// Send a response's head: in the server's role, once for each stream. False where there is no such stream.
    bool send_head(std::uint32_t id, const hpack::Block& head, bool end_stream = false) {
        const std::uint32_t slot = _streams.find(id);
        if (slot == kNone || _streams.at(slot).head_sent || !next(_streams.at(slot).state, StreamInput::send_headers)) {
            return false;
        }
        write_head(_streams.at(slot), head, end_stream);
        return true;
    }

    /// Send data. `bytes` stay the caller's and must stay as they are until `on_released(tag, ...)`; there is exactly
    /// one for each call that returns true. False (and no release) where the stream is closed or has been ended.
    bool send(std::uint32_t id, std::span<const std::byte> bytes, std::uint64_t tag, bool end_stream = false) {
        return queue(id, SliceKind::data, bytes, tag, end_stream);
    }

    /// End a stream with trailers, which are borrowed like data. False also where they do not fit one frame.
    bool send_trailers(std::uint32_t id, const hpack::Block& trailers, std::uint64_t tag) {
        return trailers.bytes().size() <= kMinMaxFrameSize &&
               queue(id, SliceKind::trailers, trailers.bytes(), tag, true);
    }

    /// Bytes given to `send` that are not yet written.
    [[nodiscard]] std::uint64_t queued(std::uint32_t id) const noexcept {
        const std::uint32_t slot = _streams.find(id);
        return slot == kNone ? 0 : _streams.at(slot).queued;
    }

    /// How much the peer lets this side send, on the stream and on the connection; may be negative.
    [[nodiscard]] std::int64_t send_window(std::uint32_t id) const noexcept {
        const std::uint32_t slot = _streams.find(id);
        return slot == kNone ? 0 : _streams.at(slot).send_window.size();
    }
    [[nodiscard]] std::int64_t send_window() noexcept { return _sender.window().size(); }

    void set_context(std::uint32_t id, std::uint64_t context) noexcept {
        if (const std::uint32_t slot = _streams.find(id); slot != kNone) {
            _streams.at(slot).context = context;
        }
    }

    /// Ask for a sign of life; `on_pong` is called with the same number.
    void ping(std::uint64_t payload) {
        if (_phase != Phase::closed) {
            ++_pings;
            store64(write_frame(FrameType::ping, 0, 0, 8), payload);
        }
    }

    /// Say that this side is about to leave (GOAWAY): it opens no more streams and takes no new ones. Those that are
    /// open go on to their end.
    void shutdown(ErrorCode code = ErrorCode::no_error, std::string_view text = {}) {
        if (_phase != Phase::closed && !_goaway_sent) {
            write_goaway(code, text);
        }
    }

    /// The places to be filled before the next write to the socket: give them to one sendmsg. Returns how many were
    /// filled, of at least 5; 0 when there is nothing to write. Until `wrote` says how much of it was, nothing else of
    /// this object may be called.
    [[nodiscard]] std::size_t gather(std::span<iovec> places) { return _sender.gather(places, _peer.max_frame_size); }

    /// False when `gather` has nothing. It may also have nothing when this is true: flow control then holds data back.
    [[nodiscard]] bool wants_write() const noexcept { return _sender.wants_write(); }

  protected:
    static constexpr unsigned kLateFrames = 4;  // a head, trailers and a reset, and one to spare

    // ---- writing frames

    /// A frame that flow control does not concern; returns where its payload goes.
    std::byte* write_frame(FrameType type, std::uint8_t flags, std::uint32_t stream, std::uint32_t length) {
        std::byte* const out = _sender.control().extend(kFrameHeaderSize + length);
        return write_frame_header(out, {length, type, flags, stream});
    }

    void write_window_update(std::uint32_t stream, std::uint32_t increment) {
        store32(write_frame(FrameType::window_update, 0, stream, 4), increment);
    }

    void write_reset(std::uint32_t stream, ErrorCode code) {
        store32(write_frame(FrameType::rst_stream, 0, stream, 4), static_cast<std::uint32_t>(code));
    }

    void write_goaway(ErrorCode code, std::string_view text) {
        _goaway_sent = true;
        const std::span<const std::byte> debug = as_bytes(text.substr(0, 128));
        std::byte* out = write_frame(FrameType::goaway, 0, 0, static_cast<std::uint32_t>(8 + debug.size()));
        out = store32(store32(out, _streams.last_peer()), static_cast<std::uint32_t>(code));
        std::copy(debug.begin(), debug.end(), out);
    }

    /// An answer to a frame of the peer's: false, and nothing written, where it does not read those it has already.
    [[nodiscard]] bool may_reply() noexcept {
        if (_sender.control_is_empty()) {
            _replies = 0;
        }
        return ++_replies <= _config.max_replies;
    }

    void write_head(Stream& stream, const hpack::Block& block, bool end_stream) {
        stream.head_sent = true;
        stream.head_at = _sender.control_total();
        std::span<const std::byte> bytes = block.bytes();
        const std::size_t prefix = _told_no_table ? 0 : 1;
        std::size_t size = std::min<std::size_t>(bytes.size(), _peer.max_frame_size - prefix);
        const std::uint8_t ends = end_stream ? flag::kEndStream : std::uint8_t{0};
        std::uint8_t flags = size == bytes.size() ? flag::kEndHeaders | ends : ends;
        std::byte* out = write_frame(FrameType::headers, flags, stream.id, static_cast<std::uint32_t>(size + prefix));
        if (!_told_no_table) {
            *out++ = hpack::kNoTable;
            _told_no_table = true;
        }
        std::copy_n(bytes.begin(), size, out);
        for (bytes = bytes.subspan(size); !bytes.empty(); bytes = bytes.subspan(size)) {
            size = std::min<std::size_t>(bytes.size(), _peer.max_frame_size);
            flags = size == bytes.size() ? flag::kEndHeaders : std::uint8_t{0};
            out = write_frame(FrameType::continuation, flags, stream.id, static_cast<std::uint32_t>(size));
            std::copy_n(bytes.begin(), size, out);
        }
        if (end_stream) {
            stream.end_queued = true;
            sent_end(_streams.find(stream.id));
        }
    }

    // ---- streams

    [[nodiscard]] std::uint32_t add_stream(std::uint32_t id) {
        const std::uint32_t slot = _streams.add(id);
        Stream& stream = _streams.at(slot);
        stream.send_window = SendWindow(_peer.initial_window);
        const std::uint32_t borne = std::max(_config.stream_window, _settings_acknowledged ? 0 : kDefaultWindow);
        stream.receive_window = ReceiveWindow(borne, _config.stream_window);
        return slot;
    }

    /// END_STREAM has been written.
    void sent_end(std::uint32_t slot) noexcept {
        Stream& stream = _streams.at(slot);
        stream.state = next(stream.state, StreamInput::send_end).value_or(StreamState::closed);
        if (is_closed(stream.state)) {
            _streams.erase(slot);
        }
    }

    /// Write RST_STREAM and forget the stream; the caller tells whoever has to know.
    void reset_stream(std::uint32_t slot, ErrorCode code) {
        write_reset(_streams.at(slot).id, code);
        forget_reset(slot);
    }

    /// Forget a stream on which the peer may still send for a while.
    void forget_reset(std::uint32_t slot) {
        _streams.remember_reset_by_us(_streams.at(slot).id);
        _late_frames += kLateFrames;
        _sender.drop(slot);
        _streams.erase(slot);
    }

    /// Whether nothing of the stream's head has left this side.
    [[nodiscard]] bool is_unsent(const Stream& stream) const noexcept {
        return _sender.control_written() <= stream.head_at;
    }

    bool queue(std::uint32_t id, SliceKind kind, std::span<const std::byte> bytes, std::uint64_t tag, bool ends) {
        const std::uint32_t slot = _streams.find(id);
        if (slot == kNone || _phase == Phase::closed) {
            return false;
        }
        Stream& stream = _streams.at(slot);
        if (!stream.head_sent || stream.end_queued || !next(stream.state, StreamInput::send_data)) {
            return false;
        }
        stream.end_queued = ends;
        _sender.queue(slot, kind, bytes, tag, ends);
        return true;
    }

    Role _role;
    Config _config;
    Phase _phase;
    bool _settled = false;
    bool _settings_acknowledged = false;
    bool _goaway_sent = false;
    bool _goaway_received = false;
    bool _told_no_table = false;
    Failure _failure;
    PeerSettings _peer;
    StreamTable _streams;
    Sender _sender;
    ReceiveWindow _receive_window;
    hpack::Decoder _decoder;
    FloodGuard _flood;
    std::uint32_t _replies = 0;      // since the peer had read all
    std::uint32_t _pings = 0;        // of ours that are not answered
    std::uint64_t _late_frames = 0;  // that may still come for streams which we have reset

  private:
    void begin() {
        if (_role == Role::client) {
            _sender.control().append(as_bytes(kPreface));
        }
        const OwnSettings own(_config, _role);
        std::byte* const out = write_frame(FrameType::settings, 0, 0, static_cast<std::uint32_t>(own.size));
        std::copy_n(own.bytes.begin(), own.size, out);
        if (_config.connection_window > kDefaultWindow) {
            write_window_update(0, _config.connection_window - kDefaultWindow);
        }
    }
};

}  // namespace ycsbpy::http2
