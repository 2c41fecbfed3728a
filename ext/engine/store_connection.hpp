// One connection to a store with one BatchCommands stream on it: commands in, answers out.
//
// Commands are written behind each other into an open batch; `flush`, once a pass, closes it and gives all that is
// ready to one system call. Answers come with the numbers of their commands. When the connection is lost, whoever owns
// it learns of each command in flight whether it can have been acted upon.
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "engine/client.hpp"
#include "grpc/call.hpp"
#include "http2/connection.hpp"
#include "kvproto/answers.hpp"
#include "kvproto/commands.hpp"
#include "loop/link.hpp"
#include "loop/reactor.hpp"

namespace ycsbpy::engine {

/// What a connection tells its owner. Implemented by `Worker`; not virtual, since there is one.
template <class Owner>
class StoreConnection {
  public:
    enum class State : std::uint8_t { connecting, securing, open, lost };

    /// With TLS if there is a context for it, which outlives the connection.
    StoreConnection(Owner& owner, std::uint64_t store_id, const std::string& address, const loop::TlsContext* tls)
        : _owner(owner), _store_id(store_id), _address(address), _http2(http2::Role::client, config(), *this) {
        grpc::Request request;
        request.path = "/tikvpb.Tikv/BatchCommands";
        request.authority = _address;
        request.user_agent = "ycsbpy-native";
        request.secure = tls != nullptr;
        _call.start(grpc::CallKind::streaming);
        _stream = _http2.open(grpc::request_head(request), 0);
        _link = loop::Link(_address, tls);
        if (!_link) {
            _reason = "store_unreachable";
            _state = State::lost;
        }
    }
    StoreConnection(const StoreConnection&) = delete;
    StoreConnection& operator=(const StoreConnection&) = delete;

    [[nodiscard]] int fd() const noexcept { return _link.fd(); }
    [[nodiscard]] State state() const noexcept { return _state; }
    /// Whether it waits for the socket to be writable before anything can be written.
    [[nodiscard]] bool is_connecting() const noexcept { return _state == State::connecting; }
    /// Whether it ever was open, so that a command can have reached the store.
    [[nodiscard]] bool was_open() const noexcept { return _was_open; }
    [[nodiscard]] bool is_usable() const noexcept { return _state != State::lost && !_leaving; }
    [[nodiscard]] std::uint64_t store_id() const noexcept { return _store_id; }
    [[nodiscard]] const std::string& address() const noexcept { return _address; }
    /// Why it was lost: the name of an error.
    [[nodiscard]] std::string_view reason() const noexcept { return _reason; }
    [[nodiscard]] const std::string& detail() const noexcept { return _detail; }
    [[nodiscard]] bool wants_write() const noexcept { return _wants_write; }

    // ---- commands

    /// Whether a message has been begun in this pass that has fewer commands than that.
    [[nodiscard]] bool is_filling(std::size_t fill) const noexcept {
        return _open != nullptr && _open->ids.size() < fill;
    }

    /// The batch to write a command of `client` into; its place in flight goes to `slot`.
    [[nodiscard]] http2::Buffer& command(std::uint32_t client, std::uint32_t& slot, std::uint32_t limit) {
        if (_open == nullptr) {
            begin_batch();
        } else if (_open->ids.size() >= limit) {
            close_batch();
            begin_batch();
        }
        if (_free_slots.empty()) {
            slot = static_cast<std::uint32_t>(_slots.size());
            _slots.emplace_back();
        } else {
            slot = _free_slots.back();
            _free_slots.pop_back();
        }
        Slot& place = _slots[slot];
        place.client = client;
        place.batch = _open->number;
        _open->ids.push_back(std::uint64_t{place.generation} << kSlotBits | slot);
        return _open->bytes;
    }

    /// Nobody waits for this answer any more.
    void orphan(std::uint32_t slot) noexcept { _slots[slot].client = kNoClient; }

    // ---- the socket

    /// The socket has something to say.
    void event(bool writable, bool readable_now, std::span<std::byte> room, std::int64_t now_ns) {
        if (_state == State::connecting && writable) {
            connected();
        } else if (_state == State::securing) {
            secure();
        }
        if (_state == State::open && readable_now) {
            readable(room, now_ns);
        }
    }

    /// The connection that was begun is there, or is not.
    void connected() {
        const int error = loop::connect_error(_link.fd());
        if (error != 0) {
            lose("store_unreachable", std::system_category().message(error));
        } else if (_link.is_plain()) {
            opened();
        } else {
            _state = State::securing;
            secure();
        }
    }

    /// Go on with the handshake of TLS.
    void secure() {
        switch (_link.handshake()) {
            case loop::TlsSession::Handshake::done:
                opened();
                break;
            case loop::TlsSession::Handshake::failed:
                lose("tls_failed", _link.problem(""));
                break;
            case loop::TlsSession::Handshake::waiting:
                _wants_write = _link.has_unsent();
        }
    }

    void readable(std::span<std::byte> room, std::int64_t now_ns) {
        for (;;) {
            const auto count = _link.read(room);
            if (count == -1) {
                return;
            }
            if (count <= 0) {
                lose("connection_lost",
                     count == 0 ? "the store closed the connection" : _link.problem("the connection was reset"));
                return;
            }
            _now_ns = now_ns;
            if (!_http2.receive(room.first(static_cast<std::size_t>(count)), static_cast<std::uint64_t>(now_ns))) {
                lose("connection_lost", _http2.failure().reason);
                return;
            }
            if (_call.progress() == grpc::Progress::finished || _broken) {
                lose("connection_lost", _broken ? std::string("an answer cannot be read") : ended());
                return;
            }
            if (static_cast<std::size_t>(count) < room.size()) {
                return;
            }
        }
    }

    /// Close the open batch and write what there is.
    void flush() {
        if (_state == State::lost) {
            return;
        }
        if (_open != nullptr) {
            close_batch();
        }
        if (_state != State::open) {
            return;
        }
        _wants_write = false;
        std::array<iovec, 64> places;
        for (;;) {
            const std::size_t count = _http2.gather(places);
            if (count == 0) {
                if (_link.has_unsent() && _link.write({}) == -2) {
                    lose("connection_lost", _link.problem("the connection was reset"));
                }
                _wants_write = _link.has_unsent();
                return;
            }
            std::size_t all = 0;
            for (std::size_t i = 0; i < count; ++i) {
                all += places[i].iov_len;
            }
            const auto written = _link.write(std::span(places).first(count));
            _http2.wrote(written > 0 ? static_cast<std::size_t>(written) : 0);
            if (written == -2) {
                lose("connection_lost", _link.problem("the connection was reset"));
                return;
            }
            if (static_cast<std::size_t>(written) < all) {
                _wants_write = true;
                return;
            }
        }
    }

    void lose(std::string_view reason, std::string detail) {
        if (_state == State::lost) {
            return;
        }
        _reason = reason;
        _detail = std::move(detail);
        _state = State::lost;
        _http2.disconnect();
    }

    /// After it was lost: `on_lost(client, unsent)` for each command in flight that somebody waits for.
    template <class OnLost>
    void drain(OnLost&& on_lost) {
        if (_open != nullptr) {
            _unsent.push_back(_open->number);
            _open = nullptr;
        }
        for (Slot& slot : _slots) {
            if (slot.client != kNoClient) {
                const std::uint32_t client = std::exchange(slot.client, kNoClient);
                const bool unsent = std::find(_unsent.begin(), _unsent.end(), slot.batch) != _unsent.end();
                on_lost(client, unsent);
            }
        }
        _slots.clear();
        _free_slots.clear();
        _link = loop::Link();
    }

    // ---- http2::Handler

    void on_settings(const http2::PeerSettings&) noexcept {}
    void on_head(http2::StreamRef, http2::Fields fields, bool end) { _call.on_head(fields, end); }
    void on_data(http2::StreamRef, http2::Bytes data, bool end) {
        _call.on_data(data, end, [this](http2::Bytes message) {
            const bool good =
                _reader.read(http2::as_text(message),
                             [this](std::uint64_t id, const kvproto::Answer& answer) { take_answer(id, answer); });
            _broken = _broken || !good;
        });
    }
    void on_trailers(http2::StreamRef, http2::Fields fields) { _call.on_trailers(fields); }
    void on_closed(http2::StreamRef, const http2::Closed& closed) { _call.on_closed(closed); }
    void on_released(std::uint64_t tag, http2::Sent sent) {
        Batch* const batch = _batches[tag].get();
        if (sent == http2::Sent::nothing) {
            _unsent.push_back(batch->number);
        }
        batch->bytes.clear();
        batch->bytes.shrink(kKeep);
        batch->ids.clear();
        _free_batches.push_back(tag);
    }
    void on_pong(std::uint64_t) noexcept {}
    void on_goaway(std::uint32_t, http2::ErrorCode, std::string_view) noexcept { _leaving = true; }

  private:
    static constexpr unsigned kSlotBits = 24;
    static constexpr std::size_t kKeep = std::size_t{4} << 20;

    struct Slot {
        std::uint32_t client = kNoClient;
        std::uint32_t generation = 0;
        std::uint64_t batch = 0;
    };
    struct Batch {
        http2::Buffer bytes;
        std::vector<std::uint64_t> ids;
        std::uint64_t number = 0;
        std::uint64_t place = 0;
    };

    [[nodiscard]] static http2::Config config() {
        http2::Config config;
        config.stream_window = 1U << 30;
        config.connection_window = 1U << 30;
        config.max_frame_size = 1U << 20;
        return config;
    }

    void opened() {
        _state = State::open;
        _was_open = true;
        _wants_write = true;
    }

    void begin_batch() {
        if (_free_batches.empty()) {
            _free_batches.push_back(_batches.size());
            _batches.push_back(std::make_unique<Batch>());
            _batches.back()->place = _batches.size() - 1;
        }
        _open = _batches[_free_batches.back()].get();
        _free_batches.pop_back();
        _open->number = ++_last_batch;
        [[maybe_unused]] std::byte* const prefix = _open->bytes.extend(grpc::kPrefixSize);
    }

    void close_batch() {
        Batch* const batch = std::exchange(_open, nullptr);
        kvproto::commands::close(batch->bytes, batch->ids);
        grpc::write_prefix(batch->bytes.data(), static_cast<std::uint32_t>(batch->bytes.size() - grpc::kPrefixSize));
        if (!_http2.send(_stream, batch->bytes.view(), batch->place)) {
            on_released(batch->place, http2::Sent::nothing);
            _broken = true;  // the stream has been ended; the next look at the socket says why
        }
    }

    void take_answer(std::uint64_t id, const kvproto::Answer& answer) {
        const auto slot = static_cast<std::uint32_t>(id & ((1U << kSlotBits) - 1));
        if (slot >= _slots.size() || _slots[slot].generation != static_cast<std::uint32_t>(id >> kSlotBits)) {
            return;  // an answer to nothing we asked
        }
        Slot& place = _slots[slot];
        const std::uint32_t client = std::exchange(place.client, kNoClient);
        ++place.generation;
        _free_slots.push_back(slot);
        if (client != kNoClient) {
            _owner.answered(client, answer, _now_ns);
        }
    }

    [[nodiscard]] std::string ended() const {
        return std::string(grpc::name(_call.status().code)) + ": " + _call.status().message;
    }

    Owner& _owner;
    std::uint64_t _store_id;
    std::string _address;
    http2::Connection<StoreConnection> _http2;
    grpc::Call _call;
    std::uint32_t _stream = 0;
    loop::Link _link;
    bool _was_open = false;
    State _state = State::connecting;
    bool _leaving = false;
    bool _broken = false;
    bool _wants_write = true;
    std::string_view _reason;
    std::string _detail;
    std::int64_t _now_ns = 0;
    std::uint64_t _last_batch = 0;
    Batch* _open = nullptr;
    std::vector<std::unique_ptr<Batch>> _batches;
    std::vector<std::uint64_t> _free_batches;
    std::vector<std::uint64_t> _unsent;
    std::vector<Slot> _slots;
    std::vector<std::uint32_t> _free_slots;
    kvproto::BatchReader _reader;
};

}  // namespace ycsbpy::engine
