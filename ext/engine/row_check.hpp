// Whether a value is a row at all, and with `dataintegrity` whether it is the row that was written.
#pragma once

#include <cstdint>
#include <map>
#include <span>
#include <stdexcept>
#include <string>
#include <string_view>

#include "generators/row_codec.hpp"
#include "generators/values.hpp"
#include "generators/workload_spec.hpp"

namespace ycsbpy::engine {

[[nodiscard]] inline std::span<const unsigned char> as_row(std::string_view value) noexcept {
    return {reinterpret_cast<const unsigned char*>(value.data()), value.size()};
}

/// What keeps a value from being a row; empty if nothing does.
[[nodiscard]] inline std::string row_problem(std::string_view value) {
    try {
        row::Reader reader(as_row(value));
        while (!reader.done()) {
            static_cast<void>(reader.next());
        }
    } catch (const std::invalid_argument& error) {
        return error.what();
    }
    return {};
}

/// How a row, which is one, differs from what was written for a key; empty if it does not. `read_field` is the one
/// field to look at, or `kAllFields`.
[[nodiscard]] inline std::string difference(const WorkloadSpec& spec, std::string_view key, std::int32_t read_field,
                                            std::string_view value) {
    std::map<std::int64_t, std::string_view> fields;
    row::Reader reader(as_row(value));
    while (!reader.done()) {
        const row::Field field = reader.next();
        fields[field.column] = {reinterpret_cast<const char*>(field.value.data()), field.value.size()};
    }
    std::string expected(spec.fieldlength, '\0');
    for (std::size_t column = 0; column < spec.fieldnames.size(); ++column) {
        if (read_field != kAllFields && static_cast<std::size_t>(read_field) != column) {
            continue;
        }
        values::fill_deterministic(key, spec.fieldnames[column], expected.data(), expected.size());
        const auto found = fields.find(static_cast<std::int64_t>(column));
        if (found == fields.end()) {
            return "field " + spec.fieldnames[column] + " is missing";
        }
        if (found->second != expected) {
            return "field " + spec.fieldnames[column] + " is not what was written";
        }
    }
    return {};
}

}  // namespace ycsbpy::engine
