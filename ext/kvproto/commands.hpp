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

/// What goes with every raw command of a phase. An empty column family is the default one.
struct RawOptions {
    std::string_view cf;
    std::uint64_t ttl = 0;  ///< seconds, of what is put; 0: for ever
    bool for_cas = false;   ///< writes are ordered with compare-and-swaps of the same keys
};

namespace commands {

/// Size of a field with text in it; 0 where the text is empty, which is not written.
[[nodiscard]] constexpr std::size_t text_field_size(std::uint32_t field, std::string_view text) noexcept {
    return text.empty() ? 0 : bytes_field_size(field, text.size());
}

inline char* write_text_field(char* out, std::uint32_t field, std::string_view text) noexcept {
    return text.empty() ? out : write_bytes_field(out, field, text);
}

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

inline void raw_get(http2::Buffer& batch, std::string_view context, const SplitKey& key,
                    const RawOptions& options = {}) {
    const std::size_t size = key_command_size(context, key) + text_field_size(3, options.cf);
    char* const out = write_key_command(open(batch, Command::raw_get, size), context, key);
    write_text_field(out, 3, options.cf);
}

inline void raw_delete(http2::Buffer& batch, std::string_view context, const SplitKey& key,
                       const RawOptions& options = {}) {
    const auto for_cas = static_cast<std::uint64_t>(options.for_cas);
    const std::size_t size =
        key_command_size(context, key) + text_field_size(3, options.cf) + number_field_size(4, for_cas);
    char* out = write_key_command(open(batch, Command::raw_delete, size), context, key);
    out = write_text_field(out, 3, options.cf);
    write_number_field(out, 4, for_cas);
}

/// Returns where exactly `value_size` bytes of value are to be written, before anything else is done with the batch.
[[nodiscard]] inline char* raw_put(http2::Buffer& batch, std::string_view context, const SplitKey& key,
                                   std::size_t value_size, const RawOptions& options = {}) {
    const auto for_cas = static_cast<std::uint64_t>(options.for_cas);
    const std::size_t size = key_command_size(context, key) + text_field_size(4, options.cf) +
                             number_field_size(5, options.ttl) + number_field_size(6, for_cas) +
                             bytes_field_size(3, value_size);
    char* out = write_key_command(open(batch, Command::raw_put, size), context, key);
    out = write_text_field(out, 4, options.cf);
    out = write_number_field(write_number_field(out, 5, options.ttl), 6, for_cas);
    return write_bytes_head(out, 3, value_size);
}

/// Keys from `start` on and below `end`, `limit` at the most.
inline void raw_scan(http2::Buffer& batch, std::string_view context, const SplitKey& start, std::uint64_t limit,
                     std::string_view end, const RawOptions& options = {}) {
    const std::size_t size = key_command_size(context, start) + number_field_size(3, limit) +
                             text_field_size(5, options.cf) + bytes_field_size(7, end.size());
    char* out = write_key_command(open(batch, Command::raw_scan, size), context, start);
    out = write_text_field(write_number_field(out, 3, limit), 5, options.cf);
    write_bytes_field(out, 7, end);
}

/// Get or delete many keys, which are in one Region: `key_at(i)` is the i-th of `count`.
template <class KeyAt>
void raw_batch_keys(http2::Buffer& batch, Command command, std::string_view context, std::size_t count, KeyAt&& key_at,
                    const RawOptions& options = {}) {
    const auto for_cas = static_cast<std::uint64_t>(command == Command::raw_batch_delete && options.for_cas);
    std::size_t size =
        bytes_field_size(1, context.size()) + text_field_size(3, options.cf) + number_field_size(4, for_cas);
    for (std::size_t i = 0; i < count; ++i) {
        size += bytes_field_size(2, key_at(i).size());
    }
    char* out = write_bytes_field(open(batch, command, size), 1, context);
    for (std::size_t i = 0; i < count; ++i) {
        const SplitKey key = key_at(i);
        out = key.write(write_bytes_head(out, 2, key.size()));
    }
    write_number_field(write_text_field(out, 3, options.cf), 4, for_cas);
}

/// Put many pairs, whose keys are in one Region. `write_value(i, out)` writes the i-th of `count` values, of exactly
/// `value_size(i)` bytes, and returns its end.
template <class KeyAt, class ValueSize, class WriteValue>
void raw_batch_put(http2::Buffer& batch, std::string_view context, std::size_t count, KeyAt&& key_at,
                   ValueSize&& value_size, WriteValue&& write_value, const RawOptions& options = {}) {
    const auto for_cas = static_cast<std::uint64_t>(options.for_cas);
    const auto pair_size = [&](std::size_t i) {
        return bytes_field_size(2, key_at(i).size()) + bytes_field_size(3, value_size(i));
    };
    // `ttl` is what old servers read, `ttls` what newer ones do; one of them is for all pairs.
    const std::size_t ttls = options.ttl == 0 ? 0 : bytes_field_size(6, varint_size(options.ttl));
    std::size_t size = bytes_field_size(1, context.size()) + text_field_size(3, options.cf) +
                       number_field_size(4, options.ttl) + number_field_size(5, for_cas) + ttls;
    for (std::size_t i = 0; i < count; ++i) {
        size += bytes_field_size(2, pair_size(i));
    }
    char* out = write_bytes_field(open(batch, Command::raw_batch_put, size), 1, context);
    for (std::size_t i = 0; i < count; ++i) {
        const SplitKey key = key_at(i);
        out = write_bytes_head(out, 2, pair_size(i));
        out = key.write(write_bytes_head(out, 2, key.size()));
        out = write_value(i, write_bytes_head(out, 3, value_size(i)));
    }
    out = write_number_field(write_text_field(out, 3, options.cf), 4, options.ttl);
    out = write_number_field(out, 5, for_cas);
    if (options.ttl != 0) {
        write_varint(write_bytes_head(out, 6, varint_size(options.ttl)), options.ttl);
    }
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
