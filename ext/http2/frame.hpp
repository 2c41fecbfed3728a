// Frames: the nine bytes before each, and what the nine may say (RFC 9113, sections 4 and 6).
//
// What a frame of each type may look like is one table, `kFrameRules`: how long, and on stream 0 or not. A type that
// the RFC does not list is `unknown`, which may look like anything and is skipped.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

#include "http2/error.hpp"

namespace ycsbpy::http2 {

enum class FrameType : std::uint8_t {
    data = 0,
    headers = 1,
    priority = 2,
    rst_stream = 3,
    settings = 4,
    push_promise = 5,
    ping = 6,
    goaway = 7,
    window_update = 8,
    continuation = 9,
    unknown = 10,
};
inline constexpr std::size_t kFrameTypes = 11;

namespace flag {
inline constexpr std::uint8_t kAck = 0x1;
inline constexpr std::uint8_t kEndStream = 0x1;
inline constexpr std::uint8_t kEndHeaders = 0x4;
inline constexpr std::uint8_t kPadded = 0x8;
inline constexpr std::uint8_t kPriority = 0x20;
}  // namespace flag

inline constexpr std::size_t kFrameHeaderSize = 9;
inline constexpr std::uint32_t kMinMaxFrameSize = 16'384;
inline constexpr std::uint32_t kMaxMaxFrameSize = (1U << 24) - 1;
inline constexpr std::uint32_t kMaxStreamId = (1U << 31) - 1;
inline constexpr std::uint32_t kMaxWindow = (1U << 31) - 1;
inline constexpr std::uint32_t kDefaultWindow = 65'535;

// Network byte order; compilers make one instruction of each.
[[nodiscard]] constexpr std::uint16_t load16(const std::byte* in) noexcept {
    return static_cast<std::uint16_t>(static_cast<unsigned>(in[0]) << 8 | static_cast<unsigned>(in[1]));
}
[[nodiscard]] constexpr std::uint32_t load24(const std::byte* in) noexcept {
    return static_cast<std::uint32_t>(in[0]) << 16 | load16(in + 1);
}
[[nodiscard]] constexpr std::uint32_t load32(const std::byte* in) noexcept {
    return static_cast<std::uint32_t>(load16(in)) << 16 | load16(in + 2);
}
[[nodiscard]] constexpr std::uint64_t load64(const std::byte* in) noexcept {
    return static_cast<std::uint64_t>(load32(in)) << 32 | load32(in + 4);
}
constexpr std::byte* store16(std::byte* out, std::uint16_t x) noexcept {
    out[0] = static_cast<std::byte>(x >> 8);
    out[1] = static_cast<std::byte>(x);
    return out + 2;
}
constexpr std::byte* store32(std::byte* out, std::uint32_t x) noexcept {
    return store16(store16(out, static_cast<std::uint16_t>(x >> 16)), static_cast<std::uint16_t>(x));
}
constexpr std::byte* store64(std::byte* out, std::uint64_t x) noexcept {
    return store32(store32(out, static_cast<std::uint32_t>(x >> 32)), static_cast<std::uint32_t>(x));
}

struct FrameHeader {
    std::uint32_t length = 0;
    FrameType type = FrameType::unknown;
    std::uint8_t flags = 0;
    std::uint32_t stream = 0;

    [[nodiscard]] constexpr bool has(std::uint8_t bits) const noexcept { return (flags & bits) == bits; }
};

/// From nine bytes. The reserved bit before the stream is ignored, as the RFC wants.
[[nodiscard]] constexpr FrameHeader parse_frame_header(const std::byte* in) noexcept {
    const auto type = static_cast<std::uint8_t>(in[3]);
    return FrameHeader{load24(in), type < kFrameTypes - 1 ? static_cast<FrameType>(type) : FrameType::unknown,
                       static_cast<std::uint8_t>(in[4]), load32(in + 5) & kMaxStreamId};
}

/// Writes nine bytes; returns where the payload goes.
constexpr std::byte* write_frame_header(std::byte* out, const FrameHeader& header) noexcept {
    store32(out, header.length << 8 | static_cast<std::uint32_t>(header.type));
    out[4] = static_cast<std::byte>(header.flags);
    return store32(out + 5, header.stream);
}

enum class OnStream : std::uint8_t { never, always, either };

struct FrameRule {
    OnStream stream;
    std::uint32_t min_length;
    std::uint32_t max_length;
};

/// By type. `check_frame` has what does not fit the table: two rules for SETTINGS, one for padding.
inline constexpr std::array<FrameRule, kFrameTypes> kFrameRules{{
    {OnStream::always, 0, kMaxMaxFrameSize},  // DATA
    {OnStream::always, 0, kMaxMaxFrameSize},  // HEADERS
    {OnStream::always, 5, 5},                 // PRIORITY
    {OnStream::always, 4, 4},                 // RST_STREAM
    {OnStream::never, 0, kMaxMaxFrameSize},   // SETTINGS
    {OnStream::always, 4, kMaxMaxFrameSize},  // PUSH_PROMISE
    {OnStream::never, 8, 8},                  // PING
    {OnStream::never, 8, kMaxMaxFrameSize},   // GOAWAY
    {OnStream::either, 4, 4},                 // WINDOW_UPDATE
    {OnStream::always, 0, kMaxMaxFrameSize},  // CONTINUATION
    {OnStream::either, 0, kMaxMaxFrameSize},  // unknown
}};

/// Whether the nine bytes may stand there at all, whatever the state. A wrong length of PRIORITY would be an error of
/// its stream only; like h2 we end the connection, which section 5.4.1 allows.
[[nodiscard]] constexpr Failure check_frame(const FrameHeader& header, std::uint32_t max_frame_size) noexcept {
    const FrameRule& rule = kFrameRules[static_cast<std::size_t>(header.type)];
    if (header.length > max_frame_size) {
        return {ErrorCode::frame_size_error, "a frame is longer than SETTINGS_MAX_FRAME_SIZE"};
    }
    if (header.length < rule.min_length || header.length > rule.max_length) {
        return {ErrorCode::frame_size_error, "a frame has a length that its type cannot have"};
    }
    const bool has_padding = header.type == FrameType::data || header.type == FrameType::headers;
    if (has_padding && header.has(flag::kPadded) && header.length < 1) {
        return {ErrorCode::frame_size_error, "a padded frame is too short for the length of its padding"};
    }
    if (header.type == FrameType::settings && header.length % 6 != 0) {
        return {ErrorCode::frame_size_error, "SETTINGS is not made of six bytes a setting"};
    }
    if (header.type == FrameType::settings && header.has(flag::kAck) && header.length != 0) {
        return {ErrorCode::frame_size_error, "the acknowledgement of SETTINGS carries settings"};
    }
    if (rule.stream == OnStream::always && header.stream == 0) {
        return {ErrorCode::protocol_error, "a frame of a stream came on stream 0"};
    }
    if (rule.stream == OnStream::never && header.stream != 0) {
        return {ErrorCode::protocol_error, "a frame of the connection came on a stream"};
    }
    return {};
}

}  // namespace ycsbpy::http2
