// kvrpcpb.Context: to which Peer of which Region a request goes. Made once for a Region and its leader, then copied.
#pragma once

#include <cstdint>
#include <string>

#include "kvproto/meta.hpp"
#include "kvproto/wire.hpp"

namespace ycsbpy::kvproto {

struct ContextSpec {
    std::uint64_t region_id = 0;
    Epoch epoch;
    Peer peer;
    std::uint64_t max_execution_duration_ms = 0;
    bool is_retry = false;
    std::uint64_t api_version = 0;
    std::uint64_t keyspace_id = 0;
};

/// The bytes of the message.
[[nodiscard]] inline std::string encode_context(const ContextSpec& spec) {
    const std::size_t epoch = epoch_size(spec.epoch);
    const std::size_t peer = peer_size(spec.peer);
    std::string bytes(number_field_size(1, spec.region_id) + bytes_field_size(2, epoch) + bytes_field_size(3, peer) +
                          number_field_size(14, spec.max_execution_duration_ms) +
                          number_field_size(20, static_cast<std::uint64_t>(spec.is_retry)) +
                          number_field_size(21, spec.api_version) + number_field_size(32, spec.keyspace_id),
                      '\0');
    char* out = write_number_field(bytes.data(), 1, spec.region_id);
    out = write_epoch(write_bytes_head(out, 2, epoch), spec.epoch);
    out = write_peer(write_bytes_head(out, 3, peer), spec.peer);
    out = write_number_field(out, 14, spec.max_execution_duration_ms);
    out = write_number_field(out, 20, static_cast<std::uint64_t>(spec.is_retry));
    out = write_number_field(out, 21, spec.api_version);
    write_number_field(out, 32, spec.keyspace_id);
    return bytes;
}

}  // namespace ycsbpy::kvproto
