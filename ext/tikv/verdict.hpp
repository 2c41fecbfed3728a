// What an attempt's end proves about a write, and what to do next: the same rules as ycsbpy/drivers/tikv_errors.py.
#pragma once

#include <algorithm>
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
        // These also answer what was proposed before the Peer lost its leadership or was removed, and whoever leads
        // now may commit it yet.
        case region_not_found:
            return {Proof::nothing, Next::relocate};
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

/// What a response's `error` text means: a stable name, and a verdict.
struct StoreError {
    std::string_view name;
    Verdict verdict;
};

namespace detail {

[[nodiscard]] constexpr char lower(char c) noexcept {
    return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c;
}

/// Whether `text` contains `part`, which is in lower case, in any case.
[[nodiscard]] inline bool contains(std::string_view text, std::string_view part) noexcept {
    return std::search(text.begin(), text.end(), part.begin(), part.end(),
                       [](char a, char b) { return lower(a) == b; }) != text.end();
}

}  // namespace detail

/// Known texts refuse a request for what it is; any other may have come after it was applied.
[[nodiscard]] inline StoreError store_error(std::string_view text) noexcept {
    struct Known {
        std::string_view part;
        std::string_view name;
    };
    static constexpr std::array<Known, 11> kKnown{{
        {"max key size exceeded", "key_too_large"},
        {"keytoolarge", "key_too_large"},
        {"invalid cf name", "invalid_cf"},
        {"invalidcf", "invalid_cf"},
        {"cf is deprecated", "invalid_cf"},
        {"ttl is not enabled", "ttl_not_enabled"},
        {"ttlnotenabled", "ttl_not_enabled"},
        {"api version in request does not match", "api_version_not_matched"},
        {"apiversionnotmatched", "api_version_not_matched"},
        {"key mode mismatched", "invalid_key_mode"},
        {"invalidkeymode", "invalid_key_mode"},
    }};
    for (const Known& known : kKnown) {
        if (detail::contains(text, known.part)) {
            return {known.name, {Proof::request_refused, Next::give_up}};
        }
    }
    return {"store_error", {Proof::nothing, Next::give_up}};
}

}  // namespace ycsbpy::tikv
