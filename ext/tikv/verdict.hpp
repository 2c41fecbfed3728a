// What an attempt's end proves about a write, and what to do next: the same rules as ycsbpy/drivers/tikv_errors.py.
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <string_view>

#include "kvproto/region_error.hpp"

namespace ycsbpy::tikv {

/// What is certain after an attempt failed.
enum class Proof : std::uint8_t {
    nothing,          ///< it may have been applied, or may yet be
    attempt_dead,     ///< this attempt was not applied and never will be
    request_refused,  ///< nor will any other of the same request
};

/// What comes next where the operation may go on.
enum class Next : std::uint8_t {
    at_once,     ///< with what the cache knows now
    relocate,    ///< ask PD where the key is, after a pause of the short kind
    pause,       ///< the same Region after a pause of the short kind
    long_pause,  ///< the store has too much to do
    give_up,
};

struct Verdict {
    Proof proof;
    Next next;
};

[[nodiscard]] constexpr Verdict judge(kvproto::RegionErrorKind kind) noexcept {
    using enum kvproto::RegionErrorKind;
    switch (kind) {
        case not_leader:
        case epoch_not_match:
            return {Proof::attempt_dead,
                    Next::at_once};  // where the error says what holds now; else the caller relocates
        case key_not_in_region:
        // A store answers so before it proposes. A Peer that is destroyed with proposals pending has lost its
        // leadership before, and answered those with stale_command then.
        case region_not_found:
        case store_not_match:
        case mismatch_peer_id:
        case is_witness:
        case recovery_in_progress:
            return {Proof::attempt_dead, Next::relocate};
        case server_is_busy:
        case disk_full:
            return {Proof::attempt_dead, Next::long_pause};
        case region_not_initialized:
        case max_timestamp_not_synced:
        case proposal_in_merging_mode:
        case flashback_in_progress:
        case flashback_not_prepared:
            return {Proof::attempt_dead, Next::pause};
        case raft_entry_too_large:
            return {Proof::request_refused, Next::give_up};
        case stale_command:
        case read_index_not_ready:
        case data_is_not_ready:
        case bucket_version_not_match:
        case undetermined_result:
        case message_only:
            return {Proof::nothing, Next::pause};
    }
    return {Proof::nothing, Next::pause};
}

/// The name of an error that a response's `error` text means; all of these but `store_error` refuse the request.
[[nodiscard]] inline std::string_view store_error_name(std::string_view text) noexcept {
    struct Known {
        std::string_view part;
        std::string_view name;
    };
    static constexpr std::array<Known, 12> kKnown{{
        {"max key size exceeded", "key_too_large"},
        {"KeyTooLarge", "key_too_large"},
        {"invalid cf name", "invalid_cf"},
        {"Invalid CF", "invalid_cf"},
        {"InvalidCf", "invalid_cf"},
        {"cf is deprecated", "invalid_cf"},
        {"ttl is not enabled", "ttl_not_enabled"},
        {"TtlNotEnabled", "ttl_not_enabled"},
        {"Api version in request does not match", "api_version_not_matched"},
        {"ApiVersionNotMatched", "api_version_not_matched"},
        {"key mode mismatched", "invalid_key_mode"},
        {"InvalidKeyMode", "invalid_key_mode"},
    }};
    for (const Known& known : kKnown) {
        if (text.find(known.part) != std::string_view::npos) {
            return known.name;
        }
    }
    return "store_error";
}

}  // namespace ycsbpy::tikv
