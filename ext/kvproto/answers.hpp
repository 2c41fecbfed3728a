// BatchCommandsResponse, taken apart where it lies: nothing is copied, every view is into the message.
//
//     BatchCommandsResponse { repeated Response responses = 1; repeated uint64 request_ids = 2; … }
//
// The ids may stand before, behind or between the responses, packed or not, and each pairs with the response of the
// same place; so places are noted first.
#pragma once

#include <cstdint>
#include <string_view>
#include <vector>

#include "kvproto/commands.hpp"
#include "kvproto/wire.hpp"

namespace ycsbpy::kvproto {

/// One answer. Which of the fields mean something depends on the command.
struct Answer {
    std::uint32_t command = 0;      ///< number of the oneof; 0: the store did not know ours
    std::string_view region_error;  ///< errorpb.Error
    bool has_region_error = false;
    std::string_view error;  ///< of the storage below the Region
    bool not_found = false;
    std::string_view value;  ///< of RawGet
    std::string_view body;   ///< the whole response, for `each_pair`
};

/// Read the body of any raw response: in all of them field 1 is the region error; 2 is `error` or a list.
[[nodiscard]] inline bool read_answer(std::uint32_t command, std::string_view body, Answer& answer) noexcept {
    answer = Answer{};
    answer.command = command;
    answer.body = body;
    const bool is_list = command == static_cast<std::uint32_t>(Command::raw_scan) ||
                         command == static_cast<std::uint32_t>(Command::raw_batch_get);
    Reader reader(body);
    for (Field field; reader.next(field);) {
        if (field.number == 1 && field.type == WireType::bytes) {
            answer.region_error = field.bytes;
            answer.has_region_error = true;
        } else if (field.number == 2 && field.type == WireType::bytes && !is_list) {
            answer.error = field.bytes;
        } else if (command == static_cast<std::uint32_t>(Command::raw_get)) {
            if (field.number == 3 && field.type == WireType::bytes) {
                answer.value = field.bytes;
            } else if (field.number == 4 && field.type == WireType::varint) {
                answer.not_found = field.value != 0;
            }
        }
    }
    return reader.good();
}

struct Pair {
    std::string_view key;
    std::string_view value;
    bool has_error = false;
};

/// `on_pair(pair)` for each pair of a scan or batch get. False where the bytes are no such list.
template <class OnPair>
[[nodiscard]] bool each_pair(const Answer& answer, OnPair&& on_pair) {
    Reader reader(answer.body);
    for (Field field; reader.next(field);) {
        if (field.number != 2 || field.type != WireType::bytes) {
            continue;
        }
        Pair pair;
        Reader inner(field.bytes);
        for (Field part; inner.next(part);) {
            if (part.type == WireType::bytes && part.number == 1) {
                pair.has_error = true;
            } else if (part.type == WireType::bytes && part.number == 2) {
                pair.key = part.bytes;
            } else if (part.type == WireType::bytes && part.number == 3) {
                pair.value = part.bytes;
            }
        }
        if (!inner.good()) {
            return false;
        }
        on_pair(pair);
    }
    return reader.good();
}

/// Takes batches apart; keeps its memory from one to the next.
class BatchReader {
  public:
    /// `on_answer(id, answer)` for each response. False where the bytes are no message, or ids and responses are not as
    /// many; answers before that have been given out.
    template <class OnAnswer>
    [[nodiscard]] bool read(std::string_view message, OnAnswer&& on_answer) {
        _responses.clear();
        _ids.clear();
        Reader reader(message);
        for (Field field; reader.next(field);) {
            if (field.number == 1 && field.type == WireType::bytes) {
                _responses.push_back(field.bytes);
            } else if (field.number == 2 && field.type == WireType::varint) {
                _ids.push_back(field.value);
            } else if (field.number == 2 && field.type == WireType::bytes) {
                Reader packed(field.bytes);
                while (!packed.done()) {
                    _ids.push_back(packed.varint());
                }
                if (!packed.good()) {
                    return false;
                }
            }
        }
        if (!reader.good() || _ids.size() != _responses.size()) {
            return false;
        }
        for (std::size_t i = 0; i < _ids.size(); ++i) {
            Answer answer;
            if (!read_response(_responses[i], answer)) {
                return false;
            }
            on_answer(_ids[i], answer);
        }
        return true;
    }

  private:
    [[nodiscard]] static bool read_response(std::string_view bytes, Answer& answer) noexcept {
        Reader reader(bytes);
        Field field;
        bool good = true;
        while (reader.next(field)) {
            if (field.type == WireType::bytes) {
                good = read_answer(field.number, field.bytes, answer) && good;
            }
        }
        return good && reader.good();
    }

    std::vector<std::string_view> _responses;
    std::vector<std::uint64_t> _ids;
};

}  // namespace ycsbpy::kvproto
