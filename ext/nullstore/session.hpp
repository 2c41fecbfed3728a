// One client of a null store: HTTP/2 and gRPC on a socket that has been accepted.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <queue>
#include <span>
#include <string>
#include <unordered_map>
#include <utility>
#include <vector>

#include "grpc/message.hpp"
#include "grpc/server.hpp"
#include "http2/connection.hpp"
#include "loop/reactor.hpp"
#include "loop/socket.hpp"
#include "nullstore/answers.hpp"
#include "nullstore/delays.hpp"
#include "recording/recorder.hpp"

namespace ycsbpy::nullstore {

/// What all stores of a process have done. Commands are counted, and messages of BatchCommands that they came in.
struct Counts {
    std::uint64_t connections = 0;  ///< accepted
    std::uint64_t commands = 0;
    std::uint64_t batches = 0;
    std::uint64_t bytes_in = 0;
    std::uint64_t bytes_out = 0;
};

class Session {
  public:
    /// After so many answers the connection is closed; 0: never.
    Session(loop::Fd fd, const Answers& answers, Counts& counts, std::uint64_t drop_after, Delays& delays,
            Recorder& times)
        : _fd(std::move(fd)),
          _answers(answers),
          _counts(counts),
          _drop_after(drop_after),
          _delays(delays),
          _times(times),
          _http2(http2::Role::server, config(), *this) {}
    Session(const Session&) = delete;
    Session& operator=(const Session&) = delete;

    [[nodiscard]] int fd() const noexcept { return _fd.get(); }
    [[nodiscard]] bool wants_write() const noexcept { return _wants_write; }

    /// When the first of the answers that are held back is due; -1: there are none.
    [[nodiscard]] std::int64_t due_ns() const noexcept { return _held.empty() ? -1 : _held.top().due_ns; }

    /// Answer what is due, and note how long the store has had it. False when the connection is over.
    [[nodiscard]] bool answer_due() {
        bool some = false;
        for (std::int64_t now = 0; !_held.empty() && _held.top().due_ns <= (now = loop::now_ns());) {
            const Held held = _held.top();
            _held.pop();
            for (std::uint64_t i = 0; i < held.commands; ++i) {
                _times.record(0, 0, held.came_ns, held.came_ns, now);
            }
            send(held.stream, held.tag);
            some = true;
        }
        return !some || write();
    }

    /// Read what there is and write what is to be said to it. False when the connection is over.
    [[nodiscard]] bool serve(std::span<std::byte> room) {
        bool alive = true;
        const std::uint64_t before = _counts.commands;
        for (;;) {
            const auto count = loop::read_some(_fd.get(), room);
            if (count == -1) {
                break;
            }
            if (count <= 0) {
                return false;
            }
            _came_ns = loop::now_ns();
            _counts.bytes_in += static_cast<std::uint64_t>(count);
            const auto size = static_cast<std::size_t>(count);
            alive = _http2.receive(room.first(size), static_cast<std::uint64_t>(_came_ns));
            if (!alive || size < room.size()) {
                break;
            }
        }
        _answered += _counts.commands - before;
        return write() && alive && (_drop_after == 0 || _answered < _drop_after);
    }

    // ---- http2::Handler

    void on_settings(const http2::PeerSettings&) noexcept {}
    void on_head(http2::StreamRef ref, http2::Fields fields, bool end) {
        const grpc::Incoming incoming = grpc::read_request(fields);
        const bool is_batch = incoming.path == "/tikvpb.Tikv/BatchCommands";
        const bool is_health = incoming.path == "/grpc.health.v1.Health/Check";
        const std::uint32_t command = is_batch || is_health ? 0 : command_of(incoming.path);
        if (end || (!is_batch && !is_health && command == 0)) {
            _http2.send_head(ref.id, grpc::trailers_only(grpc::StatusCode::unimplemented, "a null store"), true);
            _http2.reset(ref.id, http2::ErrorCode::no_error);
            return;
        }
        Stream& stream = _streams[ref.id];
        stream.command = command;
        stream.is_batch = is_batch;
        stream.is_health = is_health;
        if (is_batch) {
            _http2.send_head(ref.id, _head);
        }
    }
    void on_data(http2::StreamRef ref, http2::Bytes data, bool end) {
        const auto found = _streams.find(ref.id);
        if (found == _streams.end()) {
            return;
        }
        Stream& stream = found->second;
        const bool good = stream.reader.feed(data, [&](http2::Bytes message) { answer(ref.id, stream, message); });
        if (!good || _broken) {
            _broken = false;
            _streams.erase(found);
            _http2.reset(ref.id, http2::ErrorCode::internal_error);
        } else if (end) {
            const bool is_batch = stream.is_batch;
            _streams.erase(found);
            if (is_batch) {
                _http2.send_trailers(ref.id, _trailers, kNoBuffer);
            }
        }
    }
    void on_trailers(http2::StreamRef ref, http2::Fields) { on_data(ref, {}, true); }
    void on_closed(http2::StreamRef ref, const http2::Closed&) { _streams.erase(ref.id); }
    void on_released(std::uint64_t tag, http2::Sent) {
        if (tag != kNoBuffer) {
            _buffers[tag]->clear();
            _free.push_back(tag);
        }
    }
    void on_pong(std::uint64_t) noexcept {}
    void on_goaway(std::uint32_t, http2::ErrorCode, std::string_view) noexcept {}

  private:
    static constexpr std::uint64_t kNoBuffer = ~std::uint64_t{0};
    static constexpr std::string_view kServing = "\x08\x01";  // HealthCheckResponse{status: SERVING}

    /// An answer that is not due yet.
    struct Held {
        std::int64_t due_ns;
        std::int64_t came_ns;
        std::uint32_t stream;
        std::uint64_t tag;
        std::uint64_t commands;
        bool operator>(const Held& other) const noexcept { return due_ns > other.due_ns; }
    };

    struct Stream {
        grpc::MessageReader reader;
        std::uint32_t command = 0;
        bool is_batch = false;
        bool is_health = false;
    };

    [[nodiscard]] static http2::Config config() {
        http2::Config config;
        config.stream_window = 1U << 30;
        config.connection_window = 1U << 30;
        config.max_frame_size = 1U << 20;
        config.max_concurrent_streams = 1U << 16;
        config.flood_burst = 1U << 30;  // a client that floods harms nobody here
        return config;
    }

    void answer(std::uint32_t id, Stream& stream, http2::Bytes message) {
        if (_free.empty()) {
            _free.push_back(_buffers.size());
            _buffers.push_back(std::make_unique<http2::Buffer>());
        }
        const std::uint64_t tag = _free.back();
        http2::Buffer& out = *_buffers[tag];
        const std::uint64_t before = _counts.commands;
        [[maybe_unused]] std::byte* const prefix = out.extend(grpc::kPrefixSize);
        if (stream.is_batch) {
            ++_counts.batches;
            if (!_batch.answer(_answers, http2::as_text(message), out, _counts.commands)) {
                out.clear();
                _broken = true;
                return;
            }
        } else if (stream.is_health) {
            out.append(http2::as_bytes(kServing));
        } else {
            ++_counts.commands;
            _body.clear();
            _answers.add_body(stream.command, http2::as_text(message), _body);
            out.append(http2::as_bytes(_body));
        }
        _free.pop_back();
        grpc::write_prefix(out.data(), static_cast<std::uint32_t>(out.size() - grpc::kPrefixSize));
        if (stream.is_batch && !_delays.are_none()) {
            _held.push({_came_ns + _delays.draw(), _came_ns, id, tag, _counts.commands - before});
            return;
        }
        if (!stream.is_batch) {
            _http2.send_head(id, _head);
        }
        if (!_http2.send(id, out.view(), tag)) {
            on_released(tag, http2::Sent::nothing);
        } else if (!stream.is_batch) {
            _http2.send_trailers(id, _trailers, kNoBuffer);
        }
    }

    void send(std::uint32_t stream, std::uint64_t tag) {
        if (!_http2.send(stream, _buffers[tag]->view(), tag)) {
            on_released(tag, http2::Sent::nothing);
        }
    }

    [[nodiscard]] bool write() {
        _wants_write = false;
        std::array<iovec, 64> places;
        for (;;) {
            const std::size_t count = _http2.gather(places);
            if (count == 0) {
                return true;
            }
            std::size_t all = 0;
            for (std::size_t i = 0; i < count; ++i) {
                all += places[i].iov_len;
            }
            const auto written = loop::write_some(_fd.get(), std::span(places).first(count));
            const std::size_t done = written > 0 ? static_cast<std::size_t>(written) : 0;
            _counts.bytes_out += done;
            _http2.wrote(done);
            if (written == -2) {
                return false;
            }
            if (done < all) {
                _wants_write = true;
                return true;
            }
        }
    }

    loop::Fd _fd;
    const Answers& _answers;
    Counts& _counts;
    std::uint64_t _drop_after;
    std::uint64_t _answered = 0;
    Delays& _delays;
    Recorder& _times;
    std::priority_queue<Held, std::vector<Held>, std::greater<>> _held;
    std::int64_t _came_ns = 0;
    bool _wants_write = false;
    bool _broken = false;
    BatchAnswerer _batch;
    std::string _body;
    std::unordered_map<std::uint32_t, Stream> _streams;
    std::vector<std::unique_ptr<http2::Buffer>> _buffers;
    std::vector<std::uint64_t> _free;
    http2::hpack::Block _head = grpc::response_head();
    http2::hpack::Block _trailers = grpc::trailers(grpc::StatusCode::ok);
    http2::Connection<Session> _http2;
};

}  // namespace ycsbpy::nullstore
