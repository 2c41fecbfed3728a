// The records that can be asked for, as positions, and the counters that move their two ends.
//
// All sources of one run share one of these, on however many threads. Definition: docs/drawing.md, section 4.
#pragma once

#include <atomic>
#include <cstdint>

#include "generators/acknowledged_counter.hpp"
#include "generators/workload_spec.hpp"

namespace ycsbpy {

class LiveKeys {
  public:
    /// Positions front ≤ p < limit are live.
    struct Range {
        std::uint64_t front;
        std::uint64_t limit;
        [[nodiscard]] std::uint64_t size() const noexcept { return limit - front; }
    };

    explicit LiveKeys(const WorkloadSpec& spec) noexcept
        : _insertstart(spec.insertstart), _loaded(spec.insertcount), _recordcount(spec.recordcount) {}

    [[nodiscard]] Range range() const noexcept {
        const std::uint64_t front = _front.load(std::memory_order_acquire);  // first: it never passes an older limit
        return {front, limit()};
    }

    [[nodiscard]] std::uint64_t limit() const noexcept { return _loaded + _inserts.prefix(); }

    /// Records from the load; positions at or past this one were inserted by the run.
    [[nodiscard]] std::uint64_t loaded() const noexcept { return _loaded; }

    [[nodiscard]] std::uint64_t record_at(std::uint64_t position) const noexcept {
        return position < _loaded ? _insertstart + position : _recordcount + (position - _loaded);
    }

    [[nodiscard]] bool any_holes() const noexcept { return _inserts.any_failed(); }
    [[nodiscard]] bool is_hole(std::uint64_t position) const {
        return position >= _loaded && _inserts.failed(position - _loaded);
    }

    /// The record for the next insert.
    [[nodiscard]] std::uint64_t take_insert() noexcept { return _recordcount + _inserts.issue(); }

    /// The record for the next delete: the oldest that is live. Where none is, the next one to become so, which stays.
    [[nodiscard]] std::uint64_t take_delete() noexcept {
        std::uint64_t front = _front.load(std::memory_order_acquire);
        while (front < limit()) {
            if (_front.compare_exchange_weak(front, front + 1, std::memory_order_acq_rel)) {
                break;
            }
        }
        return record_at(front);
    }

    /// Say how the insert of `record` ended; records that this run did not hand out change nothing.
    void acknowledge(std::uint64_t record, bool ok) {
        if (record >= _recordcount) {
            _inserts.settle(record - _recordcount, ok);
        }
    }

    [[nodiscard]] std::uint64_t inserted() const noexcept { return _inserts.issued(); }

  private:
    std::uint64_t _insertstart;
    std::uint64_t _loaded;
    std::uint64_t _recordcount;
    alignas(64) std::atomic<std::uint64_t> _front{0};
    AcknowledgedCounter _inserts;
};

}  // namespace ycsbpy
