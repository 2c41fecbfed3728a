// What a null store says: the same answer to every command of a kind, made once and then copied.
//
// Every read finds the same value, every write is acknowledged and forgotten. Nothing is looked up, so what is left is
// what any server pays for the protocol.
#pragma once

#include <algorithm>
#include <array>
#include <cstdint>
#include <cstring>
#include <string>
#include <string_view>
#include <vector>

#include "http2/buffer.hpp"
#include "kvproto/commands.hpp"
#include "kvproto/wire.hpp"

namespace ycsbpy::nullstore {

/// The bodies of the answers, by command.
class Answers {
  public:
    explicit Answers(std::string_view value) {
        _row.resize(kvproto::bytes_field_size(3, value.size()));
        kvproto::write_bytes_field(_row.data(), 3, value);
        add_pair(kKey, _pair);
        _get = in_batch(static_cast<std::uint32_t>(kvproto::Command::raw_get), _row);
    }

    /// The response to one command, as a field of BatchCommandsResponse. False where the command cannot be read.
    [[nodiscard]] bool add_to_batch(std::string_view request, http2::Buffer& out) const {
        kvproto::Reader reader(request);
        kvproto::Field field;
        if (!reader.next(field) || field.type != kvproto::WireType::bytes) {
            return false;
        }
        if (field.number == static_cast<std::uint32_t>(kvproto::Command::raw_get)) {
            out.append(http2::as_bytes(_get));
        } else {
            std::string body;
            add_body(field.number, field.bytes, body);
            out.append(http2::as_bytes(in_batch(field.number, body)));
        }
        return true;
    }

    /// The body of the response to one command.
    void add_body(std::uint32_t command, std::string_view request, std::string& body) const {
        switch (static_cast<kvproto::Command>(command)) {
            case kvproto::Command::raw_get:
                body += _row;
                break;
            case kvproto::Command::raw_scan:
                for (std::uint64_t left = std::min<std::uint64_t>(number(request, 3), kMaxRows); left != 0; --left) {
                    body += _pair;
                }
                break;
            case kvproto::Command::raw_batch_get:
                add_pairs(request, body);
                break;
            default:
                break;
        }
    }

  private:
    static constexpr std::string_view kKey = "usertable:user0";
    static constexpr std::uint64_t kMaxRows = 10'240;

    [[nodiscard]] static std::string in_batch(std::uint32_t command, std::string_view body) {
        const std::size_t response = kvproto::bytes_field_size(command, body.size());
        std::string bytes(kvproto::bytes_field_size(1, response), '\0');
        kvproto::write_bytes_field(kvproto::write_bytes_head(bytes.data(), 1, response), command, body);
        return bytes;
    }

    [[nodiscard]] static std::uint64_t number(std::string_view message, std::uint32_t wanted) {
        kvproto::Reader reader(message);
        std::uint64_t found = 0;
        for (kvproto::Field field; reader.next(field);) {
            if (field.number == wanted && field.type == kvproto::WireType::varint) {
                found = field.value;
            }
        }
        return found;
    }

    /// A pair for each key that is asked for.
    void add_pairs(std::string_view request, std::string& body) const {
        kvproto::Reader reader(request);
        for (kvproto::Field field; reader.next(field);) {
            if (field.number == 2 && field.type == kvproto::WireType::bytes) {
                add_pair(field.bytes, body);
            }
        }
    }

    void add_pair(std::string_view key, std::string& body) const {
        const std::size_t pair = kvproto::bytes_field_size(2, key.size()) + _row.size();
        const std::size_t before = body.size();
        body.resize(before + kvproto::bytes_field_size(2, pair));
        char* const out = kvproto::write_bytes_field(kvproto::write_bytes_head(body.data() + before, 2, pair), 2, key);
        std::memcpy(out, _row.data(), _row.size());
    }

    std::string _row;   ///< the value, as RawGetResponse and KvPair have it
    std::string _pair;  ///< one of a list
    std::string _get;   ///< RawGetResponse in a batch
};

/// BatchCommandsRequest in, BatchCommandsResponse out, behind what `out` holds. False where it cannot be read; `seen`
/// grows by the number of commands.
class BatchAnswerer {
  public:
    [[nodiscard]] bool answer(const Answers& answers, std::string_view message, http2::Buffer& out,
                              std::uint64_t& seen) {
        _ids.clear();
        kvproto::Reader reader(message);
        for (kvproto::Field field; reader.next(field);) {
            if (field.number == 1 && field.type == kvproto::WireType::bytes) {
                if (!answers.add_to_batch(field.bytes, out)) {
                    return false;
                }
                ++seen;
            } else if (field.number == 2 && field.type == kvproto::WireType::varint) {
                _ids.push_back(field.value);
            } else if (field.number == 2 && field.type == kvproto::WireType::bytes) {
                for (kvproto::Reader packed(field.bytes); !packed.done();) {
                    _ids.push_back(packed.varint());
                }
            }
        }
        kvproto::commands::close(out, _ids);  // the same field, with the same number, as in the request
        return reader.good();
    }

  private:
    std::vector<std::uint64_t> _ids;
};

/// The command that a method of tikvpb.Tikv stands for; 0 for one that is not spoken.
[[nodiscard]] inline std::uint32_t command_of(std::string_view path) noexcept {
    struct Known {
        std::string_view path;
        kvproto::Command command;
    };
    static constexpr std::array<Known, 8> kKnown{{
        {"/tikvpb.Tikv/RawGet", kvproto::Command::raw_get},
        {"/tikvpb.Tikv/RawBatchGet", kvproto::Command::raw_batch_get},
        {"/tikvpb.Tikv/RawPut", kvproto::Command::raw_put},
        {"/tikvpb.Tikv/RawBatchPut", kvproto::Command::raw_batch_put},
        {"/tikvpb.Tikv/RawDelete", kvproto::Command::raw_delete},
        {"/tikvpb.Tikv/RawBatchDelete", kvproto::Command::raw_batch_delete},
        {"/tikvpb.Tikv/RawScan", kvproto::Command::raw_scan},
        {"/tikvpb.Tikv/RawDeleteRange", kvproto::Command::raw_delete_range},
    }};
    const auto found = std::find_if(kKnown.begin(), kKnown.end(), [&](const Known& k) { return k.path == path; });
    return found == kKnown.end() ? 0 : static_cast<std::uint32_t>(found->command);
}

}  // namespace ycsbpy::nullstore
