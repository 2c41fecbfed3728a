// The outcome of a call: gRPC's codes, where they come from, and how a status message is written (PROTOCOL-HTTP2 and
// http-grpc-status-mapping in gRPC's documentation).
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "http2/error.hpp"

namespace ycsbpy::grpc {

enum class StatusCode : std::uint8_t {
    ok = 0,
    cancelled = 1,
    unknown = 2,
    invalid_argument = 3,
    deadline_exceeded = 4,
    not_found = 5,
    already_exists = 6,
    permission_denied = 7,
    resource_exhausted = 8,
    failed_precondition = 9,
    aborted = 10,
    out_of_range = 11,
    unimplemented = 12,
    internal = 13,
    unavailable = 14,
    data_loss = 15,
    unauthenticated = 16,
};

inline constexpr std::array<std::string_view, 17> kStatusNames{
    "OK",        "CANCELLED",       "UNKNOWN",           "INVALID_ARGUMENT",   "DEADLINE_EXCEEDED",
    "NOT_FOUND", "ALREADY_EXISTS",  "PERMISSION_DENIED", "RESOURCE_EXHAUSTED", "FAILED_PRECONDITION",
    "ABORTED",   "OUT_OF_RANGE",    "UNIMPLEMENTED",     "INTERNAL",           "UNAVAILABLE",
    "DATA_LOSS", "UNAUTHENTICATED",
};

[[nodiscard]] constexpr std::string_view name(StatusCode code) noexcept {
    return kStatusNames[static_cast<std::size_t>(code)];
}

/// Who said how the call ended.
enum class Origin : std::uint8_t {
    server,      ///< in trailers
    stream,      ///< the server, or something before it, broke the stream off
    connection,  ///< lost, or leaving
    client,      ///< this side, which did not like what came
};

struct Status {
    StatusCode code = StatusCode::ok;
    Origin origin = Origin::server;
    bool unprocessed = false;  ///< the server has surely not acted on the call: even a write may be sent again
    std::string message;
};

/// The value of grpc-status. What is no code of the list is `unknown`.
[[nodiscard]] constexpr StatusCode parse_status(std::string_view text) noexcept {
    if (text.empty() || text.size() > 2) {
        return StatusCode::unknown;
    }
    unsigned number = 0;
    for (const char c : text) {
        if (c < '0' || c > '9') {
            return StatusCode::unknown;
        }
        number = number * 10 + static_cast<unsigned>(c - '0');
    }
    return number < kStatusNames.size() ? static_cast<StatusCode>(number) : StatusCode::unknown;
}

/// For a response without grpc-status, from something that may not have been a gRPC server.
[[nodiscard]] constexpr StatusCode from_http(std::uint32_t status) noexcept {
    switch (status) {
        case 400:
        case 431:
            return StatusCode::internal;
        case 401:
            return StatusCode::unauthenticated;
        case 403:
            return StatusCode::permission_denied;
        case 404:
            return StatusCode::unimplemented;
        case 429:
        case 502:
        case 503:
        case 504:
            return StatusCode::unavailable;
        default:
            return StatusCode::unknown;
    }
}

/// For a stream that ended with RST_STREAM.
[[nodiscard]] constexpr StatusCode from_reset(http2::ErrorCode code) noexcept {
    switch (code) {
        case http2::ErrorCode::refused_stream:
            return StatusCode::unavailable;
        case http2::ErrorCode::cancel:
            return StatusCode::cancelled;
        case http2::ErrorCode::enhance_your_calm:
            return StatusCode::resource_exhausted;
        case http2::ErrorCode::inadequate_security:
            return StatusCode::permission_denied;
        default:
            return code <= http2::ErrorCode::http_1_1_required ? StatusCode::internal : StatusCode::unknown;
    }
}

/// The hexadecimal digit's value, or 16.
[[nodiscard]] constexpr unsigned hex_value(char c) noexcept {
    if (c >= '0' && c <= '9') {
        return static_cast<unsigned>(c - '0');
    }
    const char lower = static_cast<char>(c | 0x20);
    return lower >= 'a' && lower <= 'f' ? static_cast<unsigned>(lower - 'a') + 10 : 16;
}

/// grpc-message as it was meant. A percent sign that does not begin an escape stays as it is; nothing is refused.
inline void percent_decode(std::string_view text, std::string& out) {
    out.clear();
    for (std::size_t i = 0; i < text.size(); ++i) {
        if (text[i] == '%' && text.size() - i > 2) {
            const unsigned value = hex_value(text[i + 1]) << 4 | hex_value(text[i + 2]);
            if (hex_value(text[i + 1]) < 16 && hex_value(text[i + 2]) < 16) {
                out.push_back(static_cast<char>(value));
                i += 2;
                continue;
            }
        }
        out.push_back(text[i]);
    }
}

/// The other way: all but printable ASCII, and the percent sign itself, is escaped.
[[nodiscard]] inline std::string percent_encode(std::string_view text) {
    constexpr std::string_view kDigits = "0123456789ABCDEF";
    std::string out;
    for (const char c : text) {
        const auto byte = static_cast<unsigned char>(c);
        if (byte >= 0x20 && byte < 0x7f && c != '%') {
            out.push_back(c);
        } else {
            out.push_back('%');
            out.push_back(kDigits[byte >> 4]);
            out.push_back(kDigits[byte & 15]);
        }
    }
    return out;
}

}  // namespace ycsbpy::grpc
