// What HTTP/2 and gRPC framing cost: CPU nanoseconds on one core, no sockets.
//
//     c++ -std=c++20 -O3 -Iext bench/bench_http2.cpp -o /tmp/bench_http2 && /tmp/bench_http2
//
// Claim: framing is noise beside the system calls that carry it: at most 50 ns for a received frame, and for a message
// to be sent at most 100 ns a frame, whatever its size, because payloads are not touched. Each row is the median of
// eleven rounds with the least and the most; the bytes of the receiving cases are in the first caches, as recv leaves
// them.
#include <time.h>

#include <algorithm>
#include <array>
#include <cstdio>
#include <cstdlib>
#include <functional>
#include <string>
#include <vector>

#include "grpc/call.hpp"
#include "grpc/server.hpp"
#include "http2/connection.hpp"

using namespace ycsbpy;
using namespace ycsbpy::http2;

namespace {

/// Reads what comes as messages of one stream, as the engine does.
struct Store {
    explicit Store(Role role) : connection(role, Config{}, *this) {}

    void on_settings(const PeerSettings&) {}
    void on_head(StreamRef, Fields fields, bool end) { static_cast<void>(call.on_head(fields, end)); }
    void on_data(StreamRef, Bytes bytes, bool end) {
        static_cast<void>(call.on_data(bytes, end, [this](Bytes message) { read += message.size(); }));
    }
    void on_trailers(StreamRef, Fields fields) { static_cast<void>(call.on_trailers(fields)); }
    void on_closed(StreamRef, const Closed&) { std::abort(); }
    void on_released(std::uint64_t, Sent) { ++released; }
    void on_pong(std::uint64_t) {}
    void on_goaway(std::uint32_t, ErrorCode, std::string_view) { std::abort(); }

    /// Write all there is; returns how many bytes.
    std::size_t write() {
        std::size_t all = 0;
        for (;;) {
            const std::size_t used = connection.gather(places);
            if (used == 0) {
                return all;
            }
            std::size_t size = 0;
            for (std::size_t i = 0; i < used; ++i) {
                size += places[i].iov_len;
            }
            connection.wrote(size);
            all += size;
        }
    }

    void take(const std::vector<std::byte>& bytes) {
        if (!connection.receive(bytes, 0)) {
            std::abort();
        }
    }

    grpc::Call call;
    std::size_t read = 0;
    std::size_t released = 0;
    std::array<iovec, 256> places{};
    Connection<Store> connection;
};

void put(std::vector<std::byte>& out, const FrameHeader& header, Bytes payload) {
    out.resize(out.size() + kFrameHeaderSize);
    write_frame_header(out.data() + out.size() - kFrameHeaderSize, header);
    out.insert(out.end(), payload.begin(), payload.end());
}

std::vector<std::byte> message_of(std::size_t size) {
    std::vector<std::byte> message(size, std::byte{0x5a});
    grpc::write_prefix(message.data(), static_cast<std::uint32_t>(size - grpc::kPrefixSize));
    return message;
}

/// SETTINGS with the largest window and the given frame size, and a window for the connection.
void greet(Store& store, std::uint32_t frame_size) {
    std::array<std::byte, 12> settings;
    store32(store16(settings.data(), setting::kInitialWindowSize), kMaxWindow);
    store32(store16(settings.data() + 6, setting::kMaxFrameSize), frame_size);
    std::array<std::byte, 4> increment;
    store32(increment.data(), kMaxWindow - kDefaultWindow);
    std::vector<std::byte> out;
    put(out, {12, FrameType::settings, 0, 0}, settings);
    put(out, {0, FrameType::settings, flag::kAck, 0}, {});
    put(out, {4, FrameType::window_update, 0, 0}, increment);
    store.take(out);
    store.write();
}

/// Give back windows that were used up.
void widen(Store& store, std::uint32_t stream, std::size_t bytes) {
    std::array<std::byte, 4> increment;
    store32(increment.data(), static_cast<std::uint32_t>(bytes));
    std::vector<std::byte> out;
    put(out, {4, FrameType::window_update, 0, 0}, increment);
    put(out, {4, FrameType::window_update, 0, stream}, increment);
    store.take(out);
}

hpack::Block request() {
    return grpc::request_head({"/tikvpb.Tikv/BatchCommands", "127.0.0.1:20160", "grpc-c++-ycsbpy/0", false, {}});
}

double cpu_ns() {
    timespec now;
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
    return static_cast<double>(now.tv_sec) * 1e9 + static_cast<double>(now.tv_nsec);
}

/// `work(times)` does the thing that often.
void measure(const char* label, std::size_t times, const std::function<void(std::size_t)>& work) {
    std::vector<double> rounds;
    work(times / 10 + 1);
    for (int i = 0; i < 11; ++i) {
        const double start = cpu_ns();
        work(times);
        rounds.push_back((cpu_ns() - start) / static_cast<double>(times));
    }
    std::sort(rounds.begin(), rounds.end());
    std::printf("| %-58s | %9.1f | %9.1f ... %9.1f |\n", label, rounds[5], rounds.front(), rounds.back());
}

/// Frames of `size` bytes, each one message, as many as fit 64 KiB; an answer's head has come before.
void receiving(const char* label, std::size_t size, std::size_t step) {
    Store store(Role::client);
    greet(store, kMinMaxFrameSize);
    const std::uint32_t id = store.connection.open(request(), 0);
    store.call.start(grpc::CallKind::streaming);
    std::vector<std::byte> bytes;
    put(bytes,
        {static_cast<std::uint32_t>(grpc::response_head().bytes().size()), FrameType::headers, flag::kEndHeaders, id},
        grpc::response_head().bytes());
    store.take(bytes);
    store.write();
    bytes.clear();
    const std::vector<std::byte> message = message_of(size);
    const std::size_t count = std::max<std::size_t>(65'536 / size, 1);
    for (std::size_t i = 0; i < count; ++i) {
        put(bytes, {static_cast<std::uint32_t>(size), FrameType::data, 0, id}, message);
    }
    measure(label, 20'000'000 / std::max<std::size_t>(size / 64, 1) / count * count, [&](std::size_t times) {
        for (std::size_t done = 0; done < times; done += count) {
            for (Bytes left = bytes; !left.empty();) {
                const Bytes piece = left.first(std::min(step, left.size()));
                left = left.subspan(piece.size());
                if (!store.connection.receive(piece, 0)) {
                    std::abort();
                }
            }
            store.write();  // windows
        }
    });
}

/// Messages of `size` bytes, each written in one go.
void sending(const char* label, std::size_t size, std::uint32_t frame_size) {
    Store store(Role::client);
    greet(store, frame_size);
    const std::uint32_t id = store.connection.open(request(), 0);
    store.write();
    const std::vector<std::byte> message = message_of(size);
    std::size_t used = 0;
    measure(label, 200'000'000 / (size / frame_size + 1) / 100, [&](std::size_t times) {
        for (std::size_t i = 0; i < times; ++i) {
            if (used + size > kMaxWindow / 2) {
                widen(store, id, used);
                used = 0;
            }
            if (!store.connection.send(id, message, i)) {
                std::abort();
            }
            store.write();
            used += size;
        }
    });
}

/// Head with a timeout, message, end; an answer of a head, a message and trailers that a table made three bytes of.
void short_calls() {
    Store store(Role::client);
    greet(store, kMinMaxFrameSize);
    const hpack::Block head = request();
    hpack::Block timed;
    const std::vector<std::byte> message = message_of(100);
    std::vector<std::byte> answer;
    std::vector<std::byte> first;
    const std::string literal(
        "\x88\x5f\x10"
        "application/grpc",
        19);  // :status 200, and a type that goes to the table
    const std::string status(
        "\x40\x0bgrpc-status\x01"
        "0",
        15);
    put(first, {19, FrameType::headers, flag::kEndHeaders, 1}, as_bytes(literal));
    put(first, {105, FrameType::data, 0, 1}, message_of(105));
    put(first, {15, FrameType::headers, flag::kEndHeaders | flag::kEndStream, 1}, as_bytes(status));
    bool begun = false;
    std::size_t used = 0;
    measure("short call: open with timeout, send, answer", 200'000, [&](std::size_t times) {
        for (std::size_t i = 0; i < times; ++i) {
            store.call.start(grpc::CallKind::unary);
            grpc::add_timeout(head, 1'000'000'000 + i, timed);
            const std::uint32_t id = store.connection.open(timed, i);
            if (!store.connection.send(id, message, i, true)) {
                std::abort();
            }
            store.write();
            answer.clear();
            put(answer, {2, FrameType::headers, flag::kEndHeaders, id}, as_bytes(std::string_view("\x88\xbf", 2)));
            put(answer, {105, FrameType::data, 0, id}, Bytes(first).subspan(19 + 9 + 9, 105));
            put(answer, {1, FrameType::headers, flag::kEndHeaders | flag::kEndStream, id},
                as_bytes(std::string_view("\xbe", 1)));
            store.take(begun ? answer : first);
            begun = true;
            if (store.call.progress() != grpc::Progress::finished || store.call.status().code != grpc::StatusCode::ok) {
                std::abort();
            }
            used += 100;
            if (used > kMaxWindow / 4) {
                std::array<std::byte, 4> increment;
                store32(increment.data(), static_cast<std::uint32_t>(used));
                std::vector<std::byte> wider;
                put(wider, {4, FrameType::window_update, 0, 0}, increment);
                store.take(wider);
                used = 0;
            }
        }
    });
}

}  // namespace

int main() {
    std::printf("| case | CPU ns each | min ... max |\n| --- | --: | --: |\n");
    receiving("receive: frame of 100 B", 100, 1U << 20);
    receiving("receive: frame of 1 KiB, one message", 1024, 1U << 20);
    receiving("receive: frame of 1 KiB, reads of 1,500 B", 1024, 1500);
    receiving("receive: frame of 16 KiB", 16'384, 1U << 20);
    receiving("receive: frame of 64 KiB in reads of 16 KiB (copied once)", 65'536, 16'384);
    sending("send: message of 1 KiB, one frame", 1024, 16'384);
    sending("send: message of 16 KiB, one frame", 16'384, 16'384);
    sending("send: message of 1 MiB, 64 frames of 16 KiB", 1U << 20, 16'384);
    sending("send: message of 1 MiB, one frame", 1U << 20, 4U << 20);
    short_calls();
    return 0;
}
