// The parameters of a workload, as plain data, and what makes them contradict each other.
#pragma once

#include <algorithm>
#include <array>
#include <cstdint>
#include <numeric>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

#include "generators/key_names.hpp"
#include "generators/operation.hpp"

namespace ycsbpy {

enum class RequestDistribution : std::uint8_t {
    uniform,
    zipfian,
    zipfian_exact,
    latest,
    hotspot,
    exponential,
    sequential
};
enum class LengthDistribution : std::uint8_t { constant, uniform, zipfian, histogram };

/// Names and meanings are those of the properties.
struct WorkloadSpec {
    std::uint64_t seed = 0;
    std::uint64_t recordcount = 0;
    std::uint64_t insertstart = 0;
    std::uint64_t insertcount = 0;
    std::uint64_t operationcount = 0;
    std::array<double, kOpKinds> proportions{};
    RequestDistribution requestdistribution = RequestDistribution::uniform;
    double hotspotdatafraction = 0.2;
    double hotspotopnfraction = 0.8;
    double exponential_percentile = 95;
    double exponential_frac = 0.8571428571;
    std::uint64_t minscanlength = 1;
    std::uint64_t maxscanlength = 1000;
    LengthDistribution scanlengthdistribution = LengthDistribution::uniform;
    std::vector<std::string> fieldnames;
    std::uint64_t minfieldlength = 1;
    std::uint64_t fieldlength = 100;
    LengthDistribution fieldlengthdistribution = LengthDistribution::constant;
    std::vector<std::uint64_t> fieldlengthhistogram;
    std::uint64_t fieldlengthblocksize = 1;
    bool readallfields = true;
    bool writeallfields = false;
    bool dataintegrity = false;
    std::string keyprefix = "user";
    std::uint64_t zeropadding = 1;
    KeyOrder key_order = KeyOrder::hashed;
};

/// Ends of the ranges: far above anything useful, far below where arithmetic on them would wrap.
inline constexpr std::uint64_t kMaxRecords = std::uint64_t{1} << 60;
inline constexpr std::uint64_t kMaxFieldLength = std::uint64_t{1} << 30;
inline constexpr std::uint64_t kMaxFields = std::uint64_t{1} << 24;
inline constexpr std::uint64_t kMaxZeroPadding = 4096;

namespace spec_checks {

inline void require(bool condition, const char* message) {
    if (!condition) {
        throw std::invalid_argument(message);
    }
}

inline void check_counts(const WorkloadSpec& s) {
    require(s.recordcount <= kMaxRecords && s.operationcount <= kMaxRecords, "recordcount, operationcount: above 2^60");
    require(s.insertstart <= s.recordcount && s.insertcount <= s.recordcount - s.insertstart,
            "recordcount: less than insertstart + insertcount");
}

inline void check_mix(const WorkloadSpec& s) {
    require(std::all_of(s.proportions.begin(), s.proportions.end(), [](double p) { return p >= 0 && p <= 1e9; }),
            "proportions: each must be a number from 0 to 10^9");
    const double total = std::accumulate(s.proportions.begin(), s.proportions.end(), 0.0);
    require(total > 0, "proportions: one at least must be above 0");
}

inline void check_request_distribution(const WorkloadSpec& s) {
    const auto fraction = [](double x) { return x >= 0 && x <= 1; };
    if (s.requestdistribution == RequestDistribution::hotspot) {
        require(fraction(s.hotspotdatafraction), "hotspotdatafraction: must be from 0 to 1");
        require(fraction(s.hotspotopnfraction), "hotspotopnfraction: must be from 0 to 1");
    }
    if (s.requestdistribution == RequestDistribution::exponential) {
        require(s.exponential_percentile > 0 && s.exponential_percentile <= 100,
                "exponential.percentile: must be above 0 and at most 100");
        require(s.exponential_frac > 0 && s.exponential_frac < s.exponential_percentile / 100,
                "exponential.frac: must be above 0 and below exponential.percentile / 100");
    }
}

inline void check_lengths(const WorkloadSpec& s) {
    require(s.minscanlength >= 1 && s.minscanlength <= s.maxscanlength && s.maxscanlength <= kMaxRecords,
            "minscanlength: must be from 1 to maxscanlength");
    require(s.fieldlength <= kMaxFieldLength, "fieldlength: above 2^30");
    require(!s.fieldnames.empty() && s.fieldnames.size() <= kMaxFields, "fieldcount: must be from 1 to 2^24");
    switch (s.fieldlengthdistribution) {
        case LengthDistribution::constant:
            break;
        case LengthDistribution::uniform:
        case LengthDistribution::zipfian:
            require(s.minfieldlength <= s.fieldlength, "minfieldlength: above fieldlength");
            break;
        case LengthDistribution::histogram: {
            std::uint64_t total = 0;
            for (const std::uint64_t count : s.fieldlengthhistogram) {
                require(count <= kMaxRecords - total, "fieldlengthhistogram: more than 2^60 counts");
                total += count;
            }
            require(total > 0, "fieldlengthhistogram: has no counts");
            require(s.fieldlengthblocksize >= 1 &&
                        s.fieldlengthblocksize <= kMaxFieldLength / s.fieldlengthhistogram.size(),
                    "fieldlengthhistogram: BlockSize must be at least 1 and the last bucket at most 2^30");
            break;
        }
    }
    require(!s.dataintegrity || s.fieldlengthdistribution == LengthDistribution::constant,
            "dataintegrity: needs fieldlengthdistribution=constant");
}

}  // namespace spec_checks

/// Throws std::invalid_argument, naming the property.
inline void validate(const WorkloadSpec& spec) {
    spec_checks::check_counts(spec);
    spec_checks::check_mix(spec);
    spec_checks::check_request_distribution(spec);
    spec_checks::check_lengths(spec);
    spec_checks::require(spec.zeropadding <= kMaxZeroPadding, "zeropadding: above 4096");
}

namespace names {

template <typename Enum, std::size_t N>
[[nodiscard]] Enum lookup(const char* property, std::string_view word,
                          const std::array<std::pair<std::string_view, Enum>, N>& choices) {
    std::string known;
    for (const auto& [name, value] : choices) {
        if (name == word) {
            return value;
        }
        known += known.empty() ? "" : ", ";
        known += name;
    }
    throw std::invalid_argument(std::string(property) + ": \"" + std::string(word) + "\" is none of " + known);
}

[[nodiscard]] inline RequestDistribution request_distribution(std::string_view word) {
    using enum RequestDistribution;
    return lookup<RequestDistribution, 7>("requestdistribution", word,
                                          {{{"uniform", uniform},
                                            {"zipfian", zipfian},
                                            {"zipfian-exact", zipfian_exact},
                                            {"latest", latest},
                                            {"hotspot", hotspot},
                                            {"exponential", exponential},
                                            {"sequential", sequential}}});
}

[[nodiscard]] inline LengthDistribution scan_length_distribution(std::string_view word) {
    using enum LengthDistribution;
    return lookup<LengthDistribution, 3>("scanlengthdistribution", word,
                                         {{{"uniform", uniform}, {"zipfian", zipfian}, {"constant", constant}}});
}

[[nodiscard]] inline LengthDistribution field_length_distribution(std::string_view word) {
    using enum LengthDistribution;
    return lookup<LengthDistribution, 4>(
        "fieldlengthdistribution", word,
        {{{"constant", constant}, {"uniform", uniform}, {"zipfian", zipfian}, {"histogram", histogram}}});
}

[[nodiscard]] inline KeyOrder key_order(std::string_view word) {
    using enum KeyOrder;
    return lookup<KeyOrder, 3>("insertorder", word,
                               {{{"hashed", hashed}, {"ordered", ordered}, {"hashed-big-endian", hashed_big_endian}}});
}

}  // namespace names

}  // namespace ycsbpy
