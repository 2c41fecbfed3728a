// What can go wrong between two HTTP/2 peers, in the codes that travel on the wire (RFC 9113, section 7).
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>

namespace ycsbpy::http2 {

enum class ErrorCode : std::uint32_t {
    no_error = 0x0,
    protocol_error = 0x1,
    internal_error = 0x2,
    flow_control_error = 0x3,
    settings_timeout = 0x4,
    stream_closed = 0x5,
    frame_size_error = 0x6,
    refused_stream = 0x7,
    cancel = 0x8,
    compression_error = 0x9,
    connect_error = 0xa,
    enhance_your_calm = 0xb,
    inadequate_security = 0xc,
    http_1_1_required = 0xd,
};

inline constexpr std::array<std::string_view, 14> kErrorNames{
    "NO_ERROR",
    "PROTOCOL_ERROR",
    "INTERNAL_ERROR",
    "FLOW_CONTROL_ERROR",
    "SETTINGS_TIMEOUT",
    "STREAM_CLOSED",
    "FRAME_SIZE_ERROR",
    "REFUSED_STREAM",
    "CANCEL",
    "COMPRESSION_ERROR",
    "CONNECT_ERROR",
    "ENHANCE_YOUR_CALM",
    "INADEQUATE_SECURITY",
    "HTTP_1_1_REQUIRED",
};

/// The code's name in the RFC; "unknown code" for one that it does not list.
[[nodiscard]] constexpr std::string_view name(ErrorCode code) noexcept {
    const auto number = static_cast<std::size_t>(code);
    return number < kErrorNames.size() ? kErrorNames[number] : std::string_view("unknown code");
}

/// An error and why, in a literal that outlives everything; false where there is none.
struct Failure {
    ErrorCode code = ErrorCode::no_error;
    const char* reason = nullptr;

    explicit constexpr operator bool() const noexcept { return reason != nullptr; }
};

}  // namespace ycsbpy::http2
