// A 64-bit digest of drawn operations: to compare machines, thread counts and versions, and to benchmark drawing
// without having it optimised away.
//
// The digest of a range is the sum, modulo 2^64, of those of its operations, so parts add up whoever drew them. An
// operation is written out as bytes: six little-endian 64-bit words (number, kind, record, 1 + the field it reads or 0
// for all, or -1 where it does not read, scan length, number of values), the key, and then either its row or, for each
// value, field and length as 32-bit words and the bytes. Those bytes, padded with zeros to a multiple of 32, go as
// 64-bit words round four lanes, each with a sum and a sum of its sums; the eight sums times eight odd constants, plus
// the number of bytes, are added up and mixed.
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string_view>
#include <vector>

#include "generators/bytes.hpp"
#include "generators/operation_source.hpp"

namespace ycsbpy {

class Digester {
  public:
    explicit Digester(const OperationSource& source) : _source(source) {}

    /// Draw operations first … first + count - 1 and digest them; inserts are acknowledged at once.
    [[nodiscard]] std::uint64_t run(Domain domain, std::uint64_t first, std::uint64_t count, bool row) {
        std::uint64_t digest = 0;
        for (std::uint64_t done = 0; done < count;) {
            const auto batch = static_cast<std::size_t>(std::min<std::uint64_t>(kBatch, count - done));
            for (std::size_t i = 0; i < batch; ++i) {
                _source.draw(domain, first + done + i, _ops[i]);
                if (_ops[i].kind == OpKind::insert) {
                    _source.keys().acknowledge(_ops[i].record, true);
                }
            }
            for (std::size_t i = 0; i < batch; ++i) {
                digest += checksum(row ? write<true>(_ops[i]) : write<false>(_ops[i]));
            }
            done += batch;
        }
        return digest;
    }

  private:
    static constexpr std::size_t kBlock = 32;
    static constexpr std::size_t kHeader = 48;
    /// Deciding one operation is a long chain of dependent steps, and so is writing its key; done in batches, the
    /// chains of several overlap in the processor.
    static constexpr std::size_t kBatch = 32;

    /// Write the operation to `_buffer`, with a block of zeros after it; returns its size.
    template <bool kRow>
    [[nodiscard]] std::size_t write(const Operation& op) {
        reserve(kHeader + _source.key_room() + OperationSource::row_size(op) + 8 * op.values.size() + kBlock);
        char* out = _buffer.data();
        const auto field = op.reads ? static_cast<std::uint64_t>(op.read_field + 1) : ~std::uint64_t{0};
        for (const std::uint64_t word : {op.number, static_cast<std::uint64_t>(op.kind), op.record, field,
                                         op.scan_length, static_cast<std::uint64_t>(op.values.size())}) {
            bytes::store64(out, word);
            out += 8;
        }
        const std::string_view key(out, _source.write_key(op.record, out));
        out += key.size();
        if constexpr (kRow) {
            out = _source.write_row(op, key, out);
        } else {
            for (const ValuePlan& plan : op.values) {
                bytes::store64(out, plan.field | (std::uint64_t{plan.length} << 32));
                out = _source.write_value(op, plan, key, out + 8);
            }
        }
        std::memset(out, 0, kBlock);
        return static_cast<std::size_t>(out - _buffer.data());
    }

    [[nodiscard]] std::uint64_t checksum(std::size_t size) const noexcept {
        std::uint64_t sums[4] = {};
        std::uint64_t sums_of_sums[4] = {};
        for (std::size_t at = 0; at < size; at += kBlock) {
            for (std::size_t lane = 0; lane < 4; ++lane) {
                sums[lane] += bytes::load64(_buffer.data() + at + 8 * lane);
                sums_of_sums[lane] += sums[lane];
            }
        }
        std::uint64_t total = size;
        for (std::uint64_t lane = 0; lane < 4; ++lane) {
            total += sums[lane] * (mix64(2 * lane + 1) | 1) + sums_of_sums[lane] * (mix64(2 * lane + 2) | 1);
        }
        return mix64(total);
    }

    void reserve(std::size_t size) {
        if (_buffer.size() < size) {
            _buffer.resize(2 * size);
        }
    }

    OperationSource _source;  // a copy: the caller's may be in use meanwhile
    std::array<Operation, kBatch> _ops;
    std::vector<char> _buffer;
};

}  // namespace ycsbpy
