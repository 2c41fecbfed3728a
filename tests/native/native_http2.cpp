// What the tests over a pipe cannot see of HTTP/2: handlers that call back, memory that is not taken, bytes that are
// not copied, and tables looked at as a whole.
#include <algorithm>
#include <array>
#include <cstdio>
#include <cstdlib>
#include <deque>
#include <functional>
#include <map>
#include <new>
#include <random>
#include <string>
#include <vector>

#include "check.hpp"
#include "grpc/call.hpp"
#include "grpc/server.hpp"
#include "http2/connection.hpp"

namespace {
std::size_t allocations = 0;
}

void* operator new(std::size_t size) {
    ++allocations;
    void* const memory = std::malloc(size != 0 ? size : 1);
    if (memory == nullptr) {
        throw std::bad_alloc();
    }
    return memory;
}
void* operator new[](std::size_t size) {
    return operator new(size);
}
void operator delete(void* memory) noexcept {
    std::free(memory);
}
void operator delete(void* memory, std::size_t) noexcept {
    std::free(memory);
}
void operator delete[](void* memory) noexcept {
    std::free(memory);
}
void operator delete[](void* memory, std::size_t) noexcept {
    std::free(memory);
}

using namespace ycsbpy;
using namespace ycsbpy::http2;

namespace {

/// A handler whose reactions a test chooses.
struct Peer {
    explicit Peer(Role role, const Config& config = {}) : connection(role, config, *this) {}

    void on_settings(const PeerSettings&) { ++settings; }
    void on_head(StreamRef stream, Fields, bool end) { react(head, stream, Bytes(), end); }
    void on_data(StreamRef stream, Bytes bytes, bool end) {
        received += bytes.size();
        last = bytes;
        react(data, stream, bytes, end);
    }
    void on_trailers(StreamRef stream, Fields) { react(trailers, stream, Bytes(), true); }
    void on_closed(StreamRef stream, const Closed& closed) {
        ++closes;
        unprocessed += closed.unprocessed ? 1 : 0;
        react(closing, stream, Bytes(), true);
    }
    void on_released(std::uint64_t tag, Sent) {
        ++releases;
        if (releasing) {
            releasing(tag);
        }
    }
    void on_pong(std::uint64_t) { ++pongs; }
    void on_goaway(std::uint32_t, ErrorCode, std::string_view) { ++goaways; }

    using Reaction = std::function<void(StreamRef, Bytes, bool)>;
    static void react(const Reaction& reaction, StreamRef stream, Bytes bytes, bool end) {
        if (reaction) {
            reaction(stream, bytes, end);
        }
    }

    Reaction head, data, trailers, closing;
    std::function<void(std::uint64_t)> releasing;
    Bytes last;
    std::size_t received = 0;
    int settings = 0, closes = 0, unprocessed = 0, releases = 0, pongs = 0, goaways = 0;
    Connection<Peer> connection;
};

/// One write of one side, read by the other. Returns how many bytes.
std::size_t pass(Peer& from, Peer& to, std::vector<std::byte>& wire) {
    std::array<iovec, 64> places;
    const std::size_t used = from.connection.gather(places);
    std::size_t size = 0;
    for (std::size_t i = 0; i < used; ++i) {
        std::memcpy(wire.data() + size, places[i].iov_base, places[i].iov_len);
        size += places[i].iov_len;
    }
    from.connection.wrote(size);
    if (size != 0) {
        static_cast<void>(to.connection.receive(Bytes(wire.data(), size), 0));
    }
    return size;
}

void settle(Peer& a, Peer& b, std::vector<std::byte>& wire) {
    while (pass(a, b, wire) + pass(b, a, wire) != 0) {
    }
}

hpack::Block request() {
    return grpc::request_head({"/s/m", "here", "agent", false, {}});
}

std::vector<std::byte> bytes_of(std::size_t size) {
    return std::vector<std::byte>(size, std::byte{7});
}

struct Pair {
    explicit Pair(const Config& config = {}) : client(Role::client, config), server(Role::server, config) {
        settle(client, server, wire);
        CHECK(client.settings == 1 && server.settings == 1);
    }
    void settle_all() { settle(client, server, wire); }

    std::vector<std::byte> wire = bytes_of(64U << 20);
    Peer client;
    Peer server;
};

// ---- handlers that call back

void handlers_may_reset_what_they_hear_of() {
    Pair pair;
    const auto payload = bytes_of(100'000);
    const auto id = pair.client.connection.open(request(), 5);
    CHECK(id == 1 && pair.client.connection.send(id, payload, 1));
    pair.server.head = [&](StreamRef stream, Bytes, bool) {
        pair.server.connection.reset(stream.id);
        pair.server.connection.reset(stream.id);
    };
    pair.settle_all();
    CHECK(pair.server.received == 0 && pair.client.closes == 1 && pair.client.releases == 1);
    CHECK(pair.client.connection.open_streams() == 0 && pair.server.connection.open_streams() == 0);
    CHECK(!pair.client.connection.failure() && !pair.server.connection.failure());
}

void handlers_may_open_as_many_as_they_like() {
    Pair pair;
    const auto head = request();
    int opened = 1;
    pair.server.head = [&](StreamRef stream, Bytes, bool) {
        CHECK(pair.server.connection.send_head(stream.id, grpc::trailers_only(grpc::StatusCode::ok), true));
    };
    pair.client.head = [&](StreamRef stream, Bytes, bool end) {  // streams move in memory while this one is looked at
        CHECK(end && stream.context == 77);
        for (int i = 0; i < 3 && opened < 500; ++i, ++opened) {
            CHECK(pair.client.connection.open(head, 77, true) != 0);
        }
    };
    CHECK(pair.client.connection.open(head, 77, true) == 1);
    pair.settle_all();
    CHECK(opened == 500 && pair.client.connection.open_streams() == 0 && pair.server.connection.open_streams() == 0);
}

void handlers_may_disconnect() {
    Pair pair;
    const auto payload = bytes_of(1000);
    for (int i = 0; i < 3; ++i) {
        const auto id = pair.client.connection.open(request(), 0);
        CHECK(pair.client.connection.send(id, payload, id));
    }
    pair.server.data = [&](StreamRef stream, Bytes, bool) {
        CHECK(pair.server.connection.send_head(stream.id, grpc::response_head()));
        CHECK(pair.server.connection.send(stream.id, payload, stream.id));
    };
    pair.client.data = [&](StreamRef, Bytes, bool) { pair.client.connection.disconnect(); };
    pair.client.closing = [&](StreamRef stream, Bytes, bool) {
        pair.client.connection.reset(stream.id);
        CHECK(!pair.client.connection.send(stream.id, payload, 9));
        CHECK(pair.client.connection.open(request(), 0) == 0);
    };
    pair.settle_all();
    CHECK(pair.client.closes == 3 && pair.client.releases == 3 && pair.client.received == 1000);
    CHECK(!pair.client.connection.wants_write() && pair.client.connection.open_streams() == 0);
}

void handlers_may_send_when_a_buffer_comes_back() {
    Pair pair;
    const auto payload = bytes_of(30'000);
    const auto id = pair.client.connection.open(request(), 0);
    int left = 100;
    pair.client.releasing = [&](std::uint64_t tag) {
        if (--left > 0) {
            CHECK(pair.client.connection.send(id, payload, tag + 1, left == 1));
        }
    };
    CHECK(pair.client.connection.send(id, payload, 0));
    pair.settle_all();
    CHECK(pair.server.received == 100 * payload.size() && pair.client.releases == 100);
}

void a_reset_between_two_pieces_of_a_frame() {
    Pair pair;
    const auto payload = bytes_of(10'000);
    const auto id = pair.client.connection.open(request(), 0, true);
    pair.settle_all();
    CHECK(pair.server.connection.send_head(id, grpc::response_head()));
    CHECK(pair.server.connection.send(id, payload, 1));
    std::array<iovec, 16> places;
    const std::size_t used = pair.server.connection.gather(places);
    std::vector<std::byte> out;
    for (std::size_t i = 0; i < used; ++i) {
        const auto* const start = static_cast<const std::byte*>(places[i].iov_base);
        out.insert(out.end(), start, start + places[i].iov_len);
    }
    pair.client.data = [&](StreamRef stream, Bytes, bool) { pair.client.connection.reset(stream.id); };
    CHECK(pair.client.connection.receive(Bytes(out).first(out.size() - 5000), 0));
    const auto other = pair.client.connection.open(request(), 0, true);  // in the same slot
    CHECK(other == 3 && pair.client.received == 5000);
    CHECK(pair.client.connection.receive(Bytes(out).last(5000), 0));
    CHECK(pair.client.received == 5000 && pair.client.connection.open_streams() == 1);
}

// ---- memory

void a_long_stream_takes_no_memory() {
    Pair pair;
    std::array<std::vector<std::byte>, 2> messages{bytes_of(20'000), bytes_of(300)};
    const auto id = pair.client.connection.open(request(), 0);
    grpc::MessageReader reader;
    std::size_t read = 0;
    for (auto& message : messages) {
        grpc::write_prefix(message.data(), static_cast<std::uint32_t>(message.size() - grpc::kPrefixSize));
    }
    pair.server.head = [&](StreamRef stream, Bytes, bool) {
        CHECK(pair.server.connection.send_head(stream.id, grpc::response_head()));
    };
    pair.server.data = [&](StreamRef stream, Bytes bytes, bool) {
        CHECK(reader.feed(bytes, [&](Bytes) { ++read; }));
        CHECK(pair.server.connection.send(stream.id, messages[1], 2));
    };
    std::size_t before = 0;
    for (int i = 0; i < 3000; ++i) {
        if (i == 1000) {
            before = allocations;
        }
        CHECK(pair.client.connection.send(id, messages[i % 2], 1));
        if (i % 10 == 0) {
            pair.client.connection.ping(1);
        }
        pair.settle_all();
    }
    CHECK(allocations == before);
    CHECK(read == 3000 && pair.client.pongs == 300);
}

void short_calls_take_no_memory() {
    Pair pair;
    const hpack::Block head = request();
    const hpack::Block answer = grpc::response_head();
    const hpack::Block end = grpc::trailers(grpc::StatusCode::ok);
    std::vector<std::byte> message = bytes_of(105);
    grpc::write_prefix(message.data(), 100);
    hpack::Block timed;
    grpc::Call call;
    int finished = 0;
    pair.server.data = [&](StreamRef stream, Bytes, bool) {
        CHECK(pair.server.connection.send_head(stream.id, answer));
        CHECK(pair.server.connection.send(stream.id, message, 2));
        CHECK(pair.server.connection.send_trailers(stream.id, end, 3));
    };
    pair.client.data = [&](StreamRef, Bytes bytes, bool) {
        CHECK(call.on_data(bytes, false, [](Bytes m) { CHECK(m.size() == 100); }) == grpc::Progress::open);
    };
    pair.client.trailers = [&](StreamRef, Bytes, bool) { ++finished; };
    std::size_t before = 0;
    for (int i = 0; i < 2000; ++i) {
        if (i == 500) {
            before = allocations;
        }
        call.start(grpc::CallKind::unary);
        grpc::add_timeout(head, 1'000'000'000, timed);
        const auto id = pair.client.connection.open(timed, 0);
        CHECK(pair.client.connection.send(id, message, 1, true));
        pair.settle_all();
    }
    CHECK(allocations == before);
    CHECK(finished == 2000 && pair.client.connection.open_streams() == 0);
}

void payloads_are_not_copied() {
    Pair pair;
    const auto payload = bytes_of(50'000);
    const auto id = pair.client.connection.open(request(), 0);
    pair.settle_all();
    CHECK(pair.client.connection.send(id, payload, 1));
    std::array<iovec, 64> places;
    const std::size_t used = pair.client.connection.gather(places);
    CHECK(used == 2 && places[1].iov_base == payload.data() && places[1].iov_len == payload.size());  // one large frame
    pair.client.connection.wrote(0);
    CHECK(pass(pair.client, pair.server, pair.wire) == 50'009);
    CHECK(pair.server.last.data() == pair.wire.data() + kFrameHeaderSize && pair.server.last.size() == payload.size());

    grpc::MessageReader reader;
    std::vector<std::byte> message = bytes_of(105);
    grpc::write_prefix(message.data(), 100);
    const std::byte* seen = nullptr;
    CHECK(reader.feed(message, [&](Bytes body) { seen = body.data(); }));
    CHECK(seen == message.data() + grpc::kPrefixSize);
}

// ---- tables

void every_state_has_an_answer_to_every_input() {
    int allowed = 0;
    for (std::size_t s = 0; s < kStreamStates; ++s) {
        const auto state = static_cast<StreamState>(s);
        CHECK(violation(state).failure.reason != nullptr);
        for (std::size_t i = 0; i < kStreamInputs; ++i) {
            const auto input = static_cast<StreamInput>(i);
            const auto to = next(state, input);
            allowed += to.has_value() ? 1 : 0;
            CHECK(!is_closed(state) || !to || *to == state);  // nothing leads out of the end
            CHECK(!to || *to != StreamState::idle);           // nor back to the beginning
            CHECK(!is_closed(state) || i >= static_cast<std::size_t>(StreamInput::receive_headers) || !to);
        }
    }
    CHECK(allowed == static_cast<int>(detail::kStreamTransitions.size()));
    for (std::size_t t = 0; t < kFrameTypes; ++t) {
        CHECK(check_phase(Phase::closed, static_cast<FrameType>(t)).reason != nullptr);
        CHECK(check_phase(Phase::preface, static_cast<FrameType>(t)).reason != nullptr);
    }
    static_assert(next(Part::body, PartInput::trailers) == Part::ended);
    static_assert(!next(Part::ended, PartInput::data) && !next(Part::head, PartInput::data));
    CHECK(name(ErrorCode::enhance_your_calm) == "ENHANCE_YOUR_CALM" && name(ErrorCode{99}) == "unknown code");
}

void streams_are_found_as_in_a_map() {
    std::mt19937 random(3);
    StreamTable table(Role::client);
    std::map<std::uint32_t, std::uint32_t> model;
    for (int step = 0; step < 50'000; ++step) {
        if (model.empty() || random() % 100 < (step / 10'000 % 2 == 0 ? 55 : 45)) {
            const std::uint32_t id = table.next_own() + (random() % 50 == 0 ? 2 * (random() % 1000) : 0);
            model[id] = table.add(id);
        } else {
            auto victim = model.lower_bound(random() % (table.next_own()));
            victim = victim == model.end() ? model.begin() : victim;
            table.erase(victim->second);
            CHECK(table.find(victim->first) == kNone && table.absent_state(victim->first) == StreamState::closed);
            model.erase(victim);
        }
        CHECK(table.size() == model.size() && table.find(0) == kNone && table.find(table.next_own()) == kNone);
        if (step % 100 == 0) {
            for (const auto& [id, slot] : model) {
                CHECK(table.find(id) == slot && table.at(slot).id == id);
            }
        }
    }
    CHECK(table.absent_state(table.next_own()) == StreamState::idle && table.absent_state(2) == StreamState::idle);
    static_cast<void>(table.add(kMaxStreamId));
    CHECK(table.next_own() > kMaxStreamId);
}

/// Small stores, so that every way in which the last entry fits or does not comes up.
void a_table_is_a_list_that_forgets() {
    std::mt19937 random(5);
    for (std::size_t most = 32; most < 200; ++most) {
        hpack::DynamicTable table(most);
        std::deque<std::pair<std::string, std::string>> model;
        std::size_t limit = most;
        for (int step = 0; step < 300; ++step) {
            if (random() % 20 == 0) {
                limit = random() % (most + 1);
                table.resize(limit);
            } else {
                const std::string name(random() % 40, static_cast<char>('a' + step % 26));
                const std::string value(random() % 40, static_cast<char>('A' + step % 26));
                table.insert(name, value);
                model.emplace_front(name, value);
            }
            std::size_t size = 0;
            std::size_t kept = 0;
            while (kept < model.size() && size + model[kept].first.size() + model[kept].second.size() + 32 <= limit) {
                size += model[kept].first.size() + model[kept].second.size() + 32;
                ++kept;
            }
            model.resize(kept);
            CHECK(table.count() == kept && table.size() == size && table.size_limit() == limit);
            for (std::size_t age = 0; age < kept; ++age) {
                CHECK(table.name(age) == model[age].first && table.value(age) == model[age].second);
            }
        }
    }
}

void resets_are_remembered_or_forgiven() {
    StreamTable table(Role::client);
    for (std::uint32_t id = 1; id < 2001; id += 2) {
        table.erase(table.add(id));
        if (id % 4 == 1) {
            table.remember_reset_by_us(id);
        }
    }
    CHECK(table.absent_state(1997) == StreamState::reset_by_us && table.absent_state(1999) == StreamState::closed);
    CHECK(table.absent_state(3) == StreamState::reset_by_us);  // too long ago to know
    table.remember_reset_by_peer(1999);
    CHECK(table.absent_state(1999) == StreamState::reset_by_peer);
}

void coins_come_back_with_time() {
    FloodGuard guard(3, 10);
    CHECK(guard.spend(0) && guard.spend(0) && guard.spend(0) && !guard.spend(99'999'999));
    CHECK(guard.spend(100'000'000) && !guard.spend(150'000'000));
    CHECK(guard.spend(200'000'000));
    CHECK(!guard.spend(0));  // a clock that goes back gives nothing
    const std::uint64_t late = 1'000'000'000'000'000'000;
    CHECK(guard.spend(late) && guard.spend(late) && guard.spend(late) && !guard.spend(late));
    guard.earn();
    CHECK(guard.spend(late) && !guard.spend(late));
    FloodGuard never(1, 0);
    CHECK(never.spend(late) && !never.spend(2 * late));
}

void what_no_peer_may_be_told_is_refused() {
    const auto refused = [](auto change) {
        Config config;
        change(config);
        CHECK_THROWS(std::invalid_argument, Peer(Role::client, config));
    };
    refused([](Config& c) { c.stream_window = kMaxWindow + 1; });
    refused([](Config& c) { c.connection_window = kMaxWindow + 1; });
    refused([](Config& c) { c.max_frame_size = kMinMaxFrameSize - 1; });
    refused([](Config& c) { c.max_frame_size = kMaxMaxFrameSize + 1; });
    refused([](Config& c) { c.max_header_frames = 0; });
    Config least;
    least.stream_window = 0;
    least.connection_window = 0;
    least.header_table_size = 0;
    least.max_header_list = 0;
    Peer peer(Role::client, least);
    CHECK(peer.connection.wants_write());
}

}  // namespace

int main() {
    handlers_may_reset_what_they_hear_of();
    handlers_may_open_as_many_as_they_like();
    handlers_may_disconnect();
    handlers_may_send_when_a_buffer_comes_back();
    a_reset_between_two_pieces_of_a_frame();
    a_long_stream_takes_no_memory();
    short_calls_take_no_memory();
    payloads_are_not_copied();
    every_state_has_an_answer_to_every_input();
    streams_are_found_as_in_a_map();
    a_table_is_a_list_that_forgets();
    resets_are_remembered_or_forgiven();
    coins_come_back_with_time();
    what_no_peer_may_be_told_is_refused();
    std::puts("ok");
    return 0;
}
