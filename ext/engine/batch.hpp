// Operations of many rows that are sent at once: the rows of a batch, and what became of each.
//
// A batch is one operation of a client. For its requests it is cut into parts, each of rows in one Region; a part is
// sent, fails and is tried again by itself, and is cut anew when its Region has split. Rows are in the order of their
// keys, so a part is a run of them.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "engine/client.hpp"
#include "kvproto/answers.hpp"
#include "kvproto/meta.hpp"

namespace ycsbpy::engine {

struct BatchRow {
    Operation op;
    std::string key;    ///< without the table's prefix
    std::string value;  ///< read for update
    Outcome outcome = Outcome::ok;
};

struct Batch {
    std::vector<BatchRow> rows;  ///< `count` of them are in use; the others keep their memory
    std::size_t count = 0;
    std::vector<std::uint32_t> parts;  ///< under way: clients of the worker's that stand for them
    std::string_view error;            ///< of the row that fared worst
    std::string detail;
    Outcome error_of = Outcome::ok;

    void begin(std::size_t rows_of_it) {
        count = rows_of_it;
        if (rows.size() < count) {
            rows.resize(count);
        }
        for (std::size_t i = 0; i < count; ++i) {
            rows[i].outcome = Outcome::ok;
            rows[i].value.clear();
        }
        error = {};
        detail.clear();
        error_of = Outcome::ok;
    }

    /// Rows of one key stay in the order in which they were drawn: the last of them is what stays.
    void sort() {
        std::stable_sort(rows.begin(), rows.begin() + static_cast<std::ptrdiff_t>(count),
                         [](const BatchRow& a, const BatchRow& b) { return a.key < b.key; });
    }

    void settle(const std::vector<std::uint32_t>& some, Outcome outcome, std::string_view name, std::string_view why) {
        for (const std::uint32_t row : some) {
            rows[row].outcome = outcome;
        }
        if (!name.empty() && outcome > error_of) {
            error = name;
            detail = why;
            error_of = outcome;
        }
    }

    /// What became of the whole. A write is `failed` only where none of its rows can have been written.
    [[nodiscard]] Outcome outcome(bool is_write) const noexcept {
        bool done = false;
        Outcome worst = Outcome::ok;
        for (std::size_t i = 0; i < count; ++i) {
            done = done || rows[i].outcome == Outcome::ok;
            worst = std::max(worst, rows[i].outcome);
        }
        return is_write && done && worst == Outcome::failed ? Outcome::unknown : worst;
    }
};

/// Most that one request carries: a store takes it as one entry of its log, and whoever reads it waits for all of it.
inline constexpr std::size_t kPartRows = 512;
inline constexpr std::size_t kPartBytes = std::size_t{1} << 20;

/// How many of a part's rows, from the first on, one request can carry: those in the Region, as far as they fit; rows
/// of one key stay together, since their order counts. `value_size(row)` is what a row adds to the request beside its
/// key.
template <class ValueSize>
[[nodiscard]] std::size_t rows_that_fit(const Batch& batch, const std::vector<std::uint32_t>& part,
                                        std::string_view prefix, const kvproto::Region& region,
                                        ValueSize&& value_size) {
    std::size_t bytes = 0;
    std::string key;
    const auto is_new_key = [&](std::size_t i) { return batch.rows[part[i]].key != batch.rows[part[i - 1]].key; };
    for (std::size_t i = 0; i < part.size(); ++i) {
        const BatchRow& row = batch.rows[part[i]];
        bytes += row.key.size() + value_size(row);
        const bool is_enough = i >= kPartRows || bytes > kPartBytes;
        if (i != 0 && is_new_key(i) && (is_enough || !region.contains(key.assign(prefix).append(row.key)))) {
            return i;
        }
    }
    return part.size();
}

/// The values of a RawBatchGet, by key; what is not found is not among them.
class FoundValues {
  public:
    /// False where the answer cannot be read, or a pair of it could not be.
    [[nodiscard]] bool read(const kvproto::Answer& answer) {
        bool good = true;
        _pairs.clear();
        good = kvproto::each_pair(answer,
                                  [&](const kvproto::Pair& pair) {
                                      good = good && !pair.has_error;
                                      _pairs.emplace_back(pair.key, pair.value);
                                  }) &&
               good;
        std::stable_sort(_pairs.begin(), _pairs.end(), [](const auto& a, const auto& b) { return a.first < b.first; });
        return good;
    }

    /// Null where the key is not there.
    [[nodiscard]] const std::string_view* find(std::string_view key) const {
        const auto place = std::lower_bound(_pairs.begin(), _pairs.end(), key,
                                            [](const auto& pair, std::string_view k) { return pair.first < k; });
        return place == _pairs.end() || place->first != key ? nullptr : &place->second;
    }

  private:
    std::vector<std::pair<std::string_view, std::string_view>> _pairs;
};

}  // namespace ycsbpy::engine
