// Which Region holds a key, who leads it, and where its stores are (client-go's cache, in the small).
//
// Ordered by start key; no two entries overlap: an entry that comes in takes the place of all it overlaps, unless one
// of those is newer (by version, then by conf_ver). What a store says in its errors is taken at once: the leader that a
// NotLeader names, the Regions that an EpochNotMatch describes. Each entry keeps the bytes of its `kvrpcpb.Context`.
#pragma once

#include <algorithm>
#include <cstdint>
#include <iterator>
#include <map>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>

#include "kvproto/context.hpp"
#include "kvproto/meta.hpp"
#include "tikv/memcomparable.hpp"

namespace ycsbpy::tikv {

struct CachedRegion {
    kvproto::Region region;
    kvproto::Peer leader;
    std::string context;  ///< kvrpcpb.Context for the leader
};

/// The last entry of a map that does not start behind a key; `end()` where there is none.
template <class Map>
[[nodiscard]] auto at_or_before(Map& by_start, std::string_view key) {
    const auto behind = by_start.upper_bound(key);
    return behind == by_start.begin() ? by_start.end() : std::prev(behind);
}

class RegionCache {
  public:
    RegionCache(std::uint64_t max_execution_ms, std::uint64_t api_version, std::uint64_t keyspace_id = 0)
        : _max_execution_ms(max_execution_ms), _api_version(api_version), _keyspace_id(keyspace_id) {}

    /// The Region that holds a key; null where none is known. It holds until the next change of the cache.
    [[nodiscard]] const CachedRegion* find(std::string_view key) const {
        const auto place = at_or_before(_by_start, key);
        return place != _by_start.end() && place->second.region.contains(key) ? &place->second : nullptr;
    }

    /// Take a Region in. False, and nothing changed, where it has no such leader or what is known is newer.
    bool insert(kvproto::Region region, const kvproto::Peer& leader) {
        if (leader.id == 0 || region.peer_on(leader.store_id) == nullptr) {
            return false;
        }
        auto first = _by_start.upper_bound(region.start);
        if (first != _by_start.begin()) {
            auto before = std::prev(first);
            if (before->second.region.end.empty() || before->second.region.end > region.start) {
                first = before;
            }
        }
        auto last = first;
        while (last != _by_start.end() && (region.end.empty() || last->first < region.end)) {
            if (is_newer(last->second.region, region)) {
                return false;
            }
            ++last;
        }
        _by_start.erase(first, last);
        CachedRegion entry{std::move(region), leader, {}};
        entry.context = context_of(entry);
        std::string start = entry.region.start;
        _by_start.insert_or_assign(std::move(start), std::move(entry));
        return true;
    }

    /// Take in what a store says of a Region: with API V2, stores have its bounds in the memcomparable form.
    bool learn(kvproto::Region region, const kvproto::Peer& leader) {
        if (_api_version >= 2 && !(decode_bound(region.start) && decode_bound(region.end))) {
            return false;
        }
        return insert(std::move(region), leader);
    }

    /// Forget the Region that holds a key, if it is still as it was when the request was sent.
    void invalidate(std::string_view key, std::uint64_t region_id) {
        const auto place = at_or_before(_by_start, key);
        if (place != _by_start.end() && place->second.region.id == region_id) {
            _by_start.erase(place);
        }
    }

    /// Another Peer leads. False where the Region is not known so, or has no such Peer.
    bool set_leader(std::string_view key, std::uint64_t region_id, const kvproto::Peer& leader) {
        const auto place = at_or_before(_by_start, key);
        if (place == _by_start.end()) {
            return false;
        }
        CachedRegion& entry = place->second;
        const kvproto::Peer* const known = entry.region.peer_on(leader.store_id);
        if (entry.region.id != region_id || known == nullptr || known->id != leader.id) {
            return false;
        }
        entry.leader = *known;
        entry.context = context_of(entry);
        return true;
    }

    /// Forget all Regions that a store leads: it cannot be reached.
    void invalidate_store(std::uint64_t store_id) {
        std::erase_if(_by_start, [&](const auto& entry) { return entry.second.leader.store_id == store_id; });
    }

    void set_address(std::uint64_t store_id, std::string address) {
        _addresses.insert_or_assign(store_id, std::move(address));
    }

    /// Where a store is; null where that is not known.
    [[nodiscard]] const std::string* address(std::uint64_t store_id) const {
        const auto found = _addresses.find(store_id);
        return found == _addresses.end() ? nullptr : &found->second;
    }

    [[nodiscard]] std::size_t size() const noexcept { return _by_start.size(); }

  private:
    [[nodiscard]] static bool is_newer(const kvproto::Region& known, const kvproto::Region& other) noexcept {
        if (known.epoch.version != other.epoch.version) {
            return known.epoch.version > other.epoch.version;
        }
        return known.id == other.id && known.epoch.conf_ver > other.epoch.conf_ver;
    }

    [[nodiscard]] std::string context_of(const CachedRegion& entry) const {
        kvproto::ContextSpec spec;
        spec.region_id = entry.region.id;
        spec.epoch = entry.region.epoch;
        spec.peer = entry.leader;
        spec.max_execution_duration_ms = _max_execution_ms;
        spec.api_version = _api_version;
        spec.keyspace_id = _keyspace_id;
        return kvproto::encode_context(spec);
    }

    std::uint64_t _max_execution_ms;
    std::uint64_t _api_version;
    std::uint64_t _keyspace_id;
    std::map<std::string, CachedRegion, std::less<>> _by_start;
    std::unordered_map<std::uint64_t, std::string> _addresses;
};

}  // namespace ycsbpy::tikv
