// Connections, header coders and message readers, driven over a pipe, so that tests in Python can be their peers.
//
// A request on stdin is four bytes of length, a line of words, and bytes; the answer on stdout is four bytes of length
// and JSON, or the bytes that were asked for. There is no HTTP/2 here but what ext/ has. Every piece of input is put
// into an allocation of just its size, and every payload is freed when it is released, so that a sanitizer sees each
// byte that is touched too late or too far.
#include <charconv>
#include <cstdio>
#include <cstring>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "check.hpp"
#include "grpc/call.hpp"
#include "grpc/server.hpp"
#include "http2/connection.hpp"

using namespace ycsbpy;
using namespace ycsbpy::http2;

namespace {

using Words = std::vector<std::string_view>;

std::uint64_t number(std::string_view text) {
    std::uint64_t value = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
    CHECK(error == std::errc() && end == text.data() + text.size());
    return value;
}
std::uint32_t number32(std::string_view text) {
    return static_cast<std::uint32_t>(number(text));
}

Words split(std::string_view text, char separator) {
    Words words;
    while (!text.empty()) {
        const std::size_t end = std::min(text.find(separator), text.size());
        words.push_back(text.substr(0, end));
        text.remove_prefix(std::min(end + 1, text.size()));
    }
    return words;
}

/// The bytes of a view in an allocation of their own.
struct Exactly {
    explicit Exactly(Bytes from) : size(from.size()), bytes(new std::byte[from.size()]) {
        std::copy(from.begin(), from.end(), bytes.get());
    }
    [[nodiscard]] Bytes view() const { return {bytes.get(), size}; }

    std::size_t size;
    std::unique_ptr<std::byte[]> bytes;
};

// ---- JSON, as little as is needed

std::string hex(Bytes bytes) {
    constexpr char kDigits[] = "0123456789abcdef";
    std::string out("\"");
    for (const std::byte byte : bytes) {
        out.push_back(kDigits[static_cast<unsigned>(byte) >> 4]);
        out.push_back(kDigits[static_cast<unsigned>(byte) & 15]);
    }
    return out + "\"";
}
std::string hex(std::string_view text) {
    return hex(as_bytes(text));
}
std::string json(std::uint64_t x) {
    return std::to_string(x);
}
std::string json(std::int64_t x) {
    return std::to_string(x);
}
std::string json(std::uint32_t x) {
    return std::to_string(x);
}
std::string json(bool x) {
    return x ? "true" : "false";
}
std::string json(const char* literal) {
    return '"' + std::string(literal) + '"';
}
std::string json(Fields fields) {
    std::string out("[");
    for (const hpack::Field& field : fields) {
        out += out.size() == 1 ? "[" : ",[";
        out += hex(field.name) + "," + hex(field.value) + "," + json(field.never_indexed) + "]";
    }
    return out + "]";
}
template <class... Parts>
std::string list(Parts... parts) {
    std::string out("[");
    ((out += out.size() == 1 ? parts : "," + parts), ...);
    return out + "]";
}
std::string record(std::initializer_list<std::pair<const char*, std::string>> pairs) {
    std::string out("{");
    for (const auto& [key, value] : pairs) {
        out += (out.size() == 1 ? "\"" : ",\"") + std::string(key) + "\":" + value;
    }
    return out + "}";
}

// ---- a connection and its handler, which writes down what happens

class Peer {
  public:
    Peer(Role role, const Config& config) : connection(role, config, *this) {}

    void on_settings(const PeerSettings& s) {
        log("settings", json(s.max_concurrent_streams), json(s.initial_window), json(s.max_frame_size));
    }
    void on_head(StreamRef stream, Fields fields, bool end) {
        if (grpc::Call* const call = call_of(stream.id)) {
            progress(stream.id, call->on_head(fields, end));
        } else {
            log("head", json(stream.id), json(fields), json(end));
        }
    }
    void on_data(StreamRef stream, Bytes bytes, bool end) {
        if (grpc::Call* const call = call_of(stream.id)) {
            progress(stream.id,
                     call->on_data(bytes, end, [&](Bytes message) { log("message", json(stream.id), hex(message)); }));
            return;
        }
        log("data", json(stream.id), hex(bytes), json(end));
    }
    void on_trailers(StreamRef stream, Fields fields) {
        if (grpc::Call* const call = call_of(stream.id)) {
            progress(stream.id, call->on_trailers(fields));
        } else {
            log("trailers", json(stream.id), json(fields));
        }
    }
    void on_closed(StreamRef stream, const Closed& closed) {
        if (grpc::Call* const call = call_of(stream.id)) {
            progress(stream.id, call->on_closed(closed));
        } else {
            log("closed", json(stream.id), json(static_cast<std::uint32_t>(closed.by)),
                json(static_cast<std::uint32_t>(closed.code)), json(closed.reason), json(closed.unprocessed));
        }
    }
    void on_released(std::uint64_t tag, Sent sent) {
        CHECK(payloads.erase(tag) + blocks.erase(tag) == 1);  // freed: whoever touches it now is found out
        log("released", json(tag), json(static_cast<std::uint32_t>(sent)));
    }
    void on_pong(std::uint64_t payload) { log("pong", json(payload)); }
    void on_goaway(std::uint32_t last, ErrorCode code, std::string_view text) {
        log("goaway", json(last), json(static_cast<std::uint32_t>(code)), hex(text));
    }

    [[nodiscard]] std::string take_events() {
        std::string out = "[" + std::move(_events) + "]";
        _events.clear();
        return out;
    }

    [[nodiscard]] grpc::Call* call_of(std::uint32_t id) {
        const auto found = calls.find(id);
        return found == calls.end() ? nullptr : found->second.get();
    }

    Connection<Peer> connection;
    std::map<std::uint64_t, Exactly> payloads;
    std::map<std::uint64_t, std::unique_ptr<hpack::Block>> blocks;
    std::map<std::uint32_t, std::unique_ptr<grpc::Call>> calls;

  private:
    template <class... Parts>
    void log(const char* what, Parts... parts) {
        _events += (_events.empty() ? "" : ",") + list(json(what), parts...);
    }

    void progress(std::uint32_t id, grpc::Progress progress) {
        if (progress == grpc::Progress::finished) {
            const auto call = std::move(calls.find(id)->second);
            calls.erase(id);
            const grpc::Status& status = call->status();
            log("status", json(id), json(static_cast<std::uint32_t>(status.code)), hex(status.message),
                json(static_cast<std::uint32_t>(status.origin)), json(status.unprocessed));
            connection.reset(id, call->reset_code());
        }
    }

    std::string _events;
};

class Harness {
  public:
    /// The answer to one request.
    [[nodiscard]] std::string answer(std::string_view line, Bytes bytes) {
        const Words words = split(line, ' ');
        CHECK(!words.empty());
        if (const std::string out = code(words, bytes); !out.empty()) {
            return out;
        }
        if (words[0] == "new") {
            _peers[number(words[1])] = make(words);
            return "[]";
        }
        const auto found = _peers.find(number(words[1]));
        CHECK(found != _peers.end());
        Peer& peer = *found->second;
        if (words[0] == "gather") {
            return gather(peer, number(words[2]), number(words[3]));
        }
        const std::string result = act(peer, words, bytes);
        return record({{"result", result}, {"events", peer.take_events()}});
    }

  private:
    static std::unique_ptr<Peer> make(const Words& words) {
        Config config;
        const std::map<std::string_view, std::uint32_t*> keys{
            {"stream_window", &config.stream_window},       {"connection_window", &config.connection_window},
            {"max_frame_size", &config.max_frame_size},     {"header_table_size", &config.header_table_size},
            {"max_header_list", &config.max_header_list},   {"max_concurrent_streams", &config.max_concurrent_streams},
            {"max_header_block", &config.max_header_block}, {"max_header_frames", &config.max_header_frames},
            {"max_settings", &config.max_settings},         {"max_replies", &config.max_replies},
            {"flood_burst", &config.flood_burst},           {"flood_per_second", &config.flood_per_second},
        };
        for (std::size_t i = 3; i < words.size(); ++i) {
            const std::size_t equals = words[i].find('=');
            *keys.at(words[i].substr(0, equals)) = number32(words[i].substr(equals + 1));
        }
        return std::make_unique<Peer>(words[2] == "client" ? Role::client : Role::server, config);
    }

    [[nodiscard]] static hpack::Block block(Bytes bytes, hpack::Block::Huffman huffman) {
        hpack::Block out(huffman);
        const Words strings = split(as_text(bytes), '\0');
        for (std::size_t i = 0; i + 2 < strings.size(); i += 3) {
            out.add(strings[i].substr(1), strings[i + 1].substr(1), strings[i + 2] == "1");
        }
        return out;
    }
    [[nodiscard]] static hpack::Block block(Bytes bytes) { return block(bytes, hpack::Block::Huffman::when_shorter); }

    [[nodiscard]] static std::string gather(Peer& peer, std::size_t places, std::size_t limit) {
        std::vector<iovec> out(places);
        const std::size_t used = peer.connection.gather(out);
        std::string bytes;
        for (std::size_t i = 0; i < used && bytes.size() < limit; ++i) {
            CHECK(out[i].iov_len != 0);
            bytes.append(static_cast<const char*>(out[i].iov_base), std::min(out[i].iov_len, limit - bytes.size()));
        }
        peer.connection.wrote(bytes.size());
        return bytes;
    }

    /// Feed bytes in pieces of the given sizes, and what is left in one.
    [[nodiscard]] static std::string receive(Peer& peer, const Words& words, Bytes bytes) {
        bool alive = true;
        for (std::size_t i = 3; i < words.size(); ++i) {
            const Exactly piece(bytes.first(std::min<std::size_t>(number(words[i]), bytes.size())));
            bytes = bytes.subspan(piece.size);
            alive = peer.connection.receive(piece.view(), number(words[2]));
        }
        if (!bytes.empty()) {
            const Exactly rest(bytes);
            alive = peer.connection.receive(rest.view(), number(words[2]));
        }
        return json(alive);
    }

    [[nodiscard]] static std::string send(Peer& peer, const Words& words, Bytes bytes) {
        const std::uint64_t tag = number(words[3]);
        const auto [place, fresh] = peer.payloads.emplace(tag, Exactly(bytes));
        CHECK(fresh);
        const bool taken = peer.connection.send(number32(words[2]), place->second.view(), tag, words[4] == "1");
        if (!taken) {
            peer.payloads.erase(tag);
        }
        return json(taken);
    }

    [[nodiscard]] static std::string trailers(Peer& peer, const Words& words, Bytes bytes) {
        const std::uint64_t tag = number(words[3]);
        auto& made = peer.blocks[tag];
        made = std::make_unique<hpack::Block>(block(bytes));
        const bool taken = peer.connection.send_trailers(number32(words[2]), *made, tag);
        if (!taken) {
            peer.blocks.erase(tag);
        }
        return json(taken);
    }

    [[nodiscard]] static std::string state(Peer& peer, std::uint32_t id) {
        const auto& connection = peer.connection;
        const Failure& failure = connection.failure();
        return record({{"failure", failure ? json(static_cast<std::uint32_t>(failure.code)) : "null"},
                       {"reason", failure ? json(failure.reason) : "null"},
                       {"can_open", json(connection.can_open())},
                       {"open_streams", json(static_cast<std::uint64_t>(connection.open_streams()))},
                       {"settled", json(connection.settled())},
                       {"wants_write", json(connection.wants_write())},
                       {"queued", json(connection.queued(id))},
                       {"stream_window", json(connection.send_window(id))},
                       {"window", json(peer.connection.send_window())}});
    }

    [[nodiscard]] static std::string act(Peer& peer, const Words& words, Bytes bytes) {
        auto& connection = peer.connection;
        const std::string_view verb = words[0];
        const auto argument = [&](std::size_t i) { return i < words.size() ? number32(words[i]) : 0; };
        if (verb == "receive") {
            return receive(peer, words, bytes);
        }
        if (verb == "open") {
            return json(connection.open(block(bytes), argument(2), argument(3) != 0));
        }
        if (verb == "call") {
            return call(peer, words, bytes);
        }
        if (verb == "send") {
            return send(peer, words, bytes);
        }
        if (verb == "head") {
            return json(connection.send_head(argument(2), block(bytes), argument(3) != 0));
        }
        if (verb == "trailers") {
            return trailers(peer, words, bytes);
        }
        if (verb == "state") {
            return state(peer, argument(2));
        }
        if (verb == "reset") {
            connection.reset(argument(2), static_cast<ErrorCode>(argument(3)));
        } else if (verb == "ping") {
            connection.ping(number(words[2]));
        } else if (verb == "shutdown") {
            connection.shutdown(static_cast<ErrorCode>(argument(2)), as_text(bytes));
        } else if (verb == "disconnect") {
            connection.disconnect();
        } else {
            CHECK(false && "no such request");
        }
        return "null";
    }

    /// Open a stream with a call on it: "call <peer> <unary 0/1> <message limit> <timeout ns or 0>", metadata.
    [[nodiscard]] static std::string call(Peer& peer, const Words& words, Bytes bytes) {
        const Words strings = split(as_text(bytes), '\0');
        std::vector<grpc::Metadata> metadata;
        for (std::size_t i = 2; i + 1 < strings.size(); i += 2) {
            metadata.push_back({strings[i].substr(1), strings[i + 1].substr(1)});
        }
        const grpc::Request request{strings[0].substr(1), strings[1].substr(1), "grpc-c++-ycsbpy/test", false,
                                    metadata};
        hpack::Block head = grpc::request_head(request);
        if (words[4] != "0") {
            hpack::Block timed;
            grpc::add_timeout(head, number(words[4]), timed);
            head = std::move(timed);
        }
        const std::uint32_t id = peer.connection.open(head, 0);
        if (id != 0) {
            auto made = std::make_unique<grpc::Call>(number32(words[3]));
            made->start(words[2] == "1" ? grpc::CallKind::unary : grpc::CallKind::streaming);
            peer.calls[id] = std::move(made);
        }
        return json(id);
    }

    /// What needs no connection; empty where it is something else.
    [[nodiscard]] std::string code(const Words& words, Bytes bytes) {
        const std::string_view verb = words[0];
        if (verb == "decoder") {
            _decoder = std::make_unique<hpack::Decoder>(number32(words[1]), number32(words[2]));
            return "null";
        }
        if (verb == "acknowledged") {
            _decoder->acknowledged();
            return "null";
        }
        if (verb == "decode") {
            return decode(bytes);
        }
        if (verb == "encode") {
            const auto huffman = words[1] == "1" ? hpack::Block::Huffman::when_shorter : hpack::Block::Huffman::never;
            const hpack::Block made = block(bytes, huffman);
            return record({{"block", hex(made.bytes())}, {"size", json(std::uint64_t{made.list_size()})}});
        }
        if (verb == "huffman-encode") {
            std::vector<std::byte> out(huffman::encoded_size(as_text(bytes)));
            huffman::encode(as_text(bytes), out.data());
            return hex(Bytes(out));
        }
        if (verb == "huffman-decode") {
            const Exactly in(bytes);
            std::vector<char> out(number(words[1]));
            const auto size = huffman::decode(in.view(), out);
            return size ? hex(std::string_view(out.data(), *size)) : "null";
        }
        return grpc_code(words, bytes);
    }

    [[nodiscard]] std::string decode(Bytes bytes) {
        const Exactly block(bytes);
        const hpack::Decoded decoded = _decoder->decode(block.view());
        const hpack::DynamicTable& table = _decoder->table();
        std::string entries("[");
        for (std::size_t age = 0; age < table.count(); ++age) {
            entries += (age == 0 ? "" : ",") + list(hex(table.name(age)), hex(table.value(age)));
        }
        return record({{"decoded", json(static_cast<std::uint32_t>(decoded))},
                       {"reason", _decoder->reason() == nullptr ? "null" : json(_decoder->reason())},
                       {"fields", decoded == hpack::Decoded::ok ? json(_decoder->fields()) : "[]"},
                       {"table", entries + "]"},
                       {"size", json(std::uint64_t{table.size()})}});
    }

    [[nodiscard]] std::string grpc_code(const Words& words, Bytes bytes) {
        const std::string_view verb = words[0];
        if (verb == "reader") {
            _reader = grpc::MessageReader(number32(words[1]));
            return "null";
        }
        if (verb == "feed") {
            const Exactly data(bytes);
            std::string messages;
            const bool good = _reader.feed(
                data.view(), [&](Bytes message) { messages += (messages.empty() ? "" : ",") + hex(message); });
            return record({{"good", json(good)},
                           {"error", json(static_cast<std::uint32_t>(_reader.error()))},
                           {"within", json(_reader.is_within())},
                           {"messages", "[" + messages + "]"}});
        }
        if (verb == "format-timeout") {
            grpc::TimeoutText room;
            return hex(grpc::format_timeout(number(words[1]), room));
        }
        if (verb == "parse-timeout") {
            const auto parsed = grpc::parse_timeout(as_text(bytes));
            return parsed ? json(*parsed) : "null";
        }
        if (verb == "percent-encode") {
            return hex(grpc::percent_encode(as_text(bytes)));
        }
        if (verb == "percent-decode") {
            std::string out;
            grpc::percent_decode(as_text(bytes), out);
            return hex(out);
        }
        if (verb == "parse-status") {
            return json(static_cast<std::uint32_t>(grpc::parse_status(as_text(bytes))));
        }
        return {};
    }

    std::map<std::uint64_t, std::unique_ptr<Peer>> _peers;
    std::unique_ptr<hpack::Decoder> _decoder;
    grpc::MessageReader _reader;
};

bool read_exactly(void* to, std::size_t size) {
    return std::fread(to, 1, size, stdin) == size;
}

}  // namespace

int main() {
    Harness harness;
    std::array<std::byte, 4> length{};
    while (read_exactly(length.data(), length.size())) {
        std::vector<std::byte> request(load32(length.data()));
        CHECK(read_exactly(request.data(), request.size()));
        const std::string_view text = as_text(request);
        const std::size_t line = text.find('\n');
        CHECK(line != std::string_view::npos);
        const std::string answer = harness.answer(text.substr(0, line), Bytes(request).subspan(line + 1));
        store32(length.data(), static_cast<std::uint32_t>(answer.size()));
        std::fwrite(length.data(), 1, length.size(), stdout);
        std::fwrite(answer.data(), 1, answer.size(), stdout);
        std::fflush(stdout);
    }
    return 0;
}
