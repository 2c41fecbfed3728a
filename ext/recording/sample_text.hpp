// Samples as lines of a CSV file: "READ,1795427577677258,412".
//
// Formatting is here because it is the most that raw output costs: some tens of nanoseconds a line instead of the
// microseconds of a loop in Python.
#pragma once

#include <charconv>
#include <cstddef>
#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "recording/samples.hpp"

namespace ycsbpy {

class SampleText {
  public:
    struct Name {
        std::string text;     ///< of the kind and outcome; none: such operations are left out
        std::string outcome;  ///< the last column, where there is one
        bool in_total = false;
    };

    /// `names` are by kind, then outcome. Times are moved by `offset_ns`, from the recorder's clock to that of the day.
    /// `wide` adds the columns of the response time (empty without a schedule) and the outcome; `with_totals` repeats
    /// each line that is in the total under the name TOTAL, as go-ycsb does.
    SampleText(std::vector<Name> names, std::size_t outcomes, std::int64_t offset_ns, bool wide, bool paced,
               bool with_totals)
        : _names(std::move(names)),
          _outcomes(outcomes),
          _offset_ns(offset_ns),
          _wide(wide),
          _paced(paced),
          _with_totals(with_totals) {}

    [[nodiscard]] const char* header() const noexcept {
        return _wide ? "operation,timestamp_us,latency_us,response_us,outcome\n"
                     : "operation,timestamp_us,latency_us\n";
    }

    void append(std::string& text, const std::vector<Sample>& samples) const {
        for (const Sample& sample : samples) {
            const std::size_t cell = sample.kind * _outcomes + sample.outcome;
            if (cell >= _names.size() || _names[cell].text.empty()) {
                continue;
            }
            const Name& name = _names[cell];
            line(text, name.text, name, sample);
            if (_with_totals && name.in_total) {
                line(text, kTotal, name, sample);
            }
        }
    }

  private:
    static inline const std::string kTotal = "TOTAL";

    void line(std::string& text, const std::string& title, const Name& name, const Sample& sample) const {
        text.append(title).push_back(',');
        number(text, (sample.start + _offset_ns) / 1000);
        text.push_back(',');
        number(text, (sample.end - sample.start) / 1000);
        if (_wide) {
            text.push_back(',');
            if (_paced) {
                number(text, (sample.end - sample.intended) / 1000);
            }
            text.append(1, ',').append(name.outcome);
        }
        text.push_back('\n');
    }

    static void number(std::string& text, std::int64_t value) {
        char digits[20];
        const auto [end, error] = std::to_chars(digits, digits + sizeof digits, value);
        text.append(digits, static_cast<std::size_t>(end - digits));
    }

    std::vector<Name> _names;
    std::size_t _outcomes;
    std::int64_t _offset_ns;
    bool _wide;
    bool _paced;
    bool _with_totals;
};

}  // namespace ycsbpy
