// The states of a connection and of a stream, as tables: (state, what happens) -> next.
//
// What is not in a table is an error; which one depends on the state alone (RFC 9113, section 5.1, and 3.4, 6.10 for
// connections). Nothing else in this folder decides whether a frame may come.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>

#include "http2/error.hpp"
#include "http2/frame.hpp"

namespace ycsbpy::http2 {

// ---- what may come on a connection
// -----------------------------------------------------------------------------------

enum class Phase : std::uint8_t {
    preface,   ///< a server waits for the client's 24 bytes
    settings,  ///< the first frame has to be SETTINGS
    frames,    ///< any frame but CONTINUATION and, as nobody may push to us, PUSH_PROMISE
    block,     ///< within a header block: only CONTINUATION of the same stream
    closed,    ///< after an error: nothing is looked at any more
};
inline constexpr std::size_t kPhases = 5;

namespace detail {

[[nodiscard]] constexpr auto make_phase_table() {
    std::array<std::array<bool, kFrameTypes>, kPhases> table{};
    const auto allow = [&table](Phase phase, FrameType type) {
        table[static_cast<std::size_t>(phase)][static_cast<std::size_t>(type)] = true;
    };
    allow(Phase::settings, FrameType::settings);
    allow(Phase::frames, FrameType::data);
    allow(Phase::frames, FrameType::headers);
    allow(Phase::frames, FrameType::priority);
    allow(Phase::frames, FrameType::rst_stream);
    allow(Phase::frames, FrameType::settings);
    allow(Phase::frames, FrameType::ping);
    allow(Phase::frames, FrameType::goaway);
    allow(Phase::frames, FrameType::window_update);
    allow(Phase::frames, FrameType::unknown);
    allow(Phase::block, FrameType::continuation);
    return table;
}

inline constexpr auto kPhaseTable = make_phase_table();

}  // namespace detail

/// An error of the connection where a frame of this type may not come now.
[[nodiscard]] constexpr Failure check_phase(Phase phase, FrameType type) noexcept {
    if (detail::kPhaseTable[static_cast<std::size_t>(phase)][static_cast<std::size_t>(type)]) [[likely]] {
        return {};
    }
    switch (phase) {
        case Phase::settings:
            return {ErrorCode::protocol_error, "the first frame is not SETTINGS"};
        case Phase::block:
            return {ErrorCode::protocol_error, "another frame came within a header block"};
        default:
            return {ErrorCode::protocol_error, "a frame came that may not come here"};
    }
}

// ---- the life of a stream
// --------------------------------------------------------------------------------------------

enum class StreamState : std::uint8_t {
    idle,
    open,
    half_closed_local,
    half_closed_remote,
    closed,
    reset_by_us,    ///< closed, but the peer may not know yet: what still comes is ignored
    reset_by_peer,  ///< closed, and the peer knows: what still comes is answered with another reset
};
inline constexpr std::size_t kStreamStates = 7;

enum class StreamInput : std::uint8_t {
    send_headers,
    send_data,
    send_end,
    send_reset,
    receive_headers,
    receive_data,
    receive_end,
    receive_reset,
    receive_window_update,
};
inline constexpr std::size_t kStreamInputs = 9;

namespace detail {

struct StreamTransition {
    StreamState from;
    StreamInput input;
    StreamState to;
};

inline constexpr std::array kStreamTransitions = [] {
    using S = StreamState;
    using I = StreamInput;
    return std::array{
        StreamTransition{S::idle, I::send_headers, S::open},
        StreamTransition{S::idle, I::receive_headers, S::open},

        StreamTransition{S::open, I::send_headers, S::open},
        StreamTransition{S::open, I::send_data, S::open},
        StreamTransition{S::open, I::send_end, S::half_closed_local},
        StreamTransition{S::open, I::send_reset, S::reset_by_us},
        StreamTransition{S::open, I::receive_headers, S::open},
        StreamTransition{S::open, I::receive_data, S::open},
        StreamTransition{S::open, I::receive_end, S::half_closed_remote},
        StreamTransition{S::open, I::receive_reset, S::reset_by_peer},
        StreamTransition{S::open, I::receive_window_update, S::open},

        StreamTransition{S::half_closed_local, I::send_reset, S::reset_by_us},
        StreamTransition{S::half_closed_local, I::receive_headers, S::half_closed_local},
        StreamTransition{S::half_closed_local, I::receive_data, S::half_closed_local},
        StreamTransition{S::half_closed_local, I::receive_end, S::closed},
        StreamTransition{S::half_closed_local, I::receive_reset, S::reset_by_peer},
        StreamTransition{S::half_closed_local, I::receive_window_update, S::half_closed_local},

        StreamTransition{S::half_closed_remote, I::send_headers, S::half_closed_remote},
        StreamTransition{S::half_closed_remote, I::send_data, S::half_closed_remote},
        StreamTransition{S::half_closed_remote, I::send_end, S::closed},
        StreamTransition{S::half_closed_remote, I::send_reset, S::reset_by_us},
        StreamTransition{S::half_closed_remote, I::receive_reset, S::reset_by_peer},
        StreamTransition{S::half_closed_remote, I::receive_window_update, S::half_closed_remote},

        StreamTransition{S::closed, I::receive_reset, S::closed},
        StreamTransition{S::closed, I::receive_window_update, S::closed},

        StreamTransition{S::reset_by_us, I::receive_headers, S::reset_by_us},
        StreamTransition{S::reset_by_us, I::receive_data, S::reset_by_us},
        StreamTransition{S::reset_by_us, I::receive_end, S::reset_by_us},
        StreamTransition{S::reset_by_us, I::receive_reset, S::reset_by_us},
        StreamTransition{S::reset_by_us, I::receive_window_update, S::reset_by_us},

        StreamTransition{S::reset_by_peer, I::receive_reset, S::reset_by_peer},
        StreamTransition{S::reset_by_peer, I::receive_window_update, S::reset_by_peer},
    };
}();

struct Next {
    StreamState state = StreamState::idle;
    bool exists = false;
};

[[nodiscard]] constexpr auto make_stream_table() {
    std::array<std::array<Next, kStreamInputs>, kStreamStates> table{};
    for (const StreamTransition& t : kStreamTransitions) {
        table[static_cast<std::size_t>(t.from)][static_cast<std::size_t>(t.input)] = {t.to, true};
    }
    return table;
}

inline constexpr auto kStreamTable = make_stream_table();

}  // namespace detail

/// The state after `input`, or nothing where `input` may not happen.
[[nodiscard]] constexpr std::optional<StreamState> next(StreamState state, StreamInput input) noexcept {
    const detail::Next& to = detail::kStreamTable[static_cast<std::size_t>(state)][static_cast<std::size_t>(input)];
    return to.exists ? std::optional(to.state) : std::nullopt;
}

[[nodiscard]] constexpr bool is_closed(StreamState state) noexcept {
    return state == StreamState::closed || state == StreamState::reset_by_us || state == StreamState::reset_by_peer;
}

/// What a frame that may not come says about the peer.
struct Violation {
    Failure failure;
    bool of_connection;  ///< otherwise the stream alone is reset
};

[[nodiscard]] constexpr Violation violation(StreamState state) noexcept {
    switch (state) {
        case StreamState::idle:
            return {{ErrorCode::protocol_error, "a frame came on a stream that nobody has opened"}, true};
        case StreamState::half_closed_remote:
            return {{ErrorCode::stream_closed, "a frame came on a stream that the peer had ended"}, false};
        case StreamState::reset_by_peer:
            return {{ErrorCode::stream_closed, "a frame came on a stream that the peer had reset"}, false};
        default:
            return {{ErrorCode::stream_closed, "a frame came on a stream that was closed"}, true};
    }
}

// ---- the message that the peer sends on a stream (section 8.1)
// -------------------------------------------------------

enum class Part : std::uint8_t {
    head,   ///< waiting for the final header section
    body,   ///< DATA or trailers
    ended,  ///< END_STREAM has come
};

enum class PartInput : std::uint8_t { informational, head, data, trailers };

/// Where the next part may begin, or nothing where the message is malformed.
[[nodiscard]] constexpr std::optional<Part> next(Part part, PartInput input) noexcept {
    constexpr std::array<std::array<std::optional<Part>, 4>, 3> kTable{{
        // informational, head, data, trailers
        {Part::head, Part::body, std::nullopt, std::nullopt},
        {std::nullopt, std::nullopt, Part::body, Part::ended},
        {std::nullopt, std::nullopt, std::nullopt, std::nullopt},
    }};
    return kTable[static_cast<std::size_t>(part)][static_cast<std::size_t>(input)];
}

}  // namespace ycsbpy::http2
