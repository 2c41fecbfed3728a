// What the threads of one phase share: which operation is next, when it is due, the stop, and the way to the control
// plane. On the hot path that is one atomic counter.
#pragma once

#include <algorithm>
#include <array>
#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <limits>
#include <memory>
#include <mutex>
#include <string>
#include <utility>
#include <vector>

#include "generators/operation.hpp"
#include "generators/rng.hpp"
#include "kvproto/meta.hpp"
#include "loop/reactor.hpp"
#include "loop/tls.hpp"
#include "recording/samples.hpp"

namespace ycsbpy::engine {

inline constexpr std::uint64_t kNoCount = std::numeric_limits<std::uint64_t>::max();

/// For each kind of operation, a number.
using KindNumbers = std::array<std::uint8_t, kOpKinds>;

/// The phase and the cluster, as plain data. Times are nanoseconds of CLOCK_MONOTONIC.
struct Plan {
    std::uint32_t threads = 1;
    std::uint64_t clients = 1;
    std::uint32_t connections = 1;  ///< to each store, over all threads
    std::uint32_t batch_limit = 128;
    Domain domain = Domain::run;
    std::uint64_t count = kNoCount;
    bool paced = false;
    std::uint64_t period_numerator = 0;  ///< row n is due at origin + n * numerator / denominator
    std::uint64_t period_denominator = 1;
    std::int64_t origin_ns = 0;
    std::int64_t deadline_ns = -1;  ///< after which nothing begins; -1: none
    std::int64_t timeout_ns = 20'000'000'000;
    bool repeats_writes =
        false;  ///< an insert whose answer was lost may be sent again: a load's, which nobody overwrites
    std::string key_prefix;
    std::string key_end;            ///< where the table ends
    std::string column_family;      ///< empty: the default one
    std::uint64_t api_version = 0;  ///< as kvrpcpb.APIVersion has it; from 2 on, stores name Regions by encoded keys
    std::uint64_t keyspace_id = 0;
    std::uint64_t ttl = 0;                      ///< seconds
    std::uint64_t batch_size = 1;               ///< rows of an operation; where it is more, `count` is of rows
    KindNumbers recorded_as{0, 1, 2, 3, 4, 5};  ///< the kind under which each is counted

    SampleQueue* samples = nullptr;  ///< where every operation is put down, if it is to be
    loop::TlsFiles tls;

    /// Operations that are needed for `count`, the last of which may have fewer rows.
    [[nodiscard]] std::uint64_t operations() const noexcept {
        return count == kNoCount ? kNoCount : count / batch_size + (count % batch_size != 0 ? 1 : 0);
    }
    [[nodiscard]] std::size_t kinds() const noexcept {
        return std::max<std::size_t>(kOpKinds, *std::ranges::max_element(recorded_as) + std::size_t{1});
    }
};

/// A Region and the addresses of its stores, on the way to a thread; or that none could be had.
struct Located {
    std::string key;  ///< that was asked for
    bool found = false;
    kvproto::Region region;
    kvproto::Peer leader;
    std::vector<std::pair<std::uint64_t, std::string>> addresses;
    std::string problem;
};

/// What a thread is told from outside.
class Inbox {
  public:
    void put(const Located& located) {
        {
            const std::lock_guard lock(_mutex);
            _located.push_back(located);
        }
        _nudge.give();
    }
    void nudge() const noexcept { _nudge.give(); }

    [[nodiscard]] std::vector<Located> take() {
        _nudge.take();
        const std::lock_guard lock(_mutex);
        return std::exchange(_located, {});
    }
    [[nodiscard]] int fd() const noexcept { return _nudge.fd(); }

  private:
    loop::Nudge _nudge;
    std::mutex _mutex;
    std::vector<Located> _located;
};

/// Questions to the control plane: (thread, key).
class Questions {
  public:
    using Question = std::pair<std::uint32_t, std::string>;

    void ask(std::uint32_t thread, std::string key) {
        {
            const std::lock_guard lock(_mutex);
            _asked.emplace_back(thread, std::move(key));
        }
        _some.notify_one();
    }

    /// All that are there, waiting for the first one so long.
    [[nodiscard]] std::vector<Question> take(std::int64_t wait_ns) {
        std::unique_lock lock(_mutex);
        _some.wait_for(lock, std::chrono::nanoseconds(wait_ns), [&] { return !_asked.empty() || _closed; });
        return std::exchange(_asked, {});
    }

    void close() {
        {
            const std::lock_guard lock(_mutex);
            _closed = true;
        }
        _some.notify_all();
    }

  private:
    std::mutex _mutex;
    std::condition_variable _some;
    std::vector<Question> _asked;
    bool _closed = false;
};

enum class Stop : int { no = 0, gently = 1, at_once = 2 };

struct Shared {
    /// Throws std::runtime_error where there is to be TLS and cannot be.
    explicit Shared(Plan given)
        : plan(std::move(given)),
          operations(plan.operations()),
          tls(plan.tls.ca.empty() ? nullptr : std::make_unique<const loop::TlsContext>(plan.tls)),
          inboxes(plan.threads) {}

    const Plan plan;
    const std::uint64_t operations;
    const std::unique_ptr<const loop::TlsContext> tls;  ///< null: no TLS
    alignas(64) std::atomic<std::uint64_t> next{0};
    alignas(64) std::atomic<int> stop{0};
    std::atomic<std::uint32_t> running{0};  ///< threads that have not ended
    Questions questions;
    std::vector<Inbox> inboxes;

    /// The next operation's number, or `kNoCount` when there is none.
    [[nodiscard]] std::uint64_t take() noexcept {
        if (stop.load(std::memory_order_relaxed) != 0) {
            return kNoCount;
        }
        const std::uint64_t number = next.fetch_add(1, std::memory_order_relaxed);
        return number < operations ? number : kNoCount;
    }

    [[nodiscard]] std::int64_t due_ns(std::uint64_t number) const noexcept {
        const Uint128 offset =
            static_cast<Uint128>(number) * plan.batch_size * plan.period_numerator / plan.period_denominator;
        return plan.origin_ns + static_cast<std::int64_t>(offset);
    }

    void request_stop(Stop how) noexcept {
        stop.store(static_cast<int>(how));
        for (const Inbox& inbox : inboxes) {
            inbox.nudge();
        }
    }
};

}  // namespace ycsbpy::engine
