// kvproto, the Region cache, verdicts, pauses and changed rows, as a program for the sanitizers.
#include <algorithm>
#include <cstdio>
#include <cstring>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "check.hpp"
#include "engine/row_update.hpp"
#include "kvproto/answers.hpp"
#include "kvproto/commands.hpp"
#include "kvproto/context.hpp"
#include "kvproto/region_error.hpp"
#include "tikv/backoff.hpp"
#include "tikv/memcomparable.hpp"
#include "tikv/region_cache.hpp"
#include "tikv/verdict.hpp"

using namespace ycsbpy;

namespace {

std::string from_hex(std::string_view hex) {
    std::string bytes;
    for (std::size_t i = 0; i + 1 < hex.size(); i += 2) {
        bytes += static_cast<char>(std::stoi(std::string(hex.substr(i, 2)), nullptr, 16));
    }
    return bytes;
}

std::string_view text(const http2::Buffer& buffer) {
    return http2::as_text(buffer.view());
}

// Golden bytes: what go-ycsb sends and gets (kvproto's encoding by its own library).

const std::string kContext = from_hex("08021204080110011a040803100170b0ea01");

void test_context() {
    kvproto::ContextSpec spec;
    spec.region_id = 2;
    spec.epoch = {1, 1};
    spec.peer = {3, 1, kvproto::PeerRole::voter, false};
    spec.max_execution_duration_ms = 30000;
    CHECK(kvproto::encode_context(spec) == kContext);
    spec.is_retry = true;
    spec.api_version = 2;
    spec.keyspace_id = 7;
    CHECK(kvproto::encode_context(spec) == kContext + from_hex("a00101a80102800207"));
}

void test_batch() {
    http2::Buffer batch;
    char* const value = kvproto::commands::raw_put(batch, kContext, {"k", "1"}, 2);
    std::memcpy(value, "v1", 2);
    kvproto::commands::raw_get(batch, kContext, {"", "k1"});
    kvproto::commands::close(batch, {0, 1});
    const std::string golden = from_hex(
        "0a1e7a1c0a1208021204080110011a040803100170b0ea0112026b311a0276310a1a6a180a1208021204080110011a0408031001"
        "70b0ea0112026b3112020001");
    CHECK(text(batch) == golden);
    http2::Buffer others;
    kvproto::commands::raw_delete(others, "", {"t:", "k"});
    kvproto::commands::raw_scan(others, "", {"t:", "a"}, 300, "t;");
    kvproto::commands::close(others, {1ULL << 40});
    CHECK(text(others) == from_hex("0a0a8a01070a001203743a6b"
                                   "0a119a010e0a001203743a6118ac023a02743b"
                                   "1206808080808020"));
}

/// Column family, time to live and many rows: as protobuf's own library writes them, whatever the order of fields.
void test_options() {
    const kvproto::RawOptions options{"lock", 300, true};
    http2::Buffer batch;
    const std::vector<kvproto::SplitKey> keys{{"t:", "a"}, {"t:", "b"}};
    const auto key_at = [&](std::size_t i) { return keys[i]; };
    const std::string values[] = {"v1", ""};
    kvproto::commands::raw_batch_keys(batch, kvproto::Command::raw_batch_get, "", 2, key_at, options);
    kvproto::commands::raw_batch_put(
        batch, "", 2, key_at, [&](std::size_t i) { return values[i].size(); },
        [&](std::size_t i, char* out) { return std::copy(values[i].begin(), values[i].end(), out); }, options);
    kvproto::commands::raw_batch_keys(batch, kvproto::Command::raw_batch_delete, "", 1, key_at, options);
    *kvproto::commands::raw_put(batch, "", keys[0], 1, options) = 'v';
    kvproto::commands::close(batch, {1});
    CHECK(text(batch) == from_hex("0a1472120a001203743a611203743a621a046c6f636b"
                                  "0a288201250a0012091203743a611a02763112071203743a621a00"
                                  "1a046c6f636b20ac0228013202ac02"
                                  "0a1292010f0a001203743a611a046c6f636b2001"
                                  "0a177a150a001203743a6122046c6f636b28ac0230011a0176"
                                  "120101"));
}

void test_memcomparable() {
    const auto is = [](std::string_view key, std::string_view hex) {
        std::string back;
        return tikv::memcomparable(key) == from_hex(hex) && tikv::from_memcomparable(from_hex(hex), back) &&
               back == key;
    };
    CHECK(is("", "0000000000000000f7"));
    CHECK(is("a", "6100000000000000f8"));
    CHECK(is("12345678", "3132333435363738ff0000000000000000f7"));
    CHECK(is(std::string("x\0\0\0", 4), "7800000000000000fb"));
    CHECK(is(std::string("r\0\0\1", 4), "7200000100000000fb"));
    std::string key;
    for (const char* hex :
         {"", "00", "61000000000000f8", "6100000000000000f6", "6100000000000001f8", "6162000000000000f8",
          "3132333435363738ff", "6100000000000000f800", "0000000000000000f70000000000000000f7"}) {
        CHECK(!tikv::from_memcomparable(from_hex(hex), key));
    }
    std::uint64_t state = 5;
    std::string last;
    for (int round = 0; round < 5000; ++round) {
        std::string next(mix64(++state) % 20, '\0');
        for (char& c : next) {
            c = static_cast<char>(mix64(++state) % 4 == 0 ? 0 : mix64(state));
        }
        CHECK(tikv::from_memcomparable(tikv::memcomparable(next), key) && key == next);
        CHECK((last < next) == (tikv::memcomparable(last) < tikv::memcomparable(next)));
        last = next;
    }
}

void test_answers() {
    kvproto::BatchReader reader;
    std::map<std::uint64_t, kvproto::Answer> found;
    const auto take = [&](std::uint64_t id, const kvproto::Answer& answer) { found[id] = answer; };
    const std::string both = from_hex("0a027a000a066a041a02763112020001");
    CHECK(reader.read(both, take));
    CHECK(found.size() == 2 && found[0].command == 15 && found[1].command == 13 && found[1].value == "v1");
    CHECK(!found[0].has_region_error && found[0].error.empty());
    found.clear();
    CHECK(reader.read(from_hex("1202050710010a027a000a046a022001") + from_hex("1804"), take) ==
          false);  // 3 ids, 2 answers
    found.clear();
    CHECK(reader.read(from_hex("12020507"
                               "0a027a00"
                               "0a046a022001"
                               "1804"
                               "f2ff0300"),
                      take));  // ids first, unknown fields
    CHECK(found.at(5).command == 15 && found.at(7).not_found);
    found.clear();
    CHECK(reader.read(from_hex("0a000a027a00"
                               "10031004"),
                      take));  // an answer without a command; ids not packed
    CHECK(found.at(3).command == 0 && found.at(4).command == 15);
}

void test_hostile_bytes() {
    const std::string both = from_hex("0a027a000a066a041a02763112020001");
    kvproto::BatchReader reader;
    const auto ignore = [](std::uint64_t, const kvproto::Answer&) {};
    for (std::size_t size = 1; size < both.size(); ++size) {
        const std::vector<char> cut(both.begin(), both.begin() + static_cast<std::ptrdiff_t>(size));  // for ASan
        static_cast<void>(reader.read({cut.data(), cut.size()}, ignore));
    }
    for (const char* hex : {"0affffffffffffffffff01", "0a7f", "00", "0b", "0c", "ffffffffffffffffffff", "0a80", "12ff",
                            "0a047a020a7f", "0a066a041a7f0000", "0a0a7a080a06120412027fff", "09000000", "0d0000"}) {
        CHECK(!reader.read(from_hex(hex), ignore));
    }
    std::uint64_t state = 1;
    for (int round = 0; round < 20'000; ++round) {
        std::vector<char> noise(mix64(++state) % 40);
        for (char& c : noise) {
            c = static_cast<char>(mix64(++state));
        }
        const std::string_view bytes{noise.data(), noise.size()};
        static_cast<void>(reader.read(bytes, ignore));
        kvproto::RegionError error;
        static_cast<void>(kvproto::read_region_error(bytes, error));
        kvproto::Region region;
        static_cast<void>(kvproto::read_region(bytes, region));
    }
}

void test_pairs() {
    const std::string body = from_hex(
        "1208"
        "12026b31"
        "1a027631"
        "1206"
        "0a00"
        "12026b32"
        "12020a7f");
    kvproto::Answer answer;
    CHECK(kvproto::read_answer(19, std::string_view(body).substr(0, body.size() - 4), answer));
    std::string seen;
    CHECK(kvproto::each_pair(answer, [&](const kvproto::Pair& pair) {
        seen += std::string(pair.key) + "=" + std::string(pair.value) + (pair.has_error ? "!" : "") + " ";
    }));
    CHECK(seen == "k1=v1 k2=! ");
    CHECK(kvproto::read_answer(19, body, answer));
    CHECK(!kvproto::each_pair(answer, [](const kvproto::Pair&) {}));
}

void test_region_errors() {
    const std::string not_leader = from_hex("0a160a0a6e6f74206c656164657212080802120408071004");
    const std::string epoch = from_hex("0a190a0565706f63682a100a0e08022204080110012a0408031001");
    kvproto::Answer answer;
    CHECK(kvproto::read_answer(13, not_leader, answer));
    CHECK(answer.has_region_error);
    kvproto::RegionError error;
    CHECK(kvproto::read_region_error(answer.region_error, error));
    CHECK(error.kind == kvproto::RegionErrorKind::not_leader && error.message == "not leader");
    CHECK(error.leader.id == 7 && error.leader.store_id == 4);
    CHECK(kvproto::read_answer(13, epoch, answer));
    error = {};
    CHECK(kvproto::read_region_error(answer.region_error, error));
    CHECK(error.kind == kvproto::RegionErrorKind::epoch_not_match && error.current.size() == 1);
    CHECK(error.current[0].id == 2 && error.current[0].epoch.version == 1 && error.current[0].peers[0].id == 3);
    error = {};
    CHECK(kvproto::read_region_error(from_hex("32050a0162100a"), error));
    CHECK(error.kind == kvproto::RegionErrorKind::server_is_busy && error.backoff_ms == 10);
    error = {};
    CHECK(kvproto::read_region_error(from_hex("0a0178"
                                              "ba0600"),
                                     error));  // field 103: newer than we are
    CHECK(error.kind == kvproto::RegionErrorKind::message_only);
    CHECK(kvproto::kRegionErrorNames[static_cast<std::size_t>(kvproto::RegionErrorKind::undetermined_result)] ==
          "undetermined_result");
}

kvproto::Region region(std::uint64_t id, std::string_view start, std::string_view end, std::uint64_t version,
                       std::uint64_t conf_ver = 1) {
    kvproto::Region made;
    made.id = id;
    made.start = start;
    made.end = end;
    made.epoch = {conf_ver, version};
    made.peers = {{id * 10 + 1, 1, {}, false}, {id * 10 + 2, 2, {}, false}};
    return made;
}

std::uint64_t holder(const tikv::RegionCache& cache, std::string_view key) {
    const tikv::CachedRegion* const found = cache.find(key);
    return found == nullptr ? 0 : found->region.id;
}

void test_region_cache() {
    tikv::RegionCache cache(30000, 0);
    CHECK(holder(cache, "a") == 0);
    CHECK(!cache.insert(region(1, "", "", 1), {}));                  // nobody leads
    CHECK(!cache.insert(region(1, "", "", 1), {99, 9, {}, false}));  // one who is no member
    CHECK(cache.insert(region(1, "", "", 1), {11, 1, {}, false}));
    CHECK(holder(cache, "") == 1 && holder(cache, "zzz") == 1);
    CHECK(cache.insert(region(2, "", "m", 2), {21, 1, {}, false}));  // a split: the rest is not known
    CHECK(holder(cache, "a") == 2 && holder(cache, "m") == 0);
    CHECK(cache.insert(region(1, "m", "", 2), {12, 2, {}, false}));
    CHECK(holder(cache, "l") == 2 && holder(cache, "m") == 1 && cache.size() == 2);
    CHECK(!cache.insert(region(1, "", "", 1), {11, 1, {}, false}));  // from before the split
    CHECK(holder(cache, "a") == 2);
    CHECK(!cache.insert(region(1, "m", "", 2, 0), {11, 1, {}, false}));  // from before a change of peers
    CHECK(cache.set_leader("x", 1, {11, 1, {}, false}));
    CHECK(cache.find("x")->leader.store_id == 1);
    CHECK(!cache.set_leader("x", 2, {21, 1, {}, false}) && !cache.set_leader("x", 1, {77, 1, {}, false}));
    cache.invalidate("x", 2);
    CHECK(holder(cache, "x") == 1);
    cache.invalidate("x", 1);
    CHECK(holder(cache, "x") == 0 && holder(cache, "a") == 2);
    cache.invalidate_store(2);
    CHECK(holder(cache, "a") == 2);
    cache.invalidate_store(1);
    CHECK(cache.size() == 0);
    CHECK(cache.address(1) == nullptr);
    cache.set_address(1, "127.0.0.1:20160");
    CHECK(*cache.address(1) == "127.0.0.1:20160");
}

/// With API V2 a store describes Regions by encoded keys; its own word for a Region of nonsense is not taken.
void test_region_cache_of_a_keyspace() {
    tikv::RegionCache cache(30000, 2, 7);
    const std::string start = tikv::memcomparable("r...m");
    CHECK(cache.learn(region(1, start, "", 2), {11, 1, {}, false}));
    CHECK(holder(cache, "r...l") == 0 && holder(cache, "r...m") == 1);
    CHECK(!cache.learn(region(2, "r...a", start, 3), {21, 1, {}, false}));
    CHECK(holder(cache, "r...b") == 0);
    CHECK(cache.find("r...m")->context.ends_with(from_hex("a80102800207")));
    tikv::RegionCache plain(30000, 0);
    CHECK(plain.learn(region(1, start, "", 2), {11, 1, {}, false}) && holder(plain, start) == 1);
}

/// Random descriptions in any order: what is kept never overlaps, and no key is led to one that is older than another.
void test_region_cache_at_random() {
    std::uint64_t state = 5;
    for (int round = 0; round < 200; ++round) {
        tikv::RegionCache cache(1, 0);
        std::map<char, std::uint64_t> newest;
        for (int i = 0; i < 30; ++i) {
            char low = static_cast<char>('a' + mix64(++state) % 10);
            char high = static_cast<char>('a' + mix64(++state) % 10);
            if (low == high) {
                continue;
            }
            if (low > high) {
                std::swap(low, high);
            }
            const std::uint64_t version = 1 + mix64(++state) % 9;
            const char start[2] = {low, 0};
            const char end[2] = {high, 0};
            const std::uint64_t id = 1 + static_cast<std::uint64_t>(i);
            if (!cache.insert(region(id, start, end, version), {id * 10 + 1, 1, {}, false})) {
                continue;
            }
            for (char key = low; key < high; ++key) {
                newest[key] = version;
            }
            for (char key = 'a'; key <= 'j'; ++key) {
                const tikv::CachedRegion* const found = cache.find(std::string_view(&key, 1));
                if (found != nullptr) {
                    CHECK(found->region.epoch.version == newest[key]);
                }
            }
        }
    }
}

void test_verdicts() {
    using enum kvproto::RegionErrorKind;
    CHECK(tikv::judge(raft_entry_too_large).proof == tikv::Proof::request_refused);
    CHECK(tikv::judge(not_leader).proof == tikv::Proof::attempt_dead);
    CHECK(tikv::judge(stale_command).proof == tikv::Proof::nothing);
    CHECK(tikv::judge(undetermined_result).proof == tikv::Proof::nothing);
    CHECK(tikv::judge(server_is_busy).next == tikv::Next::long_pause);
    CHECK(tikv::store_error("max key size exceeded, size: 9000, limit: 8192").name == "key_too_large");
    CHECK(tikv::store_error("oh").name == "store_error");
    CHECK(tikv::busy_pause_ns(30, 1, 0) == 30'000'000 && tikv::busy_pause_ns(30, 1, 15'000'000) == 45'000'000);
    CHECK(tikv::busy_pause_ns(0, 1, 7) == tikv::pause_ns(tikv::Pause::busy, 1, 7));
    CHECK(tikv::busy_pause_ns(~std::uint64_t{0}, 1, ~std::uint64_t{0}) >= 3'600'000'000'000);
    CHECK(tikv::busy_pause_ns(1, 20, 0) == tikv::pause_ns(tikv::Pause::region, 20, 0));  // it said too little
    for (std::uint32_t attempt = 1; attempt < 70; ++attempt) {
        for (const tikv::Pause kind : {tikv::Pause::region, tikv::Pause::busy}) {
            const std::int64_t least = tikv::pause_ns(kind, attempt, 0);
            const std::int64_t most = tikv::pause_ns(kind, attempt, static_cast<std::uint64_t>(least));
            CHECK(least > 0 && most == 2 * least && most <= 10'000'000'000);
        }
    }
}

void test_row_update() {
    const auto row_of = [](std::initializer_list<std::pair<int, std::string>> fields) {
        std::string row(256, '\0');
        char* out = row.data();
        for (const auto& [column, value] : fields) {
            out = row::write_header(column, value.size(), out);
            std::memcpy(out, value.data(), value.size());
            out += value.size();
        }
        row.resize(static_cast<std::size_t>(out - row.data()));
        return row;
    };
    const auto changed = [](std::string_view row, std::vector<ValuePlan> plans) {
        const engine::RowUpdate update(row, plans);
        std::vector<char> out(update.size());  // exactly, for ASan
        update.write(out.data(), [](const ValuePlan& plan, char* place) {
            std::memset(place, 'N', plan.length);
            return place + plan.length;
        });
        return std::string(out.begin(), out.end());
    };
    const std::string old = row_of({{0, "zero"}, {1, ""}, {9, "kept"}});
    CHECK(changed(old, {{0, 0, 2}}) == row_of({{0, "NN"}, {1, ""}, {9, "kept"}}));
    CHECK(changed(old, {{0, 5, 3}, {0, 1, 1}}) == row_of({{0, "zero"}, {1, "N"}, {5, "NNN"}, {9, "kept"}}));
    CHECK(changed(std::string(1, '\0'), {}) == std::string(1, '\0'));
    CHECK(changed(std::string(1, '\0'), {{0, 0, 1}}) == row_of({{0, "N"}}));
}

}  // namespace

int main() {
    test_context();
    test_batch();
    test_options();
    test_memcomparable();
    test_answers();
    test_hostile_bytes();
    test_pairs();
    test_region_errors();
    test_region_cache();
    test_region_cache_of_a_keyspace();
    test_region_cache_at_random();
    test_verdicts();
    test_row_update();
    std::puts("ok");
    return 0;
}
