// ext/recording under sanitizers: the index against its definition, exact sums, merging, and the recorder's cells.

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <random>
#include <span>
#include <string>
#include <thread>
#include <vector>

#include "check.hpp"
#include "recording/hdr_counts.hpp"
#include "recording/recorder.hpp"
#include "recording/sample_text.hpp"
#include "recording/samples.hpp"

using namespace ycsbpy;

namespace {

/// As HdrHistogram defines it: bucket by the power of two, sub-bucket by the leading bits.
std::size_t index_by_definition(std::uint64_t value) {
    std::size_t bucket = 0;
    while ((value >> bucket) >= 2048) {
        ++bucket;
    }
    const std::uint64_t sub_bucket = value >> bucket;
    return (bucket + 1) * 1024 + static_cast<std::size_t>(sub_bucket) - 1024;
}

void index_is_hdr_histograms() {
    std::mt19937_64 random(1);
    std::vector<std::uint64_t> values;
    for (std::uint64_t power = 1; power < (std::uint64_t{1} << 42); power *= 2) {
        values.insert(values.end(), {power - 1, power, power + 1});
    }
    for (int i = 0; i < 200'000; ++i) {
        values.push_back((random() >> 22) >> (random() % 42));
    }
    for (const std::uint64_t value : values) {
        const std::size_t index = hdr::index_of(value);
        CHECK(index == index_by_definition(value));
        CHECK(hdr::lowest_equivalent(index) <= value && value <= hdr::highest_equivalent(index));
        CHECK(hdr::highest_equivalent(index) - hdr::lowest_equivalent(index) <= value / 1024);
    }
    for (std::size_t index = 0; index < hdr::kCounts; ++index) {
        CHECK(hdr::index_of(hdr::lowest_equivalent(index)) == index);
        CHECK(hdr::index_of(hdr::highest_equivalent(index)) == index);
    }
}

bool same(const HdrCounts& a, const HdrCounts& b) {
    return std::equal(a.counts(), a.counts() + hdr::kCounts, b.counts()) && a.total() == b.total() &&
           a.sum().low == b.sum().low && a.sum().high == b.sum().high && a.min() == b.min() && a.max() == b.max() &&
           a.saturated() == b.saturated();
}

void merging_is_concatenating() {
    std::mt19937_64 random(2);
    for (int round = 0; round < 20; ++round) {
        HdrCounts whole;
        std::array<HdrCounts, 3> parts;
        for (int i = 0; i < 2000; ++i) {
            const std::uint64_t value = random() >> (random() % 64);
            whole.record(value);
            parts[random() % (round == 0 ? 1 : 3)].record(value);
        }
        HdrCounts merged;
        for (const HdrCounts& part : parts) {
            merged.add(part);
        }
        CHECK(same(merged, whole) && same(HdrCounts(whole), whole));
        HdrCounts foreign;
        foreign.add(std::span<const std::uint64_t, hdr::kCounts>(whole.counts(), hdr::kCounts), whole.sum(),
                    whole.min(), whole.max());
        CHECK(foreign.total() == whole.total() &&
              std::equal(foreign.counts(), foreign.counts() + hdr::kCounts, whole.counts()));
        merged.reset();
        CHECK(same(merged, HdrCounts()));
        whole.add(whole);
        HdrCounts twice(merged);
        for (int i = 0; i < 2; ++i) {
            for (const HdrCounts& part : parts) {
                twice.add(part);
            }
        }
        CHECK(same(whole, twice));
    }
}

void sums_carry() {
    HdrCounts counts;
    const std::uint64_t huge = ~std::uint64_t{0};
    counts.record(huge);
    counts.record(huge);
    counts.record(huge, 1000);
    counts.record(7, 0);
    CHECK(counts.sum().high == 1001 && counts.sum().low == 0 - std::uint64_t{1002});
    CHECK(counts.total() == 1002 && counts.saturated() == 1002 && counts.min() == huge && counts.max() == huge);
    CHECK(counts.counts()[hdr::index_of(hdr::kHighest)] == 1002);
    CHECK(counts.value_at_percentile(50) == hdr::highest_equivalent(hdr::index_of(hdr::kHighest)));
}

void recorders_keep_cells_apart() {
    Recorder recorder(3, 2, true);
    recorder.record(1, 1, 10, 20, 50);
    recorder.record(1, 1, 10, 20, 60);
    recorder.record(2, 0, 0, 0, 0);
    CHECK(recorder.recorded() == 3);
    const std::unique_ptr<HdrCounts> service = recorder.take(1, 1, false);
    const std::unique_ptr<HdrCounts> response = recorder.take(1, 1, true);
    CHECK(service->total() == 2 && service->sum().low == 70 && response->sum().low == 90);
    CHECK(recorder.take(1, 1, false) == nullptr && recorder.take(0, 0, false) == nullptr);
    CHECK(recorder.take(2, 0, false)->max() == 0);
    Recorder unpaced(1, 1, false);
    unpaced.record(0, 0, 1, 2, 3);
    CHECK(unpaced.take(0, 0, true) == nullptr && unpaced.take(0, 0, false)->total() == 1);
}

/// Two threads record until the queue is full and beyond, a third takes: each sample comes out once, in its thread's
/// order, whoever waits for whom.
void samples_come_out_once() {
    constexpr std::int64_t kEach = 700'000;
    SampleQueue queue;
    std::array<std::thread, 2> threads;
    for (std::size_t kind = 0; kind < threads.size(); ++kind) {
        threads[kind] = std::thread([&queue, kind] {
            Recorder recorder(2, 1, false, &queue);
            for (std::int64_t i = 0; i < kEach; ++i) {
                recorder.record(kind, 0, 0, i, i + 1);
            }
            recorder.flush_samples();
        });
    }
    std::array<std::int64_t, 2> next{};
    SampleText text({{"A", "OK", true}, {"B", "OK", true}}, 1, 0, false, false, false);
    std::string line;
    while (next[0] < kEach || next[1] < kEach) {
        for (const SampleQueue::Block& block : queue.take(1'000'000)) {
            for (const Sample& sample : block) {
                CHECK(sample.kind < 2 && sample.start == next[sample.kind]);
                ++next[sample.kind];
            }
            line.clear();
            text.append(line, block);
            CHECK(!line.empty() && line.back() == '\n');
        }
    }
    for (std::thread& thread : threads) {
        thread.join();
    }
    queue.close();
    CHECK(queue.take(0).empty() && queue.is_closed());
}

}  // namespace

int main() {
    index_is_hdr_histograms();
    merging_is_concatenating();
    sums_carry();
    recorders_keep_cells_apart();
    samples_come_out_once();
    std::puts("ok");
}
