// A row with some of its fields changed: sized first, then written straight to where it is sent from.
//
// Columns stay in order. A field that the row did not have is put in; one of a column that this table does not know is
// kept. The row is one that has been read through once already.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>
#include <string_view>
#include <vector>

#include "engine/row_check.hpp"
#include "generators/operation.hpp"
#include "generators/row_codec.hpp"

namespace ycsbpy::engine {

class RowUpdate {
  public:
    RowUpdate(std::string_view row, const std::vector<ValuePlan>& changes) {
        _parts.reserve(kUsualFields);
        row::Reader reader(as_row(row));
        while (!reader.done()) {
            const row::Field field = reader.next();
            _parts.push_back({field.column, field.value, nullptr});
        }
        for (const ValuePlan& change : changes) {
            const auto column = static_cast<std::int64_t>(change.field);
            const auto place =
                std::find_if(_parts.begin(), _parts.end(), [&](const Part& p) { return p.column == column; });
            if (place != _parts.end()) {
                place->change = &change;
            } else {
                _parts.push_back({column, {}, &change});
            }
        }
        const auto before = [](const Part& a, const Part& b) { return a.column < b.column; };
        if (!std::is_sorted(_parts.begin(), _parts.end(), before)) {  // sorting takes memory, even of what is sorted
            std::stable_sort(_parts.begin(), _parts.end(), before);
        }
        for (const Part& part : _parts) {
            _size += row::header_size(part.column, part.length()) + part.length();
        }
        if (_parts.empty()) {
            _size = 1;
        }
    }

    [[nodiscard]] std::size_t size() const noexcept { return _size; }

    /// Write exactly `size()` bytes. `write_value(plan, out)` writes a changed value and returns its end.
    template <class WriteValue>
    void write(char* out, WriteValue&& write_value) const {
        if (_parts.empty()) {
            *out = row::kEmptyRow;
        }
        for (const Part& part : _parts) {
            out = row::write_header(part.column, part.length(), out);
            if (part.change != nullptr) {
                out = write_value(*part.change, out);
            } else if (!part.value.empty()) {
                std::memcpy(out, part.value.data(), part.value.size());
                out += part.value.size();
            }
        }
    }

  private:
    static constexpr std::size_t kUsualFields = 16;

    struct Part {
        std::int64_t column;
        std::span<const unsigned char> value;
        const ValuePlan* change;
        [[nodiscard]] std::size_t length() const noexcept { return change != nullptr ? change->length : value.size(); }
    };

    std::vector<Part> _parts;
    std::size_t _size = 0;
};

}  // namespace ycsbpy::engine
