// Which of the inserts of a run the database has, so that a read never asks for a record that is not there yet.
//
// Inserts are handed out in order and end in any order. A reader needs one number: how long the prefix is in which
// every insert has ended. The difficulties, all of them seen in other load generators: the end of an insert must not be
// lost when two threads advance the prefix at once; a failed insert must let the prefix pass and yet never be read; and
// one insert that hangs for minutes must neither block nor overflow anything while millions after it succeed.
//
// The ends are bits in a ring of words, set with one atomic instruction. The ring is never cleared: in even laps an
// ended insert is a one, in odd laps a zero, so what one lap leaves behind is just what the next one starts from, and
// advancing the prefix is a compare-and-swap that any thread may make. Ends too far ahead for the ring wait in an
// ordered map behind a mutex and move into the ring as the prefix advances. Failed inserts are kept in a map of their
// own, which readers look into only when there is one.
//
// Progress is not lost: whoever ends an insert first sets its bit, then looks at the prefix; whoever advances the
// prefix first moves it, then looks at the next bit. With sequential consistency one of two such threads sees what the
// other did. The same holds for the counter of the map's words.
#pragma once

#include <array>
#include <atomic>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <map>
#include <mutex>
#include <shared_mutex>
#include <unordered_map>

namespace ycsbpy {

/// Offsets count from 0. All methods may be called from any thread.
template <std::size_t kWords>
class AcknowledgedCounterOf {
    static_assert(std::has_single_bit(kWords));

  public:
    AcknowledgedCounterOf() = default;
    AcknowledgedCounterOf(const AcknowledgedCounterOf&) = delete;
    AcknowledgedCounterOf& operator=(const AcknowledgedCounterOf&) = delete;

    /// Hand out the next offset.
    std::uint64_t issue() noexcept { return _issued.fetch_add(1, std::memory_order_relaxed); }

    [[nodiscard]] std::uint64_t issued() const noexcept { return _issued.load(std::memory_order_relaxed); }

    /// Every offset below this one has ended.
    [[nodiscard]] std::uint64_t prefix() const noexcept { return _prefix.load(std::memory_order_acquire); }

    /// Say how `offset` ended. What was never issued, or has ended before, changes nothing.
    void settle(std::uint64_t offset, bool ok) {
        if (offset >= issued() || offset < prefix()) {
            return;
        }
        if (!ok) {
            add_failed(offset);  // before the bit: a reader who sees the prefix past it must find it here
        }
        const std::uint64_t word = offset / 64;
        if (fits(word)) {
            mark(word, bit_of(offset));
        } else {
            spill(offset);
        }
        advance();
    }

    [[nodiscard]] bool any_failed() const noexcept { return _failures.load(std::memory_order_acquire) != 0; }

    [[nodiscard]] bool failed(std::uint64_t offset) const {
        const std::shared_lock lock(_failed_mutex);
        const auto found = _failed.find(offset / 64);
        return found != _failed.end() && (found->second & bit_of(offset)) != 0;
    }

  private:
    [[nodiscard]] static constexpr std::uint64_t bit_of(std::uint64_t offset) noexcept {
        return std::uint64_t{1} << (offset % 64);
    }
    [[nodiscard]] static constexpr bool ends_are_ones(std::uint64_t word) noexcept { return (word / kWords) % 2 == 0; }

    /// A word may use its place in the ring once the word one lap before has ended as a whole.
    [[nodiscard]] bool fits(std::uint64_t word) const noexcept { return word < _prefix.load() / 64 + kWords; }

    void mark(std::uint64_t word, std::uint64_t bits) noexcept {
        std::atomic<std::uint64_t>& place = _ring[word % kWords];
        if (ends_are_ones(word)) {
            place.fetch_or(bits);
        } else {
            place.fetch_and(~bits);
        }
    }

    /// How many offsets have ended from `prefix` on, up to the end of its word.
    [[nodiscard]] std::uint64_t ended_from(std::uint64_t prefix) const noexcept {
        const std::uint64_t word = prefix / 64;
        const std::uint64_t bits = _ring[word % kWords].load();
        const std::uint64_t ended = ends_are_ones(word) ? bits : ~bits;
        return static_cast<std::uint64_t>(std::countr_one(ended >> (prefix % 64)));  // zeros come in from above
    }

    void advance() {
        for (;;) {
            if (_spilled_words.load() != 0) {
                drain();
            }
            std::uint64_t prefix = _prefix.load();
            const std::uint64_t ended = ended_from(prefix);
            if (ended == 0) {
                return;
            }
            _prefix.compare_exchange_strong(prefix, prefix + ended);  // if another was quicker, look again
        }
    }

    void spill(std::uint64_t offset) {
        const std::lock_guard lock(_spill_mutex);
        const std::uint64_t word = offset / 64;
        if (fits(word)) {
            mark(word, bit_of(offset));
            return;
        }
        const auto [place, is_new] = _spill.try_emplace(word, 0);
        place->second |= bit_of(offset);
        if (is_new) {
            _spilled_words.fetch_add(1);
        }
    }

    void drain() {
        const std::lock_guard lock(_spill_mutex);
        while (!_spill.empty() && fits(_spill.begin()->first)) {
            mark(_spill.begin()->first, _spill.begin()->second);
            _spill.erase(_spill.begin());
            _spilled_words.fetch_sub(1);
        }
    }

    void add_failed(std::uint64_t offset) {
        const std::lock_guard lock(_failed_mutex);
        _failed[offset / 64] |= bit_of(offset);
        _failures.fetch_add(1, std::memory_order_release);
    }

    // Each on a cache line of its own: every insert writes the first, every read looks at the second.
    alignas(64) std::atomic<std::uint64_t> _issued{0};
    alignas(64) std::atomic<std::uint64_t> _prefix{0};
    std::atomic<std::uint64_t> _failures{0};
    std::atomic<std::uint64_t> _spilled_words{0};
    alignas(64) std::array<std::atomic<std::uint64_t>, kWords> _ring{};
    std::mutex _spill_mutex;
    std::map<std::uint64_t, std::uint64_t> _spill;  // word → its bits
    mutable std::shared_mutex _failed_mutex;
    std::unordered_map<std::uint64_t, std::uint64_t> _failed;  // word → its bits
};

/// 65,536 inserts in flight before the mutex is touched.
using AcknowledgedCounter = AcknowledgedCounterOf<1024>;

}  // namespace ycsbpy
