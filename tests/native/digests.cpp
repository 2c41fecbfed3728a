// Digests of what ext/generators draws, a line each, for comparing machines: every law for records under every law for
// lengths and every order of keys, of rows and of values, in all three domains. Reads nothing; see test_aarch64.py,
// where Python makes the same sources.
#include <array>
#include <cinttypes>
#include <cstdint>
#include <cstdio>
#include <string>

#include "generators/digest.hpp"
#include "generators/operation_source.hpp"

using namespace ycsbpy;

namespace {

constexpr std::uint64_t kDrawn = 3000;

WorkloadSpec spec_of(int records, int lengths) {
    WorkloadSpec spec;
    spec.seed = 20260101;
    spec.recordcount = spec.insertcount = kMaxRecords;  // so many that a last bit moves a record
    spec.proportions = {0.2, 0.2, 0.2, 0.15, 0.15, 0.1};
    spec.requestdistribution = static_cast<RequestDistribution>(records);
    spec.fieldlengthdistribution = static_cast<LengthDistribution>(lengths);
    spec.fieldlengthhistogram = {1, 0, 5, 2};
    spec.fieldlengthblocksize = 9;
    spec.scanlengthdistribution = lengths % 2 == 0 ? LengthDistribution::uniform : LengthDistribution::zipfian;
    spec.key_order = static_cast<KeyOrder>((records + lengths) % 3);
    for (int i = 0; i < 10; ++i) {
        spec.fieldnames.push_back("field" + std::to_string(i));
    }
    return spec;
}

}  // namespace

int main() {
    for (int records = 0; records < 7; ++records) {
        for (int lengths = 0; lengths < 4; ++lengths) {
            for (const Domain domain : {Domain::load, Domain::run, Domain::warmup}) {
                const OperationSource source(spec_of(records, lengths));
                std::printf("%d %d %d %" PRIu64 "\n", records, lengths, static_cast<int>(domain),
                            Digester(source).run(domain, 0, kDrawn, domain != Domain::warmup));
            }
        }
    }
    return 0;
}
