// Bytes as what a store sends, a batch of answers and the errors in it, and as what a null store is sent.
#include <string>
#include <string_view>

#include "check.hpp"
#include "input.hpp"
#include "kvproto/answers.hpp"
#include "kvproto/region_error.hpp"
#include "nullstore/answers.hpp"
#include "tikv/memcomparable.hpp"
#include "tikv/region_cache.hpp"
#include "tikv/verdict.hpp"

using namespace ycsbpy;

namespace {

void within(std::string_view all, std::string_view part) {
    CHECK(part.empty() || (part.data() >= all.data() && part.data() + part.size() <= all.data() + all.size()));
}

/// What the engine does with an error of a Region's.
void region_error(std::string_view bytes, tikv::RegionCache& cache) {
    kvproto::RegionError error;
    if (!kvproto::read_region_error(bytes, error)) {
        return;
    }
    CHECK(static_cast<std::size_t>(error.kind) < kvproto::kRegionErrorNames.size());
    static_cast<void>(tikv::judge(error.kind));
    for (const kvproto::Region& region : error.current) {
        std::string key;
        CHECK(!tikv::from_memcomparable(region.start, key) || tikv::memcomparable(key) == region.start);
        tikv::RegionCache of_keyspace(1, 2, 3);
        for (const kvproto::Peer& peer : region.peers) {
            static_cast<void>(of_keyspace.learn(region, peer));
        }
        for (const kvproto::Peer& peer : region.peers) {
            if (!cache.insert(region, peer)) {
                continue;
            }
            const tikv::CachedRegion* const found = cache.find(region.start);
            CHECK((found != nullptr) == region.contains(region.start));
            if (found != nullptr) {
                CHECK(found->region.id == region.id && found->leader.store_id == peer.store_id);
                kvproto::Reader context(found->context);
                for (kvproto::Field field; context.next(field);) {
                }
                CHECK(context.good());
            }
        }
    }
    static_cast<void>(cache.set_leader("k", 1, error.leader));
}

std::size_t answers(std::string_view message, tikv::RegionCache& cache) {
    kvproto::BatchReader reader;
    std::size_t seen = 0;
    static_cast<void>(reader.read(message, [&](std::uint64_t, const kvproto::Answer& answer) {
        ++seen;
        within(message, answer.region_error);
        within(message, answer.error);
        within(message, answer.value);
        within(message, answer.body);
        static_cast<void>(tikv::store_error(answer.error));
        static_cast<void>(kvproto::each_pair(answer, [&](const kvproto::Pair& pair) {
            within(message, pair.key);
            within(message, pair.value);
        }));
        region_error(answer.region_error, cache);
    }));
    return seen;
}

/// What a null store says to anything it can read can be read.
void requests(std::string_view message) {
    const nullstore::Answers made("value");
    nullstore::BatchAnswerer answerer;
    http2::Buffer out;
    std::uint64_t seen = 0;
    if (!answerer.answer(made, message, out, seen)) {
        return;
    }
    kvproto::BatchReader reader;
    std::uint64_t read = 0;
    if (reader.read(http2::as_text(out.view()), [&](std::uint64_t, const kvproto::Answer&) { ++read; })) {
        CHECK(read == seen);
    }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    fuzz::Input input(data, size);
    const unsigned what = input.byte();
    const fuzz::Exactly rest(input.bytes(size));
    const std::string_view message = http2::as_text(rest.view());
    tikv::RegionCache cache(what, what % 3);
    switch (what % 3) {
        case 0:
            CHECK(answers(message, cache) == answers(message, cache));
            break;
        case 1:
            region_error(message, cache);
            break;
        default:
            requests(message);
    }
    return 0;
}
