// Raw commands in a BatchCommandsRequest (tikvpb), written one behind the other into a growing buffer.
//
//     BatchCommandsRequest { repeated Request requests = 1; repeated uint64 request_ids = 2; }
//     Request { oneof cmd { RawGet = 13; RawPut = 15; RawDelete = 17; RawScan = 19; … } }
//
// A command's size is known before it is written, so its length goes in front of it at once, and a value is drawn
// straight into its place. The ids follow all commands, packed, when the batch is closed.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>
#include <vector>

#include "http2/buffer.hpp"
#include "kvproto/wire.hpp"

namespace ycsbpy::kvproto {

/// Numbers of the oneof, the same in requests and responses.
enum class Command : std::uint32_t {
    raw_get = 13,
    raw_batch_get = 14,
    raw_put = 15,
    raw_batch_put = 16,
    raw_delete = 17,
    raw_batch_delete = 18,
    raw_scan = 19,
    raw_delete_range = 20,
    raw_batch_scan = 21,
    raw_coprocessor = 34,
    empty = 255,
};

/// A key in two parts: what all keys of a table begin with, and the rest.
struct SplitKey {
    std::string_view prefix;
    std::string_view rest;

    [[nodiscard]] std::size_t size() const noexcept { return prefix.size() + rest.size(); }
    char* write(char* out) const noexcept {
        std::memcpy(out, prefix.data(), prefix.size());
        out += prefix.size();
        if (!rest.empty()) {
            std::memcpy(out, rest.data(), rest.size());
        }
        return out + rest.size();
    }
};

namespace commands {

/// Room for a command of `body` bytes within a batch; returns where its body goes.
[[nodiscard]] inline char* open(http2::Buffer& batch, Command command, std::size_t body) {
    const auto number = static_cast<std::uint32_t>(command);
    const std::size_t request = bytes_field_size(number, body);
    char* const out = reinterpret_cast<char*>(batch.extend(bytes_field_size(1, request)));
    return write_bytes_head(write_bytes_head(out, 1, request), number, body);
}

[[nodiscard]] inline std::size_t key_command_size(std::string_view context, const SplitKey& key) noexcept {
    return bytes_field_size(1, context.size()) + bytes_field_size(2, key.size());
}

inline char* write_key_command(char* out, std::string_view context, const SplitKey& key) noexcept {
    out = write_bytes_field(out, 1, context);
    return key.write(write_bytes_head(out, 2, key.size()));
}

inline void raw_get(http2::Buffer& batch, std::string_view context, const SplitKey& key) {
    write_key_command(open(batch, Command::raw_get, key_command_size(context, key)), context, key);
}

inline void raw_delete(http2::Buffer& batch, std::string_view context, const SplitKey& key) {
    write_key_command(open(batch, Command::raw_delete, key_command_size(context, key)), context, key);
}

/// Returns where exactly `value_size` bytes of value are to be written, before anything else is done with the batch.
[[nodiscard]] inline char* raw_put(http2::Buffer& batch, std::string_view context, const SplitKey& key,
                                   std::size_t value_size, std::uint64_t ttl = 0) {
    const std::size_t size =
        key_command_size(context, key) + number_field_size(5, ttl) + bytes_field_size(3, value_size);
    char* out = open(batch, Command::raw_put, size);
    out = write_number_field(write_key_command(out, context, key), 5, ttl);
    return write_bytes_head(out, 3, value_size);
}

/// Keys from `start` on and below `end`, `limit` at the most.
inline void raw_scan(http2::Buffer& batch, std::string_view context, const SplitKey& start, std::uint64_t limit,
                     std::string_view end) {
    const std::size_t size =
        key_command_size(context, start) + number_field_size(3, limit) + bytes_field_size(7, end.size());
    char* out = open(batch, Command::raw_scan, size);
    out = write_number_field(write_key_command(out, context, start), 3, limit);
    write_bytes_field(out, 7, end);
}

/// The ids of all commands, in their order.
inline void close(http2::Buffer& batch, const std::vector<std::uint64_t>& ids) {
    std::size_t size = 0;
    for (const std::uint64_t id : ids) {
        size += varint_size(id);
    }
    char* out = reinterpret_cast<char*>(batch.extend(bytes_field_size(2, size)));
    out = write_bytes_head(out, 2, size);
    for (const std::uint64_t id : ids) {
        out = write_varint(out, id);
    }
}

}  // namespace commands

}  // namespace ycsbpy::kvproto
