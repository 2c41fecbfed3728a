// A peer's bytes, mixed with what the owner of a connection may do, through two connections: one is given the bytes as
// the input has them, the other one by one. Both must tell the same, and release each payload once.
#include <array>
#include <map>
#include <string>
#include <vector>

#include "check.hpp"
#include "grpc/call.hpp"
#include "http2/connection.hpp"
#include "input.hpp"

using namespace ycsbpy;
using namespace ycsbpy::http2;

namespace {

class Peer {
  public:
    Peer(Role role, const Config& config) : connection(role, config, *this) {}

    void on_settings(const PeerSettings& settings) {
        CHECK(settings.max_frame_size >= kMinMaxFrameSize && settings.initial_window <= kMaxWindow);
        say("settings", 0);
    }
    void on_head(StreamRef stream, Fields fields, bool end) {
        say("head", stream.id);
        say_fields(fields, end);
        call.start(grpc::CallKind::streaming);
        static_cast<void>(call.on_head(fields, end));
        if (fields.size() == 3) {
            connection.reset(stream.id, ErrorCode::cancel);  // a handler that calls back
        }
    }
    void on_data(StreamRef stream, Bytes bytes, bool end) {
        if (_said != stream.id) {
            say("data", stream.id);
        }
        _said = end ? 0 : stream.id;
        seen.append(as_text(bytes)).append(end ? "." : "");
        static_cast<void>(call.on_data(bytes, end, [](Bytes) {}));
    }
    void on_trailers(StreamRef stream, Fields fields) {
        say("trailers", stream.id);
        say_fields(fields, true);
        static_cast<void>(call.on_trailers(fields));
    }
    void on_closed(StreamRef stream, const Closed& closed) {
        CHECK(closed.reason != nullptr);
        say("closed", stream.id);
        seen += std::to_string(static_cast<unsigned>(closed.by)) + std::to_string(static_cast<unsigned>(closed.code));
        static_cast<void>(call.on_closed(closed));
    }
    void on_released(std::uint64_t tag, Sent sent) {
        say("released", tag);
        seen += std::to_string(static_cast<unsigned>(sent));
        CHECK(payloads.erase(tag) == 1);
    }
    void on_pong(std::uint64_t payload) { say("pong", payload); }
    void on_goaway(std::uint32_t last, ErrorCode, std::string_view text) {
        say("goaway", last);
        seen += text;
    }

    void send(std::uint32_t stream, std::size_t size, bool end) {
        const std::uint64_t tag = ++tags;
        auto& payload = payloads[tag];
        payload.resize(size, std::byte{0x55});
        if (!connection.send(stream, payload, tag, end)) {
            payloads.erase(tag);
        }
    }

    /// One write of at most `limit` bytes.
    void write(std::size_t places, std::size_t limit) {
        std::vector<iovec> out(places);
        const std::size_t used = connection.gather(out);
        std::size_t size = 0;
        for (std::size_t i = 0; i < used && size < limit; ++i) {
            const std::size_t taken = std::min(out[i].iov_len, limit - size);
            written.append(static_cast<const char*>(out[i].iov_base), taken);
            size += taken;
        }
        connection.wrote(size);
        CHECK(connection.send_window() <= static_cast<std::int64_t>(kMaxWindow));
    }

    Connection<Peer> connection;
    grpc::Call call{100};
    std::map<std::uint64_t, std::vector<std::byte>> payloads;
    std::uint64_t tags = 0;
    std::string seen;
    std::string written;

  private:
    void say(const char* what, std::uint64_t number) {
        _said = 0;
        seen.append(" ").append(what).append(std::to_string(number)).append(" ");
    }
    void say_fields(Fields fields, bool end) {
        for (const hpack::Field& field : fields) {
            seen.append(field.name).append("=").append(field.value).append(";");
        }
        seen += end ? "." : "";
    }

    std::uint64_t _said = 0;  // the stream whose data were told of last
};

/// Sizes of payloads, so that small inputs can send much.
constexpr std::array<std::size_t, 8> kSizes{0, 1, 9, 100, 5'000, 16'384, 70'000, 200'000};

void act(Peer& peer, unsigned verb, unsigned amount, const hpack::Block& head) {
    const std::uint32_t stream = 2 * (amount % 8) + 1;
    switch (verb) {
        case 0:
            static_cast<void>(peer.connection.open(head, amount, amount % 2 == 1));
            break;
        case 1:
            peer.send(stream, kSizes[amount / 8 % 8], amount >= 128);
            break;
        case 2:
            peer.write(5 + amount % 20, amount * 97);
            break;
        case 3:
            peer.connection.reset(stream);
            break;
        case 4:
            peer.connection.ping(amount);
            break;
        case 5:
            static_cast<void>(peer.connection.send_head(stream, head, amount >= 128));
            break;
        case 6:
            amount == 0 ? peer.connection.shutdown() : peer.write(64, 1U << 30);
            break;
        default:
            amount == 0 ? peer.connection.disconnect() : peer.write(5, amount);
            break;
    }
}

void receive(Peer& peer, Bytes bytes, std::size_t step, std::uint64_t now_ns) {
    while (!bytes.empty()) {
        const fuzz::Exactly piece(bytes.first(std::min(step, bytes.size())));
        bytes = bytes.subspan(piece.view().size());
        const bool alive = peer.connection.receive(piece.view(), now_ns);
        CHECK(alive || peer.connection.failure() || peer.connection.open_streams() == 0);
    }
}

/// What a peer says first, so that the fuzzer need not find it.
std::string greeting(Role role) {
    std::string out(role == Role::server ? kPreface : std::string_view());
    out.append("\0\0\6\4\0\0\0\0\0\0\4\0\0\x40\0", 15);  // SETTINGS: windows of 16,384
    return out.append("\0\0\0\4\1\0\0\0\0", 9);          // and the acknowledgement of ours
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    fuzz::Input input(data, size);
    const unsigned choice = input.byte();
    const Role role = (choice & 1) != 0 ? Role::server : Role::client;
    Config config;
    config.stream_window = (choice & 2) != 0 ? 100 : 100'000;
    config.max_header_list = 500;
    config.max_header_block = 600;
    config.flood_burst = (choice & 4) != 0 ? 5 : 1000;
    config.max_concurrent_streams = 4;
    std::array<Peer, 2> peers{Peer(role, config), Peer(role, config)};
    const hpack::Block head = grpc::request_head({"/s/m", "here", "agent", false, {}});
    std::uint64_t now_ns = 0;
    for (Peer& peer : peers) {
        if ((choice & 8) != 0) {
            receive(peer, as_bytes(greeting(role)), 1000, 0);
        }
    }
    while (!input.empty()) {
        const unsigned verb = input.byte();
        const unsigned amount = input.byte();
        now_ns += 1'000'000;
        if (verb % 16 < 8) {
            const Bytes bytes = input.bytes(verb % 16 * 256 + amount);
            receive(peers[0], bytes, bytes.size(), now_ns);
            receive(peers[1], bytes, 1, now_ns);
        } else {
            act(peers[0], verb % 16 - 8, amount, head);
            act(peers[1], verb % 16 - 8, amount, head);
        }
    }
    for (Peer& peer : peers) {
        peer.write(64, 1U << 30);
        peer.connection.disconnect();
        CHECK(peer.payloads.empty() && peer.connection.open_streams() == 0 && !peer.connection.wants_write());
    }
    CHECK(peers[0].seen == peers[1].seen && peers[0].written == peers[1].written);
    return 0;
}
