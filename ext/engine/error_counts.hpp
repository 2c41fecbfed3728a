// Errors by kind of operation, outcome and name; one example is kept of each, so a million cost what one does.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <tuple>
#include <utility>
#include <vector>

namespace ycsbpy::engine {

/// One kind of error, as it is told outside.
struct ErrorRow {
    int kind = 0;
    int outcome = 0;
    std::string name;
    std::uint64_t count = 0;
    std::string example;
};

class ErrorCounts {
  public:
    using Key = std::tuple<int, int, std::string>;

    struct Entry {
        std::uint64_t count = 0;
        std::string example;
    };

    void add(int kind, int outcome, std::string_view name, std::string_view detail) {
        Entry& entry = _entries[Key(kind, outcome, name)];
        if (entry.count++ == 0) {
            entry.example = detail;
        }
        ++_total;
    }

    void add(const ErrorCounts& other) {
        for (const auto& [key, entry] : other._entries) {
            Entry& here = _entries[key];
            if (here.count == 0) {
                here.example = entry.example;
            }
            here.count += entry.count;
        }
        _total += other._total;
    }

    [[nodiscard]] std::vector<ErrorRow> rows() const {
        std::vector<ErrorRow> rows;
        for (const auto& [key, entry] : _entries) {
            rows.push_back({std::get<0>(key), std::get<1>(key), std::get<2>(key), entry.count, entry.example});
        }
        return rows;
    }
    [[nodiscard]] std::uint64_t total() const noexcept { return _total; }

  private:
    std::map<Key, Entry> _entries;
    std::uint64_t _total = 0;
};

/// Attempts that did not end an operation, by what they met.
class AttemptCounts {
  public:
    void add(std::string_view name) { ++_counts[std::string(name)]; }
    [[nodiscard]] const std::map<std::string, std::uint64_t>& counts() const noexcept { return _counts; }

  private:
    std::map<std::string, std::uint64_t> _counts;
};

}  // namespace ycsbpy::engine
