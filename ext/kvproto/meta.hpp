// metapb: Region, Peer and epoch, as values and from their bytes.
#pragma once

#include <algorithm>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "kvproto/wire.hpp"

namespace ycsbpy::kvproto {

struct Epoch {
    std::uint64_t conf_ver = 0;
    std::uint64_t version = 0;
};

enum class PeerRole : std::uint8_t { voter = 0, learner = 1, incoming_voter = 2, demoting_voter = 3 };

struct Peer {
    std::uint64_t id = 0;
    std::uint64_t store_id = 0;
    PeerRole role = PeerRole::voter;
    bool is_witness = false;
};

struct Region {
    std::uint64_t id = 0;
    std::string start;
    std::string end;  ///< empty: without end
    Epoch epoch;
    std::vector<Peer> peers;

    [[nodiscard]] bool contains(std::string_view key) const noexcept {
        return key >= start && (end.empty() || key < end);
    }
    [[nodiscard]] const Peer* peer_on(std::uint64_t store_id) const noexcept {
        const auto found =
            std::find_if(peers.begin(), peers.end(), [&](const Peer& peer) { return peer.store_id == store_id; });
        return found == peers.end() ? nullptr : &*found;
    }
};

[[nodiscard]] inline bool read_epoch(std::string_view bytes, Epoch& epoch) noexcept {
    Reader reader(bytes);
    for (Field field; reader.next(field);) {
        if (field.type == WireType::varint && field.number == 1) {
            epoch.conf_ver = field.value;
        } else if (field.type == WireType::varint && field.number == 2) {
            epoch.version = field.value;
        }
    }
    return reader.good();
}

[[nodiscard]] inline bool read_peer(std::string_view bytes, Peer& peer) noexcept {
    Reader reader(bytes);
    for (Field field; reader.next(field);) {
        if (field.type != WireType::varint) {
            continue;
        }
        switch (field.number) {
            case 1:
                peer.id = field.value;
                break;
            case 2:
                peer.store_id = field.value;
                break;
            case 3:
                peer.role = static_cast<PeerRole>(field.value);
                break;
            case 4:
                peer.is_witness = field.value != 0;
                break;
            default:
                break;
        }
    }
    return reader.good();
}

[[nodiscard]] inline bool read_region(std::string_view bytes, Region& region) {
    Reader reader(bytes);
    bool good = true;
    for (Field field; reader.next(field);) {
        if (field.type == WireType::varint && field.number == 1) {
            region.id = field.value;
        } else if (field.type == WireType::bytes) {
            switch (field.number) {
                case 2:
                    region.start = field.bytes;
                    break;
                case 3:
                    region.end = field.bytes;
                    break;
                case 4:
                    good = read_epoch(field.bytes, region.epoch) && good;
                    break;
                case 5:
                    good = read_peer(field.bytes, region.peers.emplace_back()) && good;
                    break;
                default:
                    break;
            }
        }
    }
    return good && reader.good();
}

[[nodiscard]] inline std::size_t epoch_size(const Epoch& epoch) noexcept {
    return number_field_size(1, epoch.conf_ver) + number_field_size(2, epoch.version);
}
inline char* write_epoch(char* out, const Epoch& epoch) noexcept {
    return write_number_field(write_number_field(out, 1, epoch.conf_ver), 2, epoch.version);
}

[[nodiscard]] inline std::size_t peer_size(const Peer& peer) noexcept {
    return number_field_size(1, peer.id) + number_field_size(2, peer.store_id) +
           number_field_size(3, static_cast<std::uint64_t>(peer.role)) +
           number_field_size(4, static_cast<std::uint64_t>(peer.is_witness));
}
inline char* write_peer(char* out, const Peer& peer) noexcept {
    out = write_number_field(write_number_field(out, 1, peer.id), 2, peer.store_id);
    out = write_number_field(out, 3, static_cast<std::uint64_t>(peer.role));
    return write_number_field(out, 4, static_cast<std::uint64_t>(peer.is_witness));
}

}  // namespace ycsbpy::kvproto
