// Random printable bytes, as fast as the machine can make them.
//
// This loop is most of the work of a load. The portable form is what defines it. AVX-512 has the 64-bit multiplication
// that SplitMix64 needs, eight at a time, so machines that have it take the second form; it is chosen when first
// needed, not when compiled, and integers being integers it writes the same bytes (a test compares them). AVX2 would
// have to put that multiplication together from three smaller ones and gained too little to be kept.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>

#include "generators/bytes.hpp"
#include "generators/rng.hpp"

#if defined(__x86_64__) && defined(__GNUC__)
#define YCSBPY_HAS_AVX512_FILL 1
#include <immintrin.h>
#else
#define YCSBPY_HAS_AVX512_FILL 0
#endif

namespace ycsbpy::values {

/// Writes exactly `length` bytes from the draws that follow (state, gamma); returns their end.
using Fill = char* (*)(std::uint64_t state, std::uint64_t gamma, char* out, std::size_t length);

/// Eight characters from space to underscore out of one draw.
[[nodiscard]] constexpr std::uint64_t printable(std::uint64_t draw) noexcept {
    return (draw & 0x3F3F3F3F3F3F3F3F) + 0x2020202020202020;
}

inline char* fill_portable(std::uint64_t state, std::uint64_t gamma, char* out, std::size_t length) noexcept {
    SplitMix64 rng(state, gamma);
    char* const last = out + length / 8 * 8;
    for (; out != last; out += 8) {
        bytes::store64(out, printable(rng.next()));
    }
    const std::size_t rest = length % 8;
    if (rest != 0) {
        char word[8];
        bytes::store64(word, printable(rng.next()));
        std::memcpy(out, word, rest);
    }
    return out + rest;
}

#if YCSBPY_HAS_AVX512_FILL

#define YCSBPY_AVX512 __attribute__((target("avx512f,avx512bw,avx512dq")))

/// Eight 64-bit words, by the vector extension that GCC and Clang share.
using Words = std::uint64_t __attribute__((vector_size(64)));

YCSBPY_AVX512 inline char* fill_avx512(std::uint64_t state, std::uint64_t gamma, char* out,
                                       std::size_t length) noexcept {
    Words states = state + gamma * Words{1, 2, 3, 4, 5, 6, 7, 8};
    for (;;) {
        Words z = states;
        z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9;
        z = (z ^ (z >> 27)) * 0x94D049BB133111EB;
        z = z ^ (z >> 31);
        z = (z & 0x3F3F3F3F3F3F3F3F) + 0x2020202020202020;
        if (length < 64) {
            _mm512_mask_storeu_epi8(out, (std::uint64_t{1} << length) - 1, reinterpret_cast<__m512i>(z));
            return out + length;
        }
        std::memcpy(out, &z, sizeof z);
        out += 64;
        length -= 64;
        states += 8 * gamma;
    }
}

[[nodiscard]] inline bool has_avx512() noexcept {
    __builtin_cpu_init();
    return __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
           __builtin_cpu_supports("avx512dq");
}

#endif

[[nodiscard]] inline Fill best_fill() noexcept {
#if YCSBPY_HAS_AVX512_FILL
    if (has_avx512()) {
        return fill_avx512;
    }
#endif
    return fill_portable;
}

}  // namespace ycsbpy::values
