// Samples as lines of a CSV file: "READ,1795427577677258,412".
//
// Formatting is here because it is the most that raw output costs: some tens of nanoseconds a line instead of the
// microseconds of a loop in Python.
#pragma once

#include <algorithm>
#include <charconv>
#include <cstddef>
#include <cstdint>
#include <cstring>
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
          _with_totals(with_totals),
          _longest(longest_line()) {}

    [[nodiscard]] const char* header() const noexcept {
        return _wide ? "operation,timestamp_us,latency_us,response_us,outcome\n"
                     : "operation,timestamp_us,latency_us\n";
    }

    void append(std::string& text, const std::vector<Sample>& samples) {
        const std::size_t before = text.size();
        text.resize(before + samples.size() * _longest * (_with_totals ? 2 : 1));
        char* at = text.data() + before;
        for (const Sample& sample : samples) {
            const std::size_t cell = sample.kind * _outcomes + sample.outcome;
            if (cell >= _names.size() || _names[cell].text.empty()) {
                continue;
            }
            const Name& name = _names[cell];
            at = line(at, name.text, name, sample);
            if (_with_totals && name.in_total) {
                at = line(at, kTotal, name, sample);
            }
        }
        text.resize(static_cast<std::size_t>(at - text.data()));
    }

  private:
    static inline const std::string kTotal = "TOTAL";
    static constexpr std::size_t kDigits = 20;  ///< of the longest number, with its sign
    static constexpr std::int64_t kMicroseconds = 1'000'000;

    [[nodiscard]] std::size_t longest_line() const {
        std::size_t longest = kTotal.size();
        for (const Name& name : _names) {
            longest = std::max(longest, name.text.size() + name.outcome.size());
        }
        return longest + kTotal.size() + 3 * kDigits + 5;  // five separators
    }

    char* line(char* at, const std::string& title, const Name& name, const Sample& sample) {
        at = put(at, title);
        *at++ = ',';
        at = time(at, (sample.start + _offset_ns) / 1000);
        *at++ = ',';
        at = number(at, (sample.end - sample.start) / 1000);
        if (_wide) {
            *at++ = ',';
            if (_paced) {
                at = number(at, (sample.end - sample.intended) / 1000);
            }
            *at++ = ',';
            at = put(at, name.outcome);
        }
        *at++ = '\n';
        return at;
    }

    static char* put(char* at, const std::string& text) {
        std::memcpy(at, text.data(), text.size());
        return at + text.size();
    }

    static char* number(char* at, std::int64_t value) { return std::to_chars(at, at + kDigits, value).ptr; }

    /// As `number`; the digits of the second are those of the line before, most of the time.
    char* time(char* at, std::int64_t us) {
        if (us < kMicroseconds) {
            return number(at, us);
        }
        const std::int64_t second = us / kMicroseconds;
        if (second != _second) {
            _second = second;
            _second_text.assign(kDigits, ' ');
            _second_text.resize(static_cast<std::size_t>(number(_second_text.data(), second) - _second_text.data()));
        }
        at = put(at, _second_text);
        auto rest = static_cast<std::uint32_t>(us - second * kMicroseconds);
        for (int place = 5; place >= 0; --place) {
            at[place] = static_cast<char>('0' + rest % 10);
            rest /= 10;
        }
        return at + 6;
    }

    std::vector<Name> _names;
    std::size_t _outcomes;
    std::int64_t _offset_ns;
    bool _wide;
    bool _paced;
    bool _with_totals;
    std::size_t _longest;
    std::int64_t _second = -1;
    std::string _second_text;
};

}  // namespace ycsbpy
