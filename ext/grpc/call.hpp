// One call from the client's side: what its request says, and what became of it.
//
// A call is fed with what `http2::Connection` tells its handler about the call's stream and ends with a status,
// whatever comes: trailers, a response without a body, something that is no gRPC at all, a reset, a lost connection.
// `Progress` says when it has ended. The owner then gives `connection.reset(id, call.reset_code())`, which does nothing
// where the stream is closed already, and is what both sides want where it is not (trailers before the request was
// ended, an answer that this side does not want to read further).
//
// Calls are meant to be used again (`start`): a call keeps its buffer, and so costs no allocation after the first.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

#include "grpc/message.hpp"
#include "grpc/status.hpp"
#include "grpc/timeout.hpp"
#include "http2/connection.hpp"

namespace ycsbpy::grpc {

struct Metadata {
    std::string_view name;  ///< in lower case
    std::string_view value;
};

/// The head of a request. Made once for a method and a store, then sent as bytes.
struct Request {
    std::string_view path;  ///< /package.Service/Method
    std::string_view authority;
    std::string_view user_agent;
    bool secure = false;
    std::span<const Metadata> metadata;
};

[[nodiscard]] inline http2::hpack::Block request_head(const Request& request) {
    http2::hpack::Block head;
    head.add(":method", "POST")
        .add(":scheme", request.secure ? "https" : "http")
        .add(":path", request.path)
        .add(":authority", request.authority)
        .add("te", "trailers")
        .add("content-type", "application/grpc")
        .add("user-agent", request.user_agent);
    for (const Metadata& pair : request.metadata) {
        head.add(pair.name, pair.value);
    }
    return head;
}

/// `head` and a timeout, in `out`, which is used again and again.
inline void add_timeout(const http2::hpack::Block& head, std::uint64_t timeout_ns, http2::hpack::Block& out) {
    TimeoutText room;
    out.clear();
    out.append(head).add("grpc-timeout", format_timeout(timeout_ns, room));
}

enum class CallKind : std::uint8_t {
    unary,      ///< exactly one message answers, where the status is OK
    streaming,  ///< any number
};

enum class Progress : std::uint8_t { open, finished };

class Call {
  public:
    explicit Call(std::uint32_t message_limit = kDefaultMessageLimit) noexcept : _reader(message_limit) {}

    /// Begin anew.
    void start(CallKind kind) noexcept {
        _kind = kind;
        _progress = Progress::open;
        _http_status = 0;
        _messages = 0;
        _reader.restart();
        _status.code = StatusCode::ok;
        _status.origin = Origin::server;
        _status.unprocessed = false;
        _status.message.clear();
    }

    [[nodiscard]] Progress progress() const noexcept { return _progress; }

    /// How the call ended; of meaning once it has.
    [[nodiscard]] const Status& status() const noexcept { return _status; }

    /// With what the stream is to be reset, should it still be open when the call has ended.
    [[nodiscard]] http2::ErrorCode reset_code() const noexcept {
        return _status.origin == Origin::client ? http2::ErrorCode::cancel : http2::ErrorCode::no_error;
    }

    Progress on_head(http2::Fields fields, bool end) {
        if (_progress == Progress::finished) {
            return _progress;
        }
        bool is_grpc = false;
        for (const http2::hpack::Field& field : fields) {
            if (field.name == ":status") {
                _http_status = number(field.value);
            } else if (field.name == "content-type") {
                is_grpc = is_grpc_type(field.value);
            }
        }
        if (end) {
            return finish(fields);
        }
        if (!is_grpc) {
            return refuse(from_http(_http_status), "the answer is not application/grpc");
        }
        return _progress;
    }

    /// `on_message(bytes)` is called for each message. It must not destroy this call.
    template <class OnMessage>
    Progress on_data(Bytes data, bool end, OnMessage&& on_message) {
        if (_progress == Progress::finished) {
            return _progress;
        }
        const bool readable = _reader.feed(data, [&](Bytes message) {
            if (++_messages == 1 || _kind == CallKind::streaming) {
                on_message(message);
            }
        });
        if (!readable) {
            return _reader.error() == ReadError::compressed
                       ? refuse(StatusCode::internal, "a message is compressed, which was not agreed on")
                       : refuse(StatusCode::resource_exhausted, "a message is larger than the limit");
        }
        return end ? finish({}) : _progress;
    }

    Progress on_trailers(http2::Fields fields) { return _progress == Progress::finished ? _progress : finish(fields); }

    Progress on_closed(const http2::Closed& closed) {
        if (_progress == Progress::finished) {
            return _progress;
        }
        switch (closed.by) {
            case http2::ClosedBy::peer:
                end(from_reset(closed.code), Origin::stream, "the server reset the stream: ");
                _status.message += http2::name(closed.code);
                break;
            case http2::ClosedBy::violation:
                end(from_reset(closed.code), Origin::client, closed.reason);
                break;
            case http2::ClosedBy::goaway:
                end(StatusCode::unavailable, Origin::connection, "the server is leaving: ");
                _status.message += http2::name(closed.code);
                break;
            case http2::ClosedBy::connection:
                end(StatusCode::unavailable, Origin::connection, closed.reason);
                break;
        }
        _status.unprocessed = closed.unprocessed;
        return _progress;
    }

    /// This side gives up: a deadline has passed, or nobody wants the answer.
    Progress cancel(StatusCode code, std::string_view why) {
        return _progress == Progress::finished ? _progress : refuse(code, why);
    }

  private:
    [[nodiscard]] static std::uint32_t number(std::string_view digits) noexcept {
        std::uint32_t value = 0;
        for (const char c : digits) {
            value = value * 10 + static_cast<std::uint32_t>(c - '0');  // three digits: the connection has looked
        }
        return value;
    }

    [[nodiscard]] static bool is_grpc_type(std::string_view type) noexcept {
        constexpr std::string_view kType = "application/grpc";
        return type.starts_with(kType) &&
               (type.size() == kType.size() || type[kType.size()] == '+' || type[kType.size()] == ';');
    }

    Progress end(StatusCode code, Origin origin, std::string_view message) {
        _progress = Progress::finished;
        _status.code = code;
        _status.origin = origin;
        _status.message = message;
        return _progress;
    }
    Progress refuse(StatusCode code, std::string_view message) { return end(code, Origin::client, message); }

    /// The server has said all it will. `fields` are those that its status should be in.
    Progress finish(http2::Fields fields) {
        bool has_status = false;
        _progress = Progress::finished;
        for (const http2::hpack::Field& field : fields) {
            if (field.name == "grpc-status") {
                has_status = true;
                _status.code = parse_status(field.value);
            } else if (field.name == "grpc-message") {
                percent_decode(field.value, _status.message);
            }
        }
        if (!has_status) {
            return end(from_http(_http_status), Origin::stream, "the answer ends without a grpc-status");
        }
        if (_status.code != StatusCode::ok) {
            return _progress;
        }
        if (_reader.is_within()) {
            return refuse(StatusCode::internal, "the answer ends within a message");
        }
        if (_kind == CallKind::unary && _messages != 1) {
            return refuse(StatusCode::unimplemented, "the answer to a unary call is not one message");
        }
        return _progress;
    }

    CallKind _kind = CallKind::unary;
    Progress _progress = Progress::finished;
    std::uint32_t _http_status = 0;
    std::uint64_t _messages = 0;
    MessageReader _reader;
    Status _status;
};

}  // namespace ycsbpy::grpc
