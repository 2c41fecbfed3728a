// ext/generators/acknowledged_counter.hpp: against a model, and from several threads at once (under ThreadSanitizer).

#include <algorithm>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <memory>
#include <random>
#include <thread>
#include <vector>

#include "check.hpp"
#include "generators/acknowledged_counter.hpp"
#include "generators/live_keys.hpp"

using namespace ycsbpy;

namespace {

/// Inserts end in random order, some fail, a few hang for long: after each the prefix is what the definition says.
template <std::size_t kWords>
void follows_the_model(std::uint64_t seed, std::size_t inserts, std::size_t in_flight, bool with_stragglers) {
    AcknowledgedCounterOf<kWords> counter;
    std::mt19937_64 random(seed);
    std::vector<char> ended;  // 0 outstanding, 1 acknowledged, 2 failed
    std::vector<std::uint64_t> outstanding;
    std::uint64_t prefix = 0;
    const auto settle = [&](std::size_t place) {
        const std::uint64_t offset = outstanding[place];
        outstanding[place] = outstanding.back();
        outstanding.pop_back();
        const bool ok = random() % 8 != 0;
        counter.settle(offset, ok);
        ended[offset] = ok ? 1 : 2;
        while (prefix < ended.size() && ended[prefix] != 0) {
            ++prefix;
        }
        CHECK(counter.prefix() == prefix);
        CHECK(counter.failed(offset) == !ok);
    };
    while (ended.size() < inserts) {
        CHECK(counter.issue() == ended.size());
        outstanding.push_back(ended.size());
        ended.push_back(0);
        while (outstanding.size() > in_flight) {
            const bool straggling = with_stragglers && random() % 1000 != 0;  // the first ones are left for long
            settle(straggling ? outstanding.size() / 2 + random() % (outstanding.size() / 2)
                              : random() % outstanding.size());
        }
    }
    while (!outstanding.empty()) {
        settle(random() % outstanding.size());
    }
    CHECK(counter.prefix() == inserts && counter.issued() == inserts);
    bool any = false;
    for (std::uint64_t offset = 0; offset < inserts; ++offset) {
        CHECK(counter.failed(offset) == (ended[offset] == 2));
        any = any || ended[offset] == 2;
    }
    CHECK(counter.any_failed() == any);
}

void nonsense_changes_nothing() {
    AcknowledgedCounterOf<1> counter;
    counter.settle(0, true);  // never issued
    counter.settle(~std::uint64_t{0}, false);
    CHECK(counter.prefix() == 0 && !counter.any_failed());
    for (int i = 0; i < 200; ++i) {
        counter.settle(counter.issue(), true);
    }
    counter.settle(5, false);  // ended long ago
    CHECK(counter.prefix() == 200 && !counter.any_failed());
}

/// Writers issue and settle in their own order while a reader watches: the prefix only grows, covers nothing that is
/// outstanding, and a failed insert below it is known to be one. In the end nothing is left behind.
template <std::size_t kWords>
void threads_lose_nothing(std::size_t writers, std::uint64_t inserts, std::size_t hold) {
    AcknowledgedCounterOf<kWords> counter;
    const auto ended = std::make_unique<std::atomic<char>[]>(inserts);
    std::atomic<std::size_t> writing{writers};
    const auto write = [&](std::uint64_t seed) {
        std::mt19937_64 random(seed);
        std::deque<std::uint64_t> held;
        const auto settle_one = [&] {
            const std::size_t place = random() % held.size();
            const std::uint64_t offset = held[place];
            held.erase(held.begin() + static_cast<std::ptrdiff_t>(place));
            const bool ok = random() % 16 != 0;
            ended[offset].store(ok ? 1 : 2);
            counter.settle(offset, ok);
        };
        for (;;) {
            const std::uint64_t offset = counter.issue();
            if (offset >= inserts) {
                counter.settle(offset, true);
                break;
            }
            held.push_back(offset);
            if (held.size() > hold) {
                settle_one();
            }
        }
        while (!held.empty()) {
            settle_one();
        }
        writing.fetch_sub(1);
    };
    std::vector<std::thread> threads;
    for (std::size_t i = 0; i < writers; ++i) {
        threads.emplace_back(write, i + 1);
    }
    std::uint64_t seen = 0;
    for (bool last = false; !last;) {
        last = writing.load() == 0;
        const std::uint64_t prefix = counter.prefix();
        CHECK(prefix >= seen);
        for (; seen < std::min(prefix, inserts); ++seen) {
            CHECK(ended[seen].load() != 0);
            CHECK(counter.failed(seen) == (ended[seen].load() == 2));
        }
    }
    for (std::thread& thread : threads) {
        thread.join();
    }
    CHECK(counter.issued() == inserts + writers && counter.prefix() == counter.issued());
    CHECK(seen == inserts || counter.prefix() >= inserts);
}

/// Two threads end neighbouring inserts at the same moment, again and again: after each pair the prefix is past both.
/// (In a longer run a lost step would be made good by the next insert that ends.)
template <std::size_t kWords>
void neighbours_lose_nothing(std::uint64_t rounds, std::uint64_t distance) {
    AcknowledgedCounterOf<kWords> counter;
    const std::uint64_t in_round = distance + 1;
    std::atomic<std::uint64_t> arrived{0};
    const auto meet = [&arrived](std::uint64_t meetings) {
        arrived.fetch_add(1);
        while (arrived.load() < 2 * meetings) {
            std::this_thread::yield();
        }
    };
    const auto run = [&](bool first) {
        for (std::uint64_t round = 0; round < rounds; ++round) {
            const std::uint64_t start = round * in_round;
            if (first) {
                for (std::uint64_t i = 0; i < in_round; ++i) {
                    CHECK(counter.issue() == start + i);
                }
                for (std::uint64_t i = 1; i < distance; ++i) {
                    counter.settle(start + i, true);
                }
            }
            meet(3 * round + 1);
            counter.settle(first ? start : start + distance, true);
            meet(3 * round + 2);
            CHECK(counter.prefix() == start + in_round);
            meet(3 * round + 3);
        }
    };
    std::thread other(run, false);
    run(true);
    other.join();
}

/// No key is deleted twice, whoever deletes, and the front never passes the limit.
void threads_delete_each_key_once() {
    WorkloadSpec spec;
    spec.recordcount = spec.insertcount = 10'000;
    LiveKeys keys(spec);
    const auto deleted = std::make_unique<std::atomic<int>[]>(10'000);
    std::vector<std::thread> threads;
    for (int i = 0; i < 4; ++i) {
        threads.emplace_back([&] {
            for (int k = 0; k < 2500; ++k) {
                deleted[keys.take_delete()].fetch_add(1);
                const LiveKeys::Range live = keys.range();
                CHECK(live.front <= live.limit);
            }
        });
    }
    for (std::thread& thread : threads) {
        thread.join();
    }
    for (int i = 0; i < 10'000; ++i) {
        CHECK(deleted[i].load() == 1);
    }
    CHECK(keys.range().size() == 0 && keys.take_delete() == 10'000 && keys.take_delete() == 10'000);
}

}  // namespace

int main() {
    for (std::uint64_t seed = 1; seed <= 5; ++seed) {
        follows_the_model<1>(seed, 3000, 10, false);
        follows_the_model<1>(seed, 3000, 500, true);
        follows_the_model<2>(seed, 3000, 100, true);
        follows_the_model<4>(seed, 5000, 1000, true);
    }
    follows_the_model<1024>(9, 150'000, 100, false);
    nonsense_changes_nothing();
    threads_lose_nothing<1>(4, 20'000, 8);  // through the map all the time
    threads_lose_nothing<2>(4, 20'000, 100);
    threads_lose_nothing<1024>(4, 50'000, 16);  // never
    neighbours_lose_nothing<1024>(20'000, 1);
    neighbours_lose_nothing<1>(5'000, 64);   // the second one may go into the map
    neighbours_lose_nothing<1>(5'000, 130);  // does
    threads_delete_each_key_once();
    std::puts("ok");
}
