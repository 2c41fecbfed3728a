// Every single operation, on its way to a file: what a recorder puts down beside its histograms, if it is asked to.
//
// Each recorder fills a block of its own without a lock and hands full blocks over; whoever writes them takes them all
// at once. Nothing is ever dropped. The queue is bounded softly: when it is full, `wait_for_room` holds those who
// record up until the writer has caught up (back-pressure), and how long is counted, since it slows the run down.
#pragma once

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstddef>
#include <cstdint>
#include <mutex>
#include <utility>
#include <vector>

namespace ycsbpy {

/// One operation. Times are nanoseconds on the recorder's clock.
struct Sample {
    std::int64_t intended = 0;
    std::int64_t start = 0;
    std::int64_t end = 0;
    std::uint16_t kind = 0;
    std::uint16_t outcome = 0;
};

class SampleQueue {
  public:
    using Block = std::vector<Sample>;

    static constexpr std::size_t kBlock = 4096;  ///< samples in a full block: 128 KiB
    static constexpr std::size_t kBound = 256;   ///< blocks that may wait: 32 MiB, a second of a million operations
    static constexpr std::size_t kEnough = 16;   ///< for which the writer is woken before its time

    /// Hand a block over; never waits. An empty one is ignored.
    void put(Block&& block) {
        if (block.empty()) {
            return;
        }
        std::size_t waiting = 0;
        {
            const std::lock_guard lock(_mutex);
            _blocks.push_back(std::move(block));
            waiting = _blocks.size();
            _full.store(waiting >= kBound, std::memory_order_relaxed);
        }
        if (waiting == kEnough) {
            _some.notify_one();
        }
    }

    /// Whether those who record should wait before they go on.
    [[nodiscard]] bool is_full() const noexcept { return _full.load(std::memory_order_relaxed); }

    /// Wait until there is room again, or nobody will write any more.
    void wait_for_room() {
        const auto before = std::chrono::steady_clock::now();
        std::unique_lock lock(_mutex);
        _room.wait(lock, [&] { return _blocks.size() < kBound || _closed; });
        _held_up += std::chrono::steady_clock::now() - before;
    }

    /// All blocks that are there, once there are enough to be worth it, the time is over or the queue is closed.
    [[nodiscard]] std::vector<Block> take(std::int64_t wait_ns) {
        std::vector<Block> taken;
        {
            std::unique_lock lock(_mutex);
            _some.wait_for(lock, std::chrono::nanoseconds(wait_ns),
                           [&] { return _blocks.size() >= kEnough || _closed; });
            taken = std::exchange(_blocks, {});
            _full.store(false, std::memory_order_relaxed);
        }
        _room.notify_all();
        return taken;
    }

    /// Nothing more will be put: `take` does not wait any more, and nobody is held up.
    void close() {
        {
            const std::lock_guard lock(_mutex);
            _closed = true;
        }
        _some.notify_all();
        _room.notify_all();
    }

    [[nodiscard]] bool is_closed() {
        const std::lock_guard lock(_mutex);
        return _closed;
    }

    /// How long those who record have waited for the writer, all together.
    [[nodiscard]] std::int64_t held_up_ns() {
        const std::lock_guard lock(_mutex);
        return std::chrono::duration_cast<std::chrono::nanoseconds>(_held_up).count();
    }

  private:
    std::mutex _mutex;
    std::condition_variable _some;
    std::condition_variable _room;
    std::vector<Block> _blocks;
    std::chrono::steady_clock::duration _held_up{};
    std::atomic<bool> _full{false};
    bool _closed = false;
};

}  // namespace ycsbpy
