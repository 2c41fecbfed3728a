// TiKV's memcomparable bytes: the form in which PD and Region bounds have the keys of API V2.
//
// Groups of eight bytes, the last one filled up with zeros, each followed by 0xFF less the number of zeros; a whole
// last group is followed by one of nothing but zeros. Encoded keys have the order of the keys.
#pragma once

#include <algorithm>
#include <cstddef>
#include <string>
#include <string_view>
#include <utility>

namespace ycsbpy::tikv {

inline constexpr std::size_t kGroup = 8;

[[nodiscard]] inline std::string memcomparable(std::string_view key) {
    std::string encoded;
    encoded.reserve((key.size() / kGroup + 1) * (kGroup + 1));
    for (std::size_t at = 0; at <= key.size(); at += kGroup) {
        const std::string_view part = key.substr(at, kGroup);
        const std::size_t zeros = kGroup - part.size();
        encoded.append(part).append(zeros, '\0').push_back(static_cast<char>(0xFF - zeros));
    }
    return encoded;
}

/// False where the bytes are no such key; `key` is then no key either.
[[nodiscard]] inline bool from_memcomparable(std::string_view encoded, std::string& key) {
    key.clear();
    for (;; encoded.remove_prefix(kGroup + 1)) {
        if (encoded.size() < kGroup + 1) {
            return false;
        }
        const std::string_view group = encoded.substr(0, kGroup);
        const std::size_t zeros = 0xFF - static_cast<std::size_t>(static_cast<unsigned char>(encoded[kGroup]));
        if (zeros > kGroup || !std::ranges::all_of(group.substr(kGroup - zeros), [](char c) { return c == '\0'; })) {
            return false;
        }
        key.append(group.substr(0, kGroup - zeros));
        if (zeros != 0) {
            return encoded.size() == kGroup + 1;
        }
    }
}

/// A Region's bound: empty where there is none, and then nothing is encoded.
[[nodiscard]] inline bool decode_bound(std::string& bound) {
    std::string key;
    if (bound.empty()) {
        return true;
    }
    if (!from_memcomparable(bound, key)) {
        return false;
    }
    bound = std::move(key);
    return true;
}

}  // namespace ycsbpy::tikv
