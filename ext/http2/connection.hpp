// One HTTP/2 connection without its socket: bytes in, events and bytes out (RFC 9113).
//
// No socket, no clock, no thread, no virtual call, and no allocation once buffers have reached their size. It is the
// part of HTTP/2 that gRPC needs, in the client's role, and as much of the server's as a benchmark's null server and
// tests need. Nothing is negotiated here: the connection starts with the preface ("prior knowledge", or after TLS has
// agreed on "h2").
//
// How a loop uses it
// ------------------
//     struct Store {                                       // the handler: any class with these nine functions
//         void on_settings(const PeerSettings&);           // the peer has introduced itself, or changed its mind
//         void on_head(StreamRef, Fields, bool end);       // of a response (server's role: a new stream's request)
//         void on_data(StreamRef, Bytes, bool end);        // a piece of data, any size; `end`: nothing follows
//         void on_trailers(StreamRef, Fields);             // and nothing follows
//         void on_closed(StreamRef, const Closed&);        // ended some other way; see Closed::unprocessed
//         void on_released(std::uint64_t tag, Sent);       // bytes given to `send` are yours again
//         void on_pong(std::uint64_t payload);
//         void on_goaway(std::uint32_t last, ErrorCode, std::string_view text);
//         Connection<Store> connection{Role::client, Config{}, *this};
//     };
//
//     call = connection.open(head_of_batch_commands, context);         // once; gathers with the preface
//     for (;;) {                                                       // a pass
//         wait for readiness; now = clock
//         while (readable: n = recv(socket, buffer))
//             if (!connection.receive({buffer, n}, now)) goto over;    // a protocol error: failure() says which
//         make requests ready; connection.send(call, message, tag);    // `message` stays put until on_released(tag)
//         while ((n = connection.gather(places)) != 0) {
//             written = sendmsg(socket, places, n);                    // EAGAIN counts as 0
//             connection.wrote(written);
//             if (written < all of places) { wait for writability as well; break; }
//         }
//     }
//     over: gather and write once more, best effort (that is GOAWAY); close the socket
//           connection.disconnect();                                   // the same after EOF or an error of the socket
//
// What holds
// ----------
// * `receive` takes bytes cut anywhere. Spans and views given to the handler hold until it returns; data are pieces of
//   the bytes that `receive` was given. Pieces end where those bytes end, so a message may come in several.
// * Within a handler `open`, `send`, `send_head`, `send_trailers`, `reset`, `ping`, `shutdown` and `disconnect` may be
//   called; `receive`, `gather`, `wrote` may not.
// * A stream is gone when both sides have ended it, when `reset` was called, or when `on_closed` was. Numbers that are
//   gone (or 0) may be given to any function: they do nothing. A response that ends before the request has (`end` while
//   this side has not ended) leaves the stream half open: `reset` it, or send the rest.
// * Each `send` that returned true gets exactly one `on_released`, also through `reset` and `disconnect`. Its `Sent`
// says
//   whether any of the bytes can have reached the peer.
// * Flow control in reading is automatic: what the handler was given is paid back to the peer, half a window at a time.
//   Back pressure is not reading the socket. In writing it is what `queued` shows; nothing stalls PING's answers,
//   which are written before any data that has not begun.
// * GOAWAY: `on_goaway`, then `on_closed` with `unprocessed` for each stream above the last number, then no more
// `open`.
//   Streams up to it go on. A stream without end, as of BatchCommands, has to be ended by its owner: send no more
//   batches, await the answers, end it, disconnect; meanwhile open another connection.
// * Keep-alive is the caller's, who has the clock: `ping(n)`, and give up when `on_pong(n)` is late.
// * `now_ns` need only go forward, by real time; it refills what `FloodGuard` lets through.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>
#include <string_view>

#include "http2/connection_core.hpp"
#include "http2/fields.hpp"
#include "http2/frame_reader.hpp"

namespace ycsbpy::http2 {

using Bytes = std::span<const std::byte>;
using Fields = std::span<const hpack::Field>;

enum class ClosedBy : std::uint8_t {
    peer,        ///< RST_STREAM came
    violation,   ///< the peer broke a rule, and the stream was reset
    goaway,      ///< the peer said that it will not look at it
    connection,  ///< the connection is over
};

/// How a stream ended that was not ended by both sides, nor by `reset`.
struct Closed {
    ClosedBy by;
    ErrorCode code;
    const char* reason;  ///< a literal; empty where there is nothing to add to `code`
    bool unprocessed;    ///< the peer has surely not acted on it: even a write may be sent again
};

template <class H>
concept Handler = requires(H& handler, StreamRef stream, Fields fields, Bytes bytes, const Closed& closed,
                           const PeerSettings& settings) {
    handler.on_settings(settings);
    handler.on_head(stream, fields, true);
    handler.on_data(stream, bytes, true);
    handler.on_trailers(stream, fields);
    handler.on_closed(stream, closed);
    handler.on_released(std::uint64_t{}, Sent::all);
    handler.on_pong(std::uint64_t{});
    handler.on_goaway(std::uint32_t{}, ErrorCode::no_error, std::string_view());
};

template <class H>
class Connection : public ConnectionCore {
  public:
    /// Throws std::invalid_argument where the configuration says what no peer may be told.
    Connection(Role role, const Config& config, H& handler) : ConnectionCore(role, config), _handler(handler) {
        static_assert(Handler<H>);
    }

    /// Bytes from the peer. False when the connection is over: `failure()` says why, GOAWAY is ready to be written, and
    /// `disconnect` is to be called.
    [[nodiscard]] bool receive(Bytes bytes, std::uint64_t now_ns) {
        _now_ns = now_ns;
        if (_phase == Phase::preface) {
            read_preface(bytes);
        }
        if (_phase != Phase::closed) {
            static_cast<void>(_reader.read(bytes, *this));
        }
        return _phase != Phase::closed;
    }

    /// `count` bytes of what the last `gather` gave are written; 0 is fine.
    void wrote(std::size_t count) {
        _sender.wrote(count, [this](std::uint32_t slot) { sent_end(slot); });
        deliver_released();
    }

    /// Break a stream off. No event about it follows, except the release of what was given to `send`.
    void reset(std::uint32_t id, ErrorCode code = ErrorCode::cancel) {
        if (const std::uint32_t slot = _streams.find(id); slot != kNone && _phase != Phase::closed) {
            reset_stream(slot, code);
            deliver_released();
        }
    }

    /// The socket is gone or given up: close all streams, release all bytes. Nothing can be done afterwards.
    void disconnect(ErrorCode code = ErrorCode::connect_error, const char* reason = "the connection was lost") {
        if (_failure) {
            code = _failure.code;
            reason = _failure.reason;
        }
        _phase = Phase::closed;
        for (std::uint32_t slot = 0; slot < _streams.slots(); ++slot) {
            if (const Stream& stream = _streams.at(slot); stream.id != 0) {
                const StreamRef ref = stream.ref();
                const bool unsent = is_unsent(stream);
                forget_reset(slot);
                tell_closed(ref, Closed{ClosedBy::connection, code, reason, unsent});
            }
        }
        _sender.abandon();
        deliver_released();
    }

  private:
    friend class FrameReader;

    static constexpr unsigned kMaxInformational = 8;

    // ---- ends

    bool fail(const Failure& failure) {
        if (_phase != Phase::closed) {
            _failure = failure;
            _phase = Phase::closed;
            write_goaway(failure.code, failure.reason);
            _sender.stop();
        }
        return false;
    }
    Take stop(const Failure& failure) {
        fail(failure);
        return Take::stop;
    }
    [[nodiscard]] bool alive() const noexcept { return _phase != Phase::closed; }

    bool fail_stream(std::uint32_t slot, const Failure& failure) {
        const StreamRef ref = _streams.at(slot).ref();
        const bool is_known = _role == Role::client || _streams.at(slot).part != Part::head;
        reset_stream(slot, failure.code);
        if (!is_known) {
            return alive();  // a request that was malformed, of which the handler has not heard
        }
        tell_closed(ref, Closed{ClosedBy::violation, failure.code, failure.reason, false});
        return alive();
    }
    bool malformed(std::uint32_t slot, const char* reason) {
        return fail_stream(slot, {ErrorCode::protocol_error, reason});
    }

    /// A frame came that the state of an absent stream may not have.
    bool violate(std::uint32_t id, StreamState state) {
        const Violation found = violation(state);
        if (found.of_connection) {
            return fail(found.failure);
        }
        if (!spend()) {
            return false;
        }
        write_reset(id, found.failure.code);
        return true;
    }

    void tell_closed(StreamRef stream, const Closed& closed) {
        _handler.on_closed(stream, closed);
        deliver_released();
    }

    void deliver_released() {
        auto& released = _sender.released();
        if (_delivering || released.empty()) {
            return;
        }
        _delivering = true;
        for (std::size_t i = 0; i < released.size(); ++i) {
            const Released one = released[i];
            _handler.on_released(one.tag, one.sent);
        }
        released.clear();
        _delivering = false;
    }

    /// Pay for a frame that costs the peer nothing.
    [[nodiscard]] bool spend() {
        return _flood.spend(_now_ns) || fail({ErrorCode::enhance_your_calm, "too many frames that carry nothing"});
    }

    /// A frame came on a stream that we had reset: a few for each are no mistake.
    [[nodiscard]] bool accept_late() {
        if (_late_frames == 0) {
            return spend();
        }
        --_late_frames;
        return true;
    }

    void receive_end(std::uint32_t slot) {
        Stream& stream = _streams.at(slot);
        stream.part = Part::ended;
        stream.state = next(stream.state, StreamInput::receive_end).value_or(StreamState::closed);
        if (is_closed(stream.state)) {
            _sender.drop(slot);
            _streams.erase(slot);
        }
    }

    // ---- the reader's sink

    void read_preface(Bytes& bytes) {
        const std::size_t count = std::min(bytes.size(), kPreface.size() - _preface_seen);
        if (as_text(bytes.first(count)) != kPreface.substr(_preface_seen, count)) {
            fail({ErrorCode::protocol_error, "the client does not begin with HTTP/2's preface"});
            return;
        }
        bytes = bytes.subspan(count);
        _preface_seen += count;
        if (_preface_seen == kPreface.size()) {
            _phase = Phase::settings;
        }
    }

    [[nodiscard]] Take begin(const FrameHeader& header) {
        if (const Failure failure = check_phase(_phase, header.type)) {
            return stop(failure);
        }
        if (const Failure failure = check_frame(header, _config.max_frame_size)) {
            return stop(failure);
        }
        switch (header.type) {
            case FrameType::data:
                return begin_data(header);
            case FrameType::headers:
            case FrameType::continuation:
                return begin_block(header);
            case FrameType::settings:
                if (header.length > _config.max_settings * kSettingSize) {
                    return stop({ErrorCode::enhance_your_calm, "too many settings in one frame"});
                }
                return Take::whole;
            case FrameType::goaway:
                return Take::start;
            case FrameType::unknown:
                return spend() ? Take::skip : Take::stop;
            default:
                return Take::whole;
        }
    }

    [[nodiscard]] bool frame(const FrameHeader& header, Bytes payload) {
        switch (header.type) {
            case FrameType::headers:
                return on_headers_frame(header, payload);
            case FrameType::continuation:
                return on_continuation_frame(header, payload);
            case FrameType::rst_stream:
                return on_rst_stream_frame(header, static_cast<ErrorCode>(load32(payload.data())));
            case FrameType::settings:
                return header.has(flag::kAck) ? on_settings_acknowledged() : on_settings_frame(payload);
            case FrameType::ping:
                return on_ping_frame(header, load64(payload.data()));
            case FrameType::goaway:
                return on_goaway_frame(payload);
            case FrameType::window_update:
                return on_window_update_frame(header, load32(payload.data()) & kMaxWindow);
            default:
                return spend();  // PRIORITY, which is ignored
        }
    }

    bool bad_padding() { return fail({ErrorCode::protocol_error, "the padding of a frame is longer than the frame"}); }

    // ---- data

    [[nodiscard]] Take begin_data(const FrameHeader& header) {
        if (!_receive_window.take(header.length)) {
            return stop({ErrorCode::flow_control_error, "more data than the connection's window allows"});
        }
        if (const std::uint32_t due = _receive_window.pay(); due != 0) {
            write_window_update(0, due);
        }
        if (header.length != 0) {
            _flood.earn();
        } else if (!header.has(flag::kEndStream) && !spend()) {
            return Take::stop;
        }
        const std::uint32_t slot = _streams.find(header.stream);
        if (slot == kNone) [[unlikely]] {
            const StreamState state = _streams.absent_state(header.stream);
            _data_slot = kNone;  // what comes is thrown away
            return next(state, StreamInput::receive_data) || violate(header.stream, state) ? Take::data : Take::stop;
        }
        if (const Failure failure = take_data(slot, header)) [[unlikely]] {
            _data_slot = kNone;
            return fail_stream(slot, failure) ? Take::data : Take::stop;
        }
        _data_slot = slot;
        _data_id = header.stream;
        _data_ends = header.has(flag::kEndStream);
        return Take::data;
    }

    /// Whether the stream may get this frame; counts it.
    [[nodiscard]] Failure take_data(std::uint32_t slot, const FrameHeader& header) {
        Stream& stream = _streams.at(slot);
        if (!next(stream.state, StreamInput::receive_data)) {
            return violation(stream.state).failure;
        }
        if (!next(stream.part, PartInput::data)) {
            return {ErrorCode::protocol_error, "data came before the head of the message"};
        }
        if (!stream.receive_window.take(header.length)) {
            return {ErrorCode::flow_control_error, "more data than the stream's window allows"};
        }
        if (header.has(flag::kEndStream)) {
            return {};
        }
        if (const std::uint32_t due = stream.receive_window.pay(); due != 0) {
            write_window_update(header.stream, due);
        }
        return {};
    }

    [[nodiscard]] bool data(Bytes piece, bool is_last) {
        if (_data_slot >= _streams.slots() || _streams.at(_data_slot).id != _data_id) [[unlikely]] {
            return true;  // not wanted, or reset since the frame began
        }
        Stream& stream = _streams.at(_data_slot);
        const bool ends = is_last && _data_ends;
        if (stream.content_left >= 0) {
            stream.content_left -= static_cast<std::int64_t>(piece.size());
            if (stream.content_left < 0 || (ends && stream.content_left != 0)) {
                return malformed(_data_slot, "the data are not as long as content-length says");
            }
        }
        const StreamRef ref = stream.ref();
        if (ends) {
            receive_end(_data_slot);
        } else if (piece.empty()) {
            return true;
        }
        _handler.on_data(ref, piece, ends);
        return alive();
    }

    // ---- header blocks

    [[nodiscard]] Take begin_block(const FrameHeader& header) {
        const bool begins = header.type == FrameType::headers;
        if (!begins && header.stream != _block_stream) {
            return stop({ErrorCode::protocol_error, "CONTINUATION came for another stream"});
        }
        _block_frames = begins ? 1 : _block_frames + 1;
        const std::size_t size = header.length + (begins ? 0 : _block.size());
        if (size > _config.max_header_block || _block_frames > _config.max_header_frames) {
            return stop({ErrorCode::enhance_your_calm, "a header block is too large"});
        }
        return Take::whole;
    }

    bool on_headers_frame(const FrameHeader& header, Bytes payload) {
        std::size_t padding = 0;
        if (header.has(flag::kPadded)) {
            padding = static_cast<std::size_t>(payload[0]);
            payload = payload.subspan(1);
        }
        if (header.has(flag::kPriority)) {
            if (payload.size() < 5) {
                return fail({ErrorCode::frame_size_error, "HEADERS is too short for its priority"});
            }
            payload = payload.subspan(5);
        }
        if (padding > payload.size()) {
            return bad_padding();
        }
        payload = payload.first(payload.size() - padding);
        _block_stream = header.stream;
        _block_ends = header.has(flag::kEndStream);
        if (header.has(flag::kEndHeaders)) [[likely]] {
            return on_block(payload);
        }
        _block.clear();
        _block.append(payload);
        _phase = Phase::block;
        return true;
    }

    bool on_continuation_frame(const FrameHeader& header, Bytes payload) {
        _block.append(payload);
        if (!header.has(flag::kEndHeaders)) {
            return true;
        }
        _phase = Phase::frames;
        return on_block(_block.view());
    }

    bool on_block(Bytes block) {
        const hpack::Decoded decoded = _decoder.decode(block);
        if (decoded == hpack::Decoded::malformed) {
            return fail({ErrorCode::compression_error, _decoder.reason()});
        }
        std::uint32_t slot = _streams.find(_block_stream);
        if (slot == kNone) {
            const StreamState state = _streams.absent_state(_block_stream);
            if (state != StreamState::idle && next(state, StreamInput::receive_headers)) {
                return accept_late();
            }
            if (state != StreamState::idle || _role == Role::client || _streams.is_ours(_block_stream)) {
                return violate(_block_stream, state);
            }
            slot = accept();
            if (slot == kNone) {
                return alive();
            }
        } else if (const StreamState state = _streams.at(slot).state; !next(state, StreamInput::receive_headers)) {
            return fail_stream(slot, violation(state).failure);
        }
        if (decoded == hpack::Decoded::too_large) {
            return fail_stream(slot, {ErrorCode::enhance_your_calm, "the fields are more than we said we take"});
        }
        return _streams.at(slot).part == Part::head ? on_head_block(slot) : on_trailers_block(slot);
    }

    /// A request on a new stream. `kNone` where it is refused.
    [[nodiscard]] std::uint32_t accept() {
        if (_goaway_sent || _streams.size() >= _config.max_concurrent_streams) {
            _streams.skip_peer(_block_stream);
            _streams.remember_reset_by_us(_block_stream);
            if (spend()) {
                write_reset(_block_stream, ErrorCode::refused_stream);
            }
            return kNone;
        }
        const std::uint32_t slot = add_stream(_block_stream);
        Stream& stream = _streams.at(slot);
        stream.state = *next(stream.state, StreamInput::receive_headers);
        return slot;
    }

    bool on_head_block(std::uint32_t slot) {
        const Head head = _role == Role::client ? check_response(_decoder.fields()) : check_request(_decoder.fields());
        if (head.malformed != nullptr) {
            return malformed(slot, head.malformed);
        }
        Stream& stream = _streams.at(slot);
        if (_role == Role::client && head.status < 200) {
            if (_block_ends || ++stream.informational > kMaxInformational) {
                return malformed(slot, "an informational response ends the stream, or there are too many of them");
            }
            return true;
        }
        if (_block_ends && head.content_length > 0) {
            return malformed(slot, "there are no data where content-length says some");
        }
        stream.content_left = head.content_length;
        stream.part = *next(stream.part, PartInput::head);
        const StreamRef ref = stream.ref();
        if (_block_ends) {
            receive_end(slot);
        }
        _handler.on_head(ref, _decoder.fields(), _block_ends);
        return alive();
    }

    bool on_trailers_block(std::uint32_t slot) {
        Stream& stream = _streams.at(slot);
        if (!_block_ends || !next(stream.part, PartInput::trailers)) {
            return malformed(slot, "fields came behind data and do not end the stream");
        }
        if (const char* const wrong = check_trailers(_decoder.fields())) {
            return malformed(slot, wrong);
        }
        if (stream.content_left > 0) {
            return malformed(slot, "the data are not as long as content-length says");
        }
        const StreamRef ref = stream.ref();
        receive_end(slot);
        _handler.on_trailers(ref, _decoder.fields());
        return alive();
    }

    // ---- the other frames

    bool on_rst_stream_frame(const FrameHeader& header, ErrorCode code) {
        const std::uint32_t slot = _streams.find(header.stream);
        if (slot == kNone) {
            const StreamState state = _streams.absent_state(header.stream);
            if (!next(state, StreamInput::receive_reset)) {
                return violate(header.stream, state);
            }
            return accept_late();
        }
        if (_role == Role::server &&
            !spend()) {  // a client can open and reset without end; a server resets what we opened
            return false;
        }
        const StreamRef ref = _streams.at(slot).ref();
        _streams.remember_reset_by_peer(ref.id);
        _sender.drop(slot);
        _streams.erase(slot);
        tell_closed(ref, Closed{ClosedBy::peer, code, "", code == ErrorCode::refused_stream});
        return alive();
    }

    bool on_settings_acknowledged() {
        if (_phase == Phase::settings) {
            return fail({ErrorCode::protocol_error, "the first frame is not SETTINGS"});
        }
        if (_settings_acknowledged) {
            return spend();
        }
        _settings_acknowledged = true;
        _decoder.acknowledged();
        if (_config.stream_window < kDefaultWindow) {
            for (std::uint32_t slot = 0; slot < _streams.slots(); ++slot) {
                _streams.at(slot).receive_window.narrow(kDefaultWindow - _config.stream_window);
            }
        }
        return true;
    }

    bool on_settings_frame(Bytes payload) {
        if (_phase == Phase::settings) {
            _phase = Phase::frames;
        } else if (!spend()) {
            return false;
        }
        const std::int64_t before = _peer.initial_window;
        const Role from = _role == Role::client ? Role::server : Role::client;
        if (const Failure failure = _peer.apply(payload, from)) {
            return fail(failure);
        }
        if (_peer.initial_window != before && !shift_windows(_peer.initial_window - before)) {
            return fail({ErrorCode::flow_control_error, "SETTINGS_INITIAL_WINDOW_SIZE makes a window too large"});
        }
        _settled = true;
        if (!may_reply()) {
            return fail({ErrorCode::enhance_your_calm, "the peer does not read the answers that it asks for"});
        }
        write_frame(FrameType::settings, flag::kAck, 0, 0);
        _handler.on_settings(_peer);
        return alive();
    }

    [[nodiscard]] bool shift_windows(std::int64_t bytes) {
        for (std::uint32_t slot = 0; slot < _streams.slots(); ++slot) {
            Stream& stream = _streams.at(slot);
            if (stream.id == 0) {
                continue;
            }
            if (!stream.send_window.shift(bytes)) {
                return false;
            }
            _sender.wake(slot);
        }
        return true;
    }

    bool on_ping_frame(const FrameHeader& header, std::uint64_t payload) {
        if (header.has(flag::kAck)) {
            if (_pings == 0) {
                return spend();
            }
            --_pings;
            _handler.on_pong(payload);
            return alive();
        }
        if (!spend()) {
            return false;
        }
        if (!may_reply()) {
            return fail({ErrorCode::enhance_your_calm, "the peer does not read the answers that it asks for"});
        }
        store64(write_frame(FrameType::ping, flag::kAck, 0, 8), payload);
        return true;
    }

    bool on_goaway_frame(Bytes payload) {
        if (_goaway_received && !spend()) {
            return false;
        }
        _goaway_received = true;
        const std::uint32_t last = load32(payload.data()) & kMaxStreamId;
        const auto code = static_cast<ErrorCode>(load32(payload.data() + 4));
        _handler.on_goaway(last, code, as_text(payload.subspan(8)));
        for (std::uint32_t slot = 0; slot < _streams.slots() && alive(); ++slot) {
            const Stream& stream = _streams.at(slot);
            if (stream.id > last && _streams.is_ours(stream.id)) {
                const StreamRef ref = stream.ref();
                forget_reset(slot);
                tell_closed(ref, Closed{ClosedBy::goaway, code, "", true});
            }
        }
        return alive();
    }

    bool on_window_update_frame(const FrameHeader& header, std::uint32_t increment) {
        if (header.stream == 0) {
            if (increment == 0) {
                return fail({ErrorCode::protocol_error, "WINDOW_UPDATE by 0"});
            }
            return _sender.window().shift(increment) ||
                   fail({ErrorCode::flow_control_error, "WINDOW_UPDATE makes the connection's window too large"});
        }
        const std::uint32_t slot = _streams.find(header.stream);
        if (slot == kNone) {
            const StreamState state = _streams.absent_state(header.stream);
            return next(state, StreamInput::receive_window_update).has_value() || violate(header.stream, state);
        }
        if (increment == 0) {
            return malformed(slot, "WINDOW_UPDATE by 0");
        }
        if (!_streams.at(slot).send_window.shift(increment)) {
            return fail_stream(slot,
                               {ErrorCode::flow_control_error, "WINDOW_UPDATE makes a stream's window too large"});
        }
        _sender.wake(slot);
        return true;
    }

    H& _handler;
    FrameReader _reader;
    std::uint64_t _now_ns = 0;
    bool _delivering = false;
    std::size_t _preface_seen = 0;

    std::uint32_t _data_slot = kNone;  // of the DATA frame being read
    std::uint32_t _data_id = 0;
    bool _data_ends = false;

    Buffer _block;  // of the header block being read, where it is cut
    std::uint32_t _block_stream = 0;
    std::uint32_t _block_frames = 0;
    bool _block_ends = false;
};

}  // namespace ycsbpy::http2
