// Little-endian words in memory, on any machine.
#pragma once

#include <bit>
#include <cstdint>
#include <cstring>

namespace ycsbpy::bytes {

inline void store64(char* out, std::uint64_t word) noexcept {
    if constexpr (std::endian::native == std::endian::big) {
        word = __builtin_bswap64(word);
    }
    std::memcpy(out, &word, sizeof word);
}

[[nodiscard]] inline std::uint64_t load64(const char* in) noexcept {
    std::uint64_t word;
    std::memcpy(&word, in, sizeof word);
    if constexpr (std::endian::native == std::endian::big) {
        word = __builtin_bswap64(word);
    }
    return word;
}

}  // namespace ycsbpy::bytes
