// errorpb.Error: why a store did not do what it was asked, and what it knows better.
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "kvproto/meta.hpp"
#include "kvproto/wire.hpp"

namespace ycsbpy::kvproto {

/// Numbers of the fields of errorpb.Error; `message_only` for an error that has none of them, or several: one that says
/// two things says neither for certain.
enum class RegionErrorKind : std::uint8_t {
    message_only = 1,
    not_leader = 2,
    region_not_found = 3,
    key_not_in_region = 4,
    epoch_not_match = 5,
    server_is_busy = 6,
    stale_command = 7,
    store_not_match = 8,
    raft_entry_too_large = 9,
    max_timestamp_not_synced = 10,
    read_index_not_ready = 11,
    proposal_in_merging_mode = 12,
    data_is_not_ready = 13,
    region_not_initialized = 14,
    disk_full = 15,
    recovery_in_progress = 16,
    flashback_in_progress = 17,
    flashback_not_prepared = 18,
    is_witness = 19,
    mismatch_peer_id = 20,
    bucket_version_not_match = 21,
    undetermined_result = 22,
};

inline constexpr std::array<std::string_view, 23> kRegionErrorNames{
    "",
    "region_error",
    "not_leader",
    "region_not_found",
    "key_not_in_region",
    "epoch_not_match",
    "server_is_busy",
    "stale_command",
    "store_not_match",
    "raft_entry_too_large",
    "max_timestamp_not_synced",
    "read_index_not_ready",
    "proposal_in_merging_mode",
    "data_is_not_ready",
    "region_not_initialized",
    "disk_full",
    "recovery_in_progress",
    "flashback_in_progress",
    "flashback_not_prepared",
    "is_witness",
    "mismatch_peer_id",
    "bucket_version_not_match",
    "undetermined_result",
};

struct RegionError {
    RegionErrorKind kind = RegionErrorKind::message_only;
    std::string message;
    Peer leader;                   ///< of not_leader; id 0: not known
    std::vector<Region> current;   ///< of epoch_not_match
    std::uint64_t backoff_ms = 0;  ///< of server_is_busy
};

[[nodiscard]] inline bool read_region_error(std::string_view bytes, RegionError& error) {
    Reader reader(bytes);
    bool good = true;
    bool several = false;
    for (Field field; reader.next(field);) {
        if (field.type != WireType::bytes) {
            continue;
        }
        if (field.number == 1) {
            error.message = field.bytes;
            continue;
        }
        if (field.number >= kRegionErrorNames.size()) {
            continue;  // newer than we are
        }
        const auto kind = static_cast<RegionErrorKind>(field.number);
        several = several || (error.kind != RegionErrorKind::message_only && error.kind != kind);
        error.kind = kind;
        Reader detail(field.bytes);
        for (Field inner; detail.next(inner);) {
            if (error.kind == RegionErrorKind::not_leader && inner.number == 2 && inner.type == WireType::bytes) {
                good = read_peer(inner.bytes, error.leader) && good;
            } else if (error.kind == RegionErrorKind::epoch_not_match && inner.number == 1 &&
                       inner.type == WireType::bytes) {
                good = read_region(inner.bytes, error.current.emplace_back()) && good;
            } else if (error.kind == RegionErrorKind::server_is_busy && inner.number == 2 &&
                       inner.type == WireType::varint) {
                error.backoff_ms = inner.value;
            }
        }
        good = detail.good() && good;
    }
    if (several) {
        error.kind = RegionErrorKind::message_only;
    }
    return good && reader.good();
}

}  // namespace ycsbpy::kvproto
