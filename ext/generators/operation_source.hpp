// Draws operations. Definition: docs/drawing.md.
//
// `draw` decides an operation and allocates nothing once the `Operation` it is given has been used before. The bytes
// come after, into memory of the caller's: `write_key`, `write_row` (or `write_value`, one by one). That split is
// possible because a SplitMix64 generator can be moved past a value's bytes without making them.
//
// Copies share the counters of inserts and deletes and the acknowledged prefix; each copy is for one thread.
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string_view>
#include <utility>

#include "generators/key_chooser.hpp"
#include "generators/key_names.hpp"
#include "generators/lengths.hpp"
#include "generators/live_keys.hpp"
#include "generators/mix.hpp"
#include "generators/operation.hpp"
#include "generators/rng.hpp"
#include "generators/row_codec.hpp"
#include "generators/values.hpp"
#include "generators/workload_spec.hpp"

namespace ycsbpy {

class OperationSource {
  public:
    /// Throws std::invalid_argument for parameters that contradict each other.
    explicit OperationSource(const WorkloadSpec& spec)
        : _spec(checked(spec)),
          _keys(std::make_shared<LiveKeys>(spec)),
          _load(spec.seed, Domain::load),
          _run(spec.seed, Domain::run),
          _warmup(spec.seed, Domain::warmup),
          _mix(spec.proportions),
          _chooser(spec, _mix),
          _scan_lengths(spec),
          _field_lengths(spec),
          _names(spec.keyprefix, spec.zeropadding, spec.key_order) {}

    /// Decide operation `number` of a domain. Inserts and deletes of run and warm-up move the shared counters.
    void draw(Domain domain, std::uint64_t number, Operation& op) {
        op.number = number;
        op.values.clear();
        if (domain == Domain::load) {
            const std::uint64_t record = _spec->insertstart + number;
            SplitMix64 rng = _load.stream(record);
            decide_insert(rng, record, op);
            return;
        }
        SplitMix64 rng = (domain == Domain::run ? _run : _warmup).stream(number);
        decide(_mix.choose(rng.next()), rng, number, op);
    }

    /// Decide operation `number` as one of `kind`, whatever the mix would make it: a row of a batch, whose first
    /// operation decides for all.
    void draw_as(OpKind kind, Domain domain, std::uint64_t number, Operation& op) {
        if (domain == Domain::load) {
            draw(domain, number, op);
            return;
        }
        op.number = number;
        op.values.clear();
        SplitMix64 rng = (domain == Domain::run ? _run : _warmup).stream(number);
        rng.skip(1);  // what the mix is chosen by
        decide(kind, rng, number, op);
    }

    [[nodiscard]] std::size_t key_room() const noexcept { return _names.room(); }

    /// Write a record's key; `out` has `key_room()` bytes, all of which may be overwritten. Returns the key's length.
    [[nodiscard]] std::size_t write_key(std::uint64_t record, char* out) const noexcept {
        return _names.write(record, out);
    }

    /// Write exactly `plan.length` bytes; returns their end. The key matters for `dataintegrity` only.
    char* write_value(const Operation& op, const ValuePlan& plan, std::string_view key, char* out) const noexcept {
        if (_spec->dataintegrity) [[unlikely]] {
            return values::fill_deterministic(key, _spec->fieldnames[plan.field], out, plan.length);
        }
        return values::fill_random({plan.state, op.gamma}, out, plan.length);
    }

    /// Exact size of the operation's values as one row.
    [[nodiscard]] static std::size_t row_size(const Operation& op) noexcept {
        std::size_t size = op.values.empty() ? 1 : 0;
        for (const ValuePlan& plan : op.values) {
            size += row::header_size(plan.field, plan.length) + plan.length;
        }
        return size;
    }

    /// Write exactly `row_size(op)` bytes; returns their end.
    char* write_row(const Operation& op, std::string_view key, char* out) const noexcept {
        if (op.values.empty()) {
            *out++ = row::kEmptyRow;
        }
        for (const ValuePlan& plan : op.values) {
            out = write_value(op, plan, key, row::write_header(plan.field, plan.length, out));
        }
        return out;
    }

    [[nodiscard]] LiveKeys& keys() noexcept { return *_keys; }
    [[nodiscard]] const LiveKeys& keys() const noexcept { return *_keys; }
    [[nodiscard]] const WorkloadSpec& spec() const noexcept { return *_spec; }

  private:
    [[nodiscard]] static std::shared_ptr<const WorkloadSpec> checked(const WorkloadSpec& spec) {
        validate(spec);
        return std::make_shared<const WorkloadSpec>(spec);
    }

    void decide(OpKind kind, SplitMix64& rng, std::uint64_t number, Operation& op) {
        if (kind == OpKind::insert) {
            decide_insert(rng, _keys->take_insert(), op);
            return;
        }
        op.kind = kind;
        op.gamma = rng.gamma();
        op.scan_length = 0;
        op.reads = false;
        if (kind == OpKind::remove) {
            op.record = _keys->take_delete();
            return;
        }
        op.record = _keys->record_at(_chooser.position(rng, number, *_keys));
        if (kind == OpKind::scan) {
            op.scan_length = _scan_lengths.draw(rng);
        }
        if (kind != OpKind::update) {
            op.reads = true;
            op.read_field = _spec->readallfields ? kAllFields : static_cast<std::int32_t>(any_field(rng));
        }
        if (kind == OpKind::update || kind == OpKind::read_modify_write) {
            decide_values(rng, _spec->writeallfields, op);
        }
    }

    void decide_insert(SplitMix64& rng, std::uint64_t record, Operation& op) {
        op.kind = OpKind::insert;
        op.record = record;
        op.gamma = rng.gamma();
        op.scan_length = 0;
        op.reads = false;
        decide_values(rng, true, op);
    }

    void decide_values(SplitMix64& rng, bool all, Operation& op) {
        std::uint32_t first = 0;
        auto last = static_cast<std::uint32_t>(_spec->fieldnames.size());
        if (!all) {
            first = any_field(rng);
            last = first + 1;
        }
        op.values.resize(last - first);
        if (_field_lengths.is_constant()) [[likely]] {
            const std::uint32_t length = _field_lengths.constant();
            const std::uint64_t step = rng.gamma() * values::draws(length);
            std::uint64_t state = rng.state();
            for (ValuePlan& plan : op.values) {
                plan = {state, first++, length};
                state += step;
            }
            return;  // these are the operation's last draws
        }
        for (ValuePlan& plan : op.values) {
            const std::uint32_t length = _field_lengths.draw(rng);
            plan = {rng.state(), first++, length};
            rng.skip(values::draws(length));
        }
    }

    [[nodiscard]] std::uint32_t any_field(SplitMix64& rng) const noexcept {
        return static_cast<std::uint32_t>(below(rng.next(), _spec->fieldnames.size()));
    }

    std::shared_ptr<const WorkloadSpec> _spec;
    std::shared_ptr<LiveKeys> _keys;
    StreamFamily _load;
    StreamFamily _run;
    StreamFamily _warmup;
    KindMix _mix;
    KeyChooser _chooser;
    ScanLengths _scan_lengths;
    FieldLengths _field_lengths;
    KeyNames _names;
};

}  // namespace ycsbpy
