// ext/generators under sanitizers: known answers, both ways to fill, bounds, and no allocation once warm.

#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <new>
#include <random>
#include <string>
#include <vector>

#include "check.hpp"
#include "generators/digest.hpp"
#include "generators/operation_source.hpp"
#include "generators/permutation.hpp"

using namespace ycsbpy;

namespace {

std::size_t allocations = 0;

}  // namespace

void* operator new(std::size_t size) {
    ++allocations;
    if (void* const p = std::malloc(size)) {
        return p;
    }
    throw std::bad_alloc();
}
void operator delete(void* p) noexcept {
    std::free(p);
}
void operator delete(void* p, std::size_t) noexcept {
    std::free(p);
}

namespace {

WorkloadSpec spec_of(RequestDistribution distribution, std::array<double, kOpKinds> proportions) {
    WorkloadSpec spec;
    spec.seed = 7;
    spec.recordcount = spec.insertcount = 1000;
    spec.operationcount = 100'000;
    spec.requestdistribution = distribution;
    spec.proportions = proportions;
    for (int i = 0; i < 10; ++i) {
        spec.fieldnames.push_back("field" + std::to_string(i));
    }
    return spec;
}

/// The first five numbers of SplitMix64 from 1234567 with the golden increment, as its authors' Java and C give them.
void splitmix_gives_known_numbers() {
    SplitMix64 rng(1234567, kGolden);
    for (const std::uint64_t expected : {6457827717110365317U, 3203168211198807973U, 9817491932198370423U,
                                         4593380528125082431U, 16408922859458223821U}) {
        CHECK(rng.next() == expected);
    }
    SplitMix64 skipped(1234567, kGolden);
    skipped.skip(4);
    CHECK(skipped.next() == 16408922859458223821U);
}

void permutations_leave_nothing_out() {
    for (std::uint64_t n = 1; n < 300; ++n) {
        const Permutation permutation(n);
        std::vector<bool> seen(n);
        for (std::uint64_t x = 0; x < n; ++x) {
            const std::uint64_t place = permutation.of(x);
            CHECK(place < n && !seen[place]);
            seen[place] = true;
        }
    }
    const std::uint64_t most = std::uint64_t{1} << 62;
    const Permutation widest(most);
    CHECK(widest.of(0) < most && widest.of(most - 1) < most && widest.of(0) != widest.of(most - 1));
}

void bits_are_counted() {
    std::mt19937_64 random(1);
    for (int i = 0; i < 10'000; ++i) {
        const std::uint64_t x = random() & random();
        CHECK(count_bits(x) == static_cast<unsigned>(__builtin_popcountll(x)));
        CHECK(mix_gamma(x) % 2 == 1);
    }
    CHECK(count_bits(~std::uint64_t{0}) == 64 && count_bits(0) == 0);
}

void remainders_are_exact() {
    std::mt19937_64 random(9);
    for (int i = 0; i < 200'000; ++i) {
        const std::uint64_t divisor = std::max<std::uint64_t>(1, (random() >> 2) >> (random() % 62));
        const Modulo modulo(divisor);
        const std::uint64_t x = random() >> (random() % 64);
        for (const std::uint64_t y : {x, x / divisor * divisor, x / divisor * divisor - 1, ~std::uint64_t{0},
                                      std::uint64_t{1} << 63, std::uint64_t{0}}) {
            CHECK(modulo.of(y) == y % divisor);
        }
    }
}

void portable_math_is_accurate() {
    std::mt19937_64 random(2);
    std::uniform_real_distribution<double> exponent(-700, 700);
    for (int i = 0; i < 100'000; ++i) {
        const double x = exponent(random);
        const double e = portable::exp(x);
        CHECK(std::abs(e / std::exp(x) - 1) < 1e-13);  // |x| * epsilon, and a little
        CHECK(std::abs(portable::log(e) - std::log(e)) <= 4e-16 * std::max(1.0, std::abs(std::log(e))));
        const double y = std::abs(x) / 700;
        CHECK(std::abs(portable::pow100(y) - std::pow(y, 100)) <= 1e-13 * std::pow(y, 100) + 1e-300);
        CHECK(portable::floor_to_integer(x) == static_cast<std::int64_t>(std::floor(x)));
    }
    CHECK(portable::exp(-1e6) == 0 && std::isinf(portable::exp(1e6)) && portable::exp(0) == 1);
    CHECK(portable::floor_to_integer(-1.0) == -1 && portable::floor_to_integer(-1.5) == -2);
}

void filling_writes_exactly_its_bytes_in_both_ways() {
    std::mt19937_64 random(3);
    for (std::size_t length = 0; length < 300; ++length) {
        const std::uint64_t state = random();
        const std::uint64_t gamma = random() | 1;
        std::vector<char> portable(length);  // exactly as long: a byte more is an error under a sanitizer
        CHECK(values::fill_portable(state, gamma, portable.data(), length) == portable.data() + length);
        SplitMix64 rng(state, gamma);
        for (std::size_t i = 0; i < length; i += 8) {
            const std::uint64_t draw = rng.next();
            for (std::size_t b = i; b < std::min(i + 8, length); ++b) {
                CHECK(portable[b] == static_cast<char>(((draw >> (8 * (b - i))) & 0x3F) + 0x20));
            }
        }
        std::vector<char> best(length);
        CHECK(values::fill_random(SplitMix64(state, gamma), best.data(), length) == best.data() + length);
        CHECK(best == portable);
    }
#if YCSBPY_HAS_AVX512_FILL
    std::printf("filling: %s\n", values::has_avx512() ? "portable and AVX-512" : "portable (no AVX-512 here)");
#endif
}

void digits_are_those_of_printf() {
    std::mt19937_64 random(4);
    std::vector<std::uint64_t> numbers = {0, 1, 9, 10, ~std::uint64_t{0}, std::uint64_t{1} << 63};
    for (std::uint64_t power = 10; power < 10'000'000'000'000'000'000U; power *= 10) {
        numbers.insert(numbers.end(), {power - 1, power, power + 1, power * 9 + 7});
    }
    for (int i = 0; i < 100'000; ++i) {
        numbers.push_back(random() >> (random() % 64));
    }
    for (const std::uint64_t number : numbers) {
        char room[decimal::kRoom];
        const decimal::Digits digits(number);
        char* const end = digits.write(room);
        CHECK(std::string(room, end) == std::to_string(number) && digits.count() == std::to_string(number).size());
    }
}

void keys_are_those_of_java_ycsb() {
    const auto key = [](std::uint64_t record, std::size_t padding, bool hashed, const std::string& prefix) {
        const KeyNames names(prefix, padding, hashed ? KeyOrder::hashed : KeyOrder::ordered);
        std::vector<char> room(names.room());
        return std::string(room.data(), names.write(record, room.data()));
    };
    CHECK(key(0, 1, true, "user") == "user6284781860667377211");
    CHECK(key(1, 1, true, "user") == "user8517097267634966620");
    CHECK(key(42, 1, false, "user") == "user42" && key(0, 1, false, "user") == "user0" && key(0, 0, false, "") == "0");
    CHECK(key(42, 30, false, "user") == "user" + std::string(28, '0') + "42");
    CHECK(key(7, 3, false, std::string(40, 'p')) == std::string(40, 'p') + "007");
    std::mt19937_64 random(5);
    for (int i = 0; i < 10'000; ++i) {
        const std::uint64_t number = random() >> (random() % 64);
        std::uint64_t hash = 0xCBF29CE484222325;
        for (int b = 0; b < 8; ++b) {
            hash = (hash ^ ((number >> (8 * b)) & 0xFF)) * 1099511628211U;
        }
        CHECK(fnv64(number) == ((hash >> 63) != 0 ? 0 - hash : hash));
    }
}

void exact_zipf_stays_in_range() {
    ExactZipf zipf;
    SplitMix64 rng(1, kGolden);
    for (const std::uint64_t n : {std::uint64_t{1}, std::uint64_t{2}, std::uint64_t{1000}, (std::uint64_t{1} << 31) + 1,
                                  std::uint64_t{1} << 40, kMaxRecords, ~std::uint64_t{0}}) {
        for (int i = 0; i < 10'000; ++i) {
            const std::uint64_t rank = zipf.rank(rng, n);
            CHECK(rank >= 1 && rank <= n);
        }
    }
}

/// Every kind, every distribution, every law of lengths: in range, row as long as promised, memory as much as asked
/// for.
void operations_are_well_formed() {
    for (int distribution = 0; distribution < 7; ++distribution) {
        for (int lengths = 0; lengths < 4; ++lengths) {
            WorkloadSpec spec = spec_of(static_cast<RequestDistribution>(distribution), {1, 1, 1, 1, 1, 1});
            spec.fieldlengthdistribution = static_cast<LengthDistribution>(lengths);
            spec.fieldlengthhistogram = {1, 0, 5, 2};
            spec.fieldlengthblocksize = 9;
            spec.minfieldlength = 0;
            spec.scanlengthdistribution = lengths % 2 == 0 ? LengthDistribution::uniform : LengthDistribution::zipfian;
            spec.writeallfields = lengths == 1;
            spec.readallfields = lengths != 2;
            OperationSource source(spec);
            Operation op;
            for (std::uint64_t i = 0; i < 3000; ++i) {
                const auto domain = static_cast<Domain>(1 + i % 3);
                source.draw(domain, domain == Domain::load ? i % 1000 : i, op);
                CHECK(op.values.empty() || op.values.size() == 1 || op.values.size() == 10);
                CHECK((op.scan_length != 0) == (op.kind == OpKind::scan) && op.scan_length <= 1000);
                CHECK(op.reads || op.read_field == kAllFields || op.kind != OpKind::read);
                std::vector<char> key(source.key_room());
                const std::size_t key_size = source.write_key(op.record, key.data());
                std::vector<char> row(OperationSource::row_size(op));
                CHECK(source.write_row(op, {key.data(), key_size}, row.data()) == row.data() + row.size());
                row::Reader reader({reinterpret_cast<const unsigned char*>(row.data()), row.size()});
                for (const ValuePlan& plan : op.values) {
                    const row::Field field = reader.next();
                    CHECK(field.column == plan.field && field.value.size() == plan.length);
                }
                CHECK(reader.done());
                if (op.kind == OpKind::insert) {
                    source.keys().acknowledge(op.record, i % 5 != 0);
                }
            }
        }
    }
}

void drawing_does_not_allocate_once_warm() {
    WorkloadSpec spec = spec_of(RequestDistribution::latest, {1, 1, 1, 1, 1, 1});
    spec.fieldlengthdistribution = LengthDistribution::zipfian;
    OperationSource source(spec);
    Operation op;
    std::vector<char> buffer(1 << 16);
    source.draw(Domain::load, 0, op);
    const std::size_t before = allocations;
    for (std::uint64_t i = 0; i < 20'000; ++i) {
        source.draw(Domain::run, i, op);
        const std::size_t size = source.write_key(op.record, buffer.data());
        source.write_row(op, {buffer.data(), size}, buffer.data() + size);
        if (op.kind == OpKind::insert) {
            source.keys().acknowledge(op.record, true);
        }
    }
    CHECK(allocations == before);
}

void copies_share_the_counters() {
    OperationSource first(spec_of(RequestDistribution::latest, {0, 0, 1, 0, 0, 0}));
    OperationSource second(first);
    Operation op;
    first.draw(Domain::run, 0, op);
    CHECK(op.record == 1000);
    second.draw(Domain::run, 0, op);
    CHECK(op.record == 1001 && first.keys().inserted() == 2);
    second.keys().acknowledge(1000, true);
    CHECK(first.keys().limit() == 1001);
}

void digests_of_parts_add_up() {
    for (const bool row : {false, true}) {
        const auto digest = [&](std::uint64_t first, std::uint64_t count) {
            const OperationSource source(spec_of(RequestDistribution::zipfian, {1, 1, 0, 1, 1, 0}));
            return Digester(source).run(Domain::run, first, count, row);
        };
        CHECK(digest(0, 1000) == digest(0, 1) + digest(1, 99) + digest(100, 900));
        CHECK(digest(0, 1000) != digest(1, 1000));
    }
}

void deterministic_values_are_cut_anywhere() {
    std::string longest(500, ' ');
    values::fill_deterministic("user1", "field0", longest.data(), longest.size());
    CHECK(longest.starts_with("user1:field0:"));
    for (std::size_t length = 0; length < 500; ++length) {
        std::vector<char> value(length);
        CHECK(values::fill_deterministic("user1", "field0", value.data(), length) == value.data() + length);
        CHECK(std::equal(value.begin(), value.end(), longest.begin()));
    }
}

/// Rows with bytes changed, cut or added: an exception or fields, but never a byte outside of them.
void hostile_rows_are_refused() {
    OperationSource source(spec_of(RequestDistribution::uniform, {1, 0, 0, 0, 0, 0}));
    Operation op;
    std::mt19937_64 random(6);
    std::size_t refused = 0;
    for (std::uint64_t i = 0; i < 20'000; ++i) {
        source.draw(Domain::load, i % 1000, op);
        op.values.resize(1 + random() % 3);
        for (ValuePlan& plan : op.values) {
            plan.length = static_cast<std::uint32_t>(random() % 20);
        }
        std::vector<unsigned char> row(OperationSource::row_size(op));
        source.write_row(op, "", reinterpret_cast<char*>(row.data()));
        for (std::uint64_t changes = random() % 3; changes > 0; --changes) {
            row[random() % row.size()] = static_cast<unsigned char>(random());
        }
        row.resize(random() % (row.size() + 3));
        std::uint64_t sum = 0;
        try {
            for (row::Reader reader(row); !reader.done();) {
                for (const unsigned char byte : reader.next().value) {
                    sum += byte;
                }
            }
        } catch (const std::invalid_argument&) {
            ++refused;
        }
        CHECK(sum < 1'000'000);
    }
    CHECK(refused > 1000 && refused < 20'000);
}

void contradicting_parameters_are_refused() {
    const auto refused = [](auto change) {
        WorkloadSpec spec = spec_of(RequestDistribution::exponential, {1, 0, 0, 0, 0, 0});
        change(spec);
        CHECK_THROWS(std::invalid_argument, OperationSource{spec});
    };
    refused([](WorkloadSpec& s) { s.insertcount = 1001; });
    refused([](WorkloadSpec& s) { s.insertstart = ~std::uint64_t{0}; });
    refused([](WorkloadSpec& s) { s.recordcount = kMaxRecords + 1; });
    refused([](WorkloadSpec& s) { s.proportions = {}; });
    refused([](WorkloadSpec& s) { s.proportions[0] = std::nan(""); });
    refused([](WorkloadSpec& s) { s.exponential_percentile = 80; });
    refused([](WorkloadSpec& s) { s.exponential_frac = std::nan(""); });
    refused([](WorkloadSpec& s) { s.fieldnames.clear(); });
    refused([](WorkloadSpec& s) { s.minscanlength = 1001; });
    refused([](WorkloadSpec& s) { s.fieldlengthdistribution = LengthDistribution::histogram; });
    OperationSource accepted(spec_of(RequestDistribution::exponential, {1, 0, 0, 0, 0, 0}));
    CHECK(accepted.keys().limit() == 1000);
}

}  // namespace

int main() {
    splitmix_gives_known_numbers();
    permutations_leave_nothing_out();
    bits_are_counted();
    remainders_are_exact();
    portable_math_is_accurate();
    filling_writes_exactly_its_bytes_in_both_ways();
    digits_are_those_of_printf();
    keys_are_those_of_java_ycsb();
    exact_zipf_stays_in_range();
    operations_are_well_formed();
    drawing_does_not_allocate_once_warm();
    copies_share_the_counters();
    digests_of_parts_add_up();
    deterministic_values_are_cut_anywhere();
    hostile_rows_are_refused();
    contradicting_parameters_are_refused();
    std::puts("ok");
}
