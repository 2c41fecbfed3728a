// What one event loop or OS thread records into: histograms by kind and outcome, made when first needed.
//
// One per loop or thread and never one per client: a histogram is a quarter of a megabyte. No locks: it is filled by
// its owner and emptied by its owner, or while the owner stands still.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <utility>
#include <vector>

#include "recording/hdr_counts.hpp"

namespace ycsbpy {

class Recorder {
  public:
    /// With `response`, the time from the intended start is kept beside the time from the actual one.
    Recorder(std::size_t kinds, std::size_t outcomes, bool response)
        : _kinds(kinds), _outcomes(outcomes), _response(response), _cells(kinds * outcomes * 2) {}

    /// Count one operation. Times are nanoseconds on one clock, in the order intended ≤ start ≤ end; allocates only the
    /// first time that a cell is used (since it was taken).
    void record(std::size_t kind, std::size_t outcome, std::int64_t intended, std::int64_t start, std::int64_t end) {
        const std::size_t cell = cell_of(kind, outcome);
        histogram(cell).record(elapsed(start, end));
        if (_response) {
            histogram(cell + 1).record(elapsed(intended, end));
        }
        ++_recorded;
    }

    /// Hand over one histogram and start it from nothing; null where nothing was recorded.
    [[nodiscard]] std::unique_ptr<HdrCounts> take(std::size_t kind, std::size_t outcome, bool response) noexcept {
        return std::move(_cells[cell_of(kind, outcome) + (response ? 1 : 0)]);
    }

    /// Exchange all histograms with another of the same kinds and outcomes; the number recorded stays here.
    void swap(Recorder& other) noexcept { _cells.swap(other._cells); }

    /// Add another's histograms, of the same outcomes; of kinds that only one of the two has there are none.
    void add(const Recorder& other) {
        const std::size_t both = std::min(_cells.size(), other._cells.size());
        for (std::size_t cell = 0; cell < both; ++cell) {
            if (other._cells[cell] != nullptr) {
                histogram(cell).add(*other._cells[cell]);
                if (cell % 2 == 0) {
                    _recorded += other._cells[cell]->total();
                }
            }
        }
    }

    [[nodiscard]] std::size_t kinds() const noexcept { return _kinds; }
    [[nodiscard]] std::size_t outcomes() const noexcept { return _outcomes; }
    [[nodiscard]] std::uint64_t recorded() const noexcept { return _recorded; }

  private:
    [[nodiscard]] std::size_t cell_of(std::size_t kind, std::size_t outcome) const noexcept {
        return (kind * _outcomes + outcome) * 2;
    }

    [[nodiscard]] HdrCounts& histogram(std::size_t cell) {
        std::unique_ptr<HdrCounts>& place = _cells[cell];
        if (place == nullptr) [[unlikely]] {
            place = std::make_unique<HdrCounts>();
        }
        return *place;
    }

    [[nodiscard]] static std::uint64_t elapsed(std::int64_t from, std::int64_t to) noexcept {
        return to > from ? static_cast<std::uint64_t>(to) - static_cast<std::uint64_t>(from) : 0;
    }

    std::size_t _kinds;
    std::size_t _outcomes;
    bool _response;
    std::uint64_t _recorded = 0;
    std::vector<std::unique_ptr<HdrCounts>> _cells;
};

}  // namespace ycsbpy
