// What a server says of calls: enough for a benchmark's null server and for tests.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

#include "grpc/status.hpp"
#include "grpc/timeout.hpp"
#include "http2/connection.hpp"

namespace ycsbpy::grpc {

/// A request's head as far as a server cares; views of the fields.
struct Incoming {
    std::string_view path;
    std::optional<std::uint64_t> timeout_ns;
};

[[nodiscard]] inline Incoming read_request(http2::Fields fields) noexcept {
    Incoming incoming;
    for (const http2::hpack::Field& field : fields) {
        if (field.name == ":path") {
            incoming.path = field.value;
        } else if (field.name == "grpc-timeout") {
            incoming.timeout_ns = parse_timeout(field.value);
        }
    }
    return incoming;
}

/// Before messages.
[[nodiscard]] inline http2::hpack::Block response_head() {
    http2::hpack::Block head;
    head.add(":status", "200").add("content-type", "application/grpc");
    return head;
}

inline void add_status(http2::hpack::Block& block, StatusCode code, std::string_view message) {
    block.add("grpc-status", std::to_string(static_cast<unsigned>(code)));
    if (!message.empty()) {
        block.add("grpc-message", percent_encode(message));
    }
}

/// After messages.
[[nodiscard]] inline http2::hpack::Block trailers(StatusCode code, std::string_view message = {}) {
    http2::hpack::Block block;
    add_status(block, code, message);
    return block;
}

/// Instead of messages: head and trailers in one.
[[nodiscard]] inline http2::hpack::Block trailers_only(StatusCode code, std::string_view message = {}) {
    http2::hpack::Block block = response_head();
    add_status(block, code, message);
    return block;
}

}  // namespace ycsbpy::grpc
