// Which record an operation asks for: `requestdistribution`. Definition: docs/drawing.md, section 4.
#pragma once

#include <algorithm>
#include <cstdint>

#include "generators/exponential.hpp"
#include "generators/key_names.hpp"
#include "generators/live_keys.hpp"
#include "generators/mix.hpp"
#include "generators/permutation.hpp"
#include "generators/portable_math.hpp"
#include "generators/rng.hpp"
#include "generators/workload_spec.hpp"
#include "generators/zipfian.hpp"

namespace ycsbpy {

/// One per thread: it keeps the constants of the size that it drew over last.
class KeyChooser {
  public:
    KeyChooser(const WorkloadSpec& spec, const KindMix& mix) noexcept
        : _distribution(spec.requestdistribution),
          _room(std::max<std::uint64_t>(1, spec.insertcount + floor(mix.expected_inserts(spec.operationcount) * 2))),
          _hashed(_room),
          _permuted(_room),
          _hot(hot_records(spec)),
          _hot_share(spec.hotspotopnfraction),
          _exponential(exponential_of(spec)) {}

    /// The position for operation `number`; it is a hole only after a hundred tries at something better.
    [[nodiscard]] std::uint64_t position(SplitMix64& rng, std::uint64_t number, const LiveKeys& keys) {
        const LiveKeys::Range live = keys.range();
        if (live.size() == 0) {
            return live.front;
        }
        std::uint64_t position = once(rng, number, live);
        if (keys.any_holes()) [[unlikely]] {
            for (int tries = 0; tries < kTries && keys.is_hole(position); ++tries) {
                position = once(rng, ++number, live);  // only `sequential` looks at the number
            }
        }
        return position;
    }

  private:
    static constexpr int kTries = 100;

    [[nodiscard]] static std::uint64_t floor(double x) noexcept {
        return static_cast<std::uint64_t>(portable::floor_to_integer(x));
    }

    [[nodiscard]] static std::uint64_t hot_records(const WorkloadSpec& spec) noexcept {
        return spec.requestdistribution == RequestDistribution::hotspot
                   ? floor(static_cast<double>(spec.insertcount) * spec.hotspotdatafraction)
                   : 0;
    }

    [[nodiscard]] static TruncatedExponential exponential_of(const WorkloadSpec& spec) noexcept {
        if (spec.requestdistribution != RequestDistribution::exponential) {
            return {0.95, 0.5};  // not used
        }
        return {spec.exponential_percentile / 100, spec.exponential_frac};
    }

    [[nodiscard]] std::uint64_t once(SplitMix64& rng, std::uint64_t number, LiveKeys::Range live) noexcept {
        switch (_distribution) {
            case RequestDistribution::uniform:
                break;
            case RequestDistribution::zipfian:
                return scrambled(rng, live);
            case RequestDistribution::zipfian_exact:
                return scattered(rng, live);
            case RequestDistribution::latest:
                return live.limit - _exact_zipf.rank(rng, live.size());
            case RequestDistribution::hotspot:
                return hotspot(rng, live);
            case RequestDistribution::exponential:
                return live.limit - 1 - _exponential.offset(rng.next(), live.size());
            case RequestDistribution::sequential:
                return live.front + number % live.size();
        }
        return live.front + below(rng.next(), live.size());
    }

    /// YCSB's rank, hashed onto room for the inserts still to come, so that they do not move the popular records.
    [[nodiscard]] std::uint64_t scrambled(SplitMix64& rng, LiveKeys::Range live) const noexcept {
        return until_live(
            live, [&] { return fnv64(_ycsb_zipfian.rank(rng.next())); },
            [&](std::uint64_t hash) { return _hashed.of(hash); });
    }

    /// Each rank of the exact law has a place of its own in the same room.
    [[nodiscard]] std::uint64_t scattered(SplitMix64& rng, LiveKeys::Range live) noexcept {
        return until_live(
            live, [&] { return _permuted.of(_exact_zipf.rank(rng, _room) - 1); },
            [](std::uint64_t place) { return place; });
    }

    /// Draw until the position is of a record that is there; the hundredth draw decides among those that are.
    template <class Draw, class PositionOf>
    [[nodiscard]] static std::uint64_t until_live(LiveKeys::Range live, Draw&& draw,
                                                  PositionOf&& position_of) noexcept {
        std::uint64_t drawn = 0;
        for (int tries = 0; tries < kTries; ++tries) {
            drawn = draw();
            const std::uint64_t position = position_of(drawn);
            if (position >= live.front && position < live.limit) [[likely]] {
                return position;
            }
        }
        return live.front + drawn % live.size();
    }

    [[nodiscard]] std::uint64_t hotspot(SplitMix64& rng, LiveKeys::Range live) const noexcept {
        const std::uint64_t hot = std::min(_hot, live.size());
        const std::uint64_t cold = live.size() - hot;
        const double u = unit(rng.next());
        if ((u < _hot_share && hot > 0) || cold == 0) {
            return live.front + below(rng.next(), hot);
        }
        return live.front + hot + below(rng.next(), cold);
    }

    RequestDistribution _distribution;
    std::uint64_t _room;
    Modulo _hashed;
    Permutation _permuted;
    std::uint64_t _hot;
    double _hot_share;
    YcsbZipfian _ycsb_zipfian;
    ExactZipf _exact_zipf;
    TruncatedExponential _exponential;
};

}  // namespace ycsbpy
