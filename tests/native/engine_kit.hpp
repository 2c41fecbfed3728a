// What the tests of the engine tell it of a cluster, and what a store there says.
#pragma once

#include <cstdint>
#include <string>

#include "engine/shared.hpp"
#include "generators/row_codec.hpp"

namespace ycsbpy {

/// One Region, led by a store at that port.
inline engine::Located region(std::uint16_t port) {
    engine::Located located;
    located.found = true;
    located.region.id = 1;
    located.region.epoch = {1, 1};
    located.leader = {2, 3, kvproto::PeerRole::voter, false};
    located.region.peers = {located.leader};
    located.addresses = {{3, "127.0.0.1:" + std::to_string(port)}};
    return located;
}

/// What every read finds.
inline std::string row_of_two() {
    std::string row(64, 'x');
    char* out = row.data();
    for (const std::int64_t column : {0, 1}) {
        out = row::write_header(column, 10, out) + 10;
    }
    row.resize(static_cast<std::size_t>(out - row.data()));
    return row;
}

}  // namespace ycsbpy
