// ext/kvproto, for a test that holds it against protobuf: a line of words in, a line out. Bytes are hexadecimal, "-"
// for none.
//
//     answers MESSAGE   BatchCommandsResponse -> for each answer its fields, see `show`; "bad" where it is none
//     error MESSAGE     errorpb.Error -> its fields; "bad" where it is none
//     requests REGION CONF_VER VERSION PEER STORE ROLE WITNESS LIMIT_MS RETRY API KEYSPACE, CF TTL CAS, then commands
//                       -> BatchCommandsRequest, whose ids are 7, 8, …
//         get|delete KEY REST · put KEY REST VALUE · scan KEY REST LIMIT END · gets|deletes N KEY… · puts N KEY VALUE …
#include <cstring>
#include <iostream>
#include <sstream>
#include <string>
#include <string_view>
#include <vector>

#include "check.hpp"
#include "kvproto/answers.hpp"
#include "kvproto/commands.hpp"
#include "kvproto/context.hpp"
#include "kvproto/region_error.hpp"

using namespace ycsbpy;

namespace {

std::string hex(std::string_view bytes) {
    static constexpr char kDigits[] = "0123456789abcdef";
    std::string text;
    for (const char byte : bytes) {
        text += kDigits[static_cast<unsigned char>(byte) >> 4];
        text += kDigits[static_cast<unsigned char>(byte) & 15];
    }
    return text.empty() ? "-" : text;
}

std::string unhex(std::string_view text) {
    std::string bytes;
    for (std::size_t i = 0; text != "-" && i + 1 < text.size(); i += 2) {
        bytes += static_cast<char>(std::stoi(std::string(text.substr(i, 2)), nullptr, 16));
    }
    return bytes;
}

std::string bytes(std::istream& words) {
    std::string word;
    CHECK(words >> word);
    return unhex(word);
}

std::uint64_t number(std::istream& words) {
    std::uint64_t value = 0;
    CHECK(words >> value);
    return value;
}

bool is_list(std::uint32_t command) {
    return command == static_cast<std::uint32_t>(kvproto::Command::raw_scan) ||
           command == static_cast<std::uint32_t>(kvproto::Command::raw_batch_get);
}

bool show(std::uint64_t id, const kvproto::Answer& answer, std::ostream& out) {
    out << id << ' ' << answer.command << ' ' << answer.has_region_error << ' ' << hex(answer.region_error) << ' '
        << hex(answer.error) << ' ' << answer.not_found << ' ' << hex(answer.value) << ' ';
    bool good = true;
    if (is_list(answer.command)) {
        good = kvproto::each_pair(answer, [&](const kvproto::Pair& pair) {
            out << hex(pair.key) << '=' << hex(pair.value) << '=' << pair.has_error << ',';
        });
    }
    out << ';';
    return good;
}

std::string answers(const std::string& message) {
    std::ostringstream out;
    kvproto::BatchReader reader;
    bool good = true;
    good = reader.read(message, [&](std::uint64_t id, const kvproto::Answer& answer) {
        good = show(id, answer, out) && good;
    }) && good;
    return good ? out.str() : "bad";
}

void show(const kvproto::Peer& peer, std::ostream& out) {
    out << peer.id << '/' << peer.store_id << '/' << static_cast<int>(peer.role) << '/' << peer.is_witness << ' ';
}

std::string error(const std::string& message) {
    kvproto::RegionError error;
    if (!kvproto::read_region_error(message, error)) {
        return "bad";
    }
    std::ostringstream out;
    out << static_cast<int>(error.kind) << ' ' << hex(error.message) << ' ' << error.backoff_ms << ' ';
    show(error.leader, out);
    for (const kvproto::Region& region : error.current) {
        out << region.id << ' ' << hex(region.start) << ' ' << hex(region.end) << ' ' << region.epoch.conf_ver << ' '
            << region.epoch.version << ' ';
        for (const kvproto::Peer& peer : region.peers) {
            show(peer, out);
        }
    }
    return out.str();
}

void put_command(const std::string& name, std::istream& words, std::string_view context,
                 const kvproto::RawOptions& options, http2::Buffer& batch) {
    const std::size_t count = name.back() == 's' ? number(words) : 1;
    std::vector<std::string> keys;
    std::vector<std::string> rests;
    for (std::size_t i = 0; i < count; ++i) {
        keys.push_back(bytes(words));
        rests.push_back(bytes(words));
    }
    const auto key_at = [&](std::size_t i) { return kvproto::SplitKey{keys[i], rests[i]}; };
    if (name == "get") {
        kvproto::commands::raw_get(batch, context, key_at(0), options);
    } else if (name == "delete") {
        kvproto::commands::raw_delete(batch, context, key_at(0), options);
    } else if (name == "put") {
        const std::string value = bytes(words);
        std::memcpy(kvproto::commands::raw_put(batch, context, key_at(0), value.size(), options), value.data(),
                    value.size());
    } else if (name == "scan") {
        const std::uint64_t limit = number(words);
        kvproto::commands::raw_scan(batch, context, key_at(0), limit, bytes(words), options);
    } else if (name == "gets" || name == "deletes") {
        const auto command = name == "gets" ? kvproto::Command::raw_batch_get : kvproto::Command::raw_batch_delete;
        kvproto::commands::raw_batch_keys(batch, command, context, count, key_at, options);
    } else {
        CHECK(name == "puts");  // each value is its key, backwards
        const auto whole = [&](std::size_t i) { return keys[i] + rests[i]; };
        kvproto::commands::raw_batch_put(
            batch, context, count, key_at, [&](std::size_t i) { return whole(i).size(); },
            [&](std::size_t i, char* out) {
                const std::string value = whole(i);
                return std::copy(value.rbegin(), value.rend(), out);
            },
            options);
    }
}

std::string requests(std::istream& words) {
    kvproto::ContextSpec spec;
    spec.region_id = number(words);
    spec.epoch.conf_ver = number(words);
    spec.epoch.version = number(words);
    spec.peer.id = number(words);
    spec.peer.store_id = number(words);
    spec.peer.role = static_cast<kvproto::PeerRole>(number(words));
    spec.peer.is_witness = number(words) != 0;
    spec.max_execution_duration_ms = number(words);
    spec.is_retry = number(words) != 0;
    spec.api_version = number(words);
    spec.keyspace_id = number(words);
    const std::string cf = bytes(words);
    kvproto::RawOptions options;
    options.cf = cf;
    options.ttl = number(words);
    options.for_cas = number(words) != 0;
    const std::string context = kvproto::encode_context(spec);
    http2::Buffer batch;
    std::vector<std::uint64_t> ids;
    for (std::string name; words >> name;) {
        put_command(name, words, context, options, batch);
        ids.push_back(7 + ids.size());
    }
    kvproto::commands::close(batch, ids);
    return hex(http2::as_text(batch.view()));
}

}  // namespace

int main() {
    for (std::string line; std::getline(std::cin, line);) {
        std::istringstream words(line);
        std::string what;
        CHECK(words >> what);
        if (what == "answers") {
            std::cout << answers(bytes(words));
        } else if (what == "error") {
            std::cout << error(bytes(words));
        } else {
            CHECK(what == "requests");
            std::cout << requests(words);
        }
        std::cout << std::endl;
    }
    return 0;
}
