// Writes the request that a client is at into a batch of commands; values are drawn straight into their place.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "engine/batch.hpp"
#include "engine/client.hpp"
#include "engine/row_update.hpp"
#include "engine/shared.hpp"
#include "generators/operation_source.hpp"
#include "http2/buffer.hpp"
#include "kvproto/commands.hpp"

namespace ycsbpy::engine {

class CommandWriter {
  public:
    CommandWriter(const Plan& plan, const OperationSource& source)
        : _plan(plan), _source(source), _options{plan.column_family, plan.ttl, false} {}

    /// The request of one operation of one row.
    void write(const Client& client, http2::Buffer& out, std::string_view context) const {
        namespace commands = kvproto::commands;
        const kvproto::SplitKey key{_plan.key_prefix, client.key};
        switch (client.stage) {
            case Stage::read:
            case Stage::read_for_update:
                commands::raw_get(out, context, key, _options);
                break;
            case Stage::write:
                write_put(client, out, context, key);
                break;
            case Stage::remove:
                commands::raw_delete(out, context, key, _options);
                break;
            case Stage::scan:
                commands::raw_scan(out, context, {client.key, {}}, client.op.scan_length - client.scanned,
                                   _plan.key_end, _options);
                break;
        }
    }

    /// The request of one part of a batch.
    void write_part(const Client& part, const Batch& batch, http2::Buffer& out, std::string_view context) const {
        const auto row = [&](std::size_t i) -> const BatchRow& { return batch.rows[part.rows[i]]; };
        const auto key = [&](std::size_t i) { return kvproto::SplitKey{_plan.key_prefix, row(i).key}; };
        const std::size_t count = part.rows.size();
        if (part.stage != Stage::write) {
            const auto command =
                part.stage == Stage::remove ? kvproto::Command::raw_batch_delete : kvproto::Command::raw_batch_get;
            kvproto::commands::raw_batch_keys(out, command, context, count, key, _options);
        } else if (part.op.kind == OpKind::insert) {
            kvproto::commands::raw_batch_put(
                out, context, count, key, [&](std::size_t i) { return OperationSource::row_size(row(i).op); },
                [&](std::size_t i, char* place) { return _source.write_row(row(i).op, row(i).key, place); }, _options);
        } else {
            std::vector<RowUpdate> changed;
            changed.reserve(count);
            for (std::size_t i = 0; i < count; ++i) {
                changed.emplace_back(row(i).value, row(i).op.values);
            }
            kvproto::commands::raw_batch_put(
                out, context, count, key, [&](std::size_t i) { return changed[i].size(); },
                [&](std::size_t i, char* place) { return write_changed(changed[i], row(i).op, row(i).key, place); },
                _options);
        }
    }

    /// The row that a part's write makes of one that was read.
    [[nodiscard]] std::string changed(const BatchRow& row) const {
        const RowUpdate update(row.value, row.op.values);
        std::string made(update.size(), '\0');
        write_changed(update, row.op, row.key, made.data());
        return made;
    }

    /// How much a row adds to a part's request beside its key, about.
    [[nodiscard]] static std::size_t value_size(const Client& part, const BatchRow& row) noexcept {
        if (part.stage != Stage::write) {
            return 0;
        }
        return row.value.size() + OperationSource::row_size(row.op);
    }

  private:
    void write_put(const Client& client, http2::Buffer& out, std::string_view context,
                   const kvproto::SplitKey& key) const {
        if (client.op.kind == OpKind::insert) {
            const std::size_t size = OperationSource::row_size(client.op);
            _source.write_row(client.op, client.key, kvproto::commands::raw_put(out, context, key, size, _options));
            return;
        }
        const RowUpdate update(client.row, client.op.values);
        char* const place = kvproto::commands::raw_put(out, context, key, update.size(), _options);
        write_changed(update, client.op, client.key, place);
    }

    char* write_changed(const RowUpdate& update, const Operation& op, std::string_view key, char* out) const {
        update.write(out,
                     [&](const ValuePlan& plan, char* place) { return _source.write_value(op, plan, key, place); });
        return out + update.size();
    }

    const Plan& _plan;
    const OperationSource& _source;
    kvproto::RawOptions _options;
};

}  // namespace ycsbpy::engine
