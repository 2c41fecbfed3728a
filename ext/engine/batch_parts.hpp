// A worker's batches: drawing them, cutting them into parts, and what the parts' answers mean.
//
// A part is a client of the worker's like any other: it waits, fails, is tried again and finds its Region by the same
// rules; only what it sends and what its answer means is here. Its owner's operation ends with the last of its parts.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <numeric>
#include <string>
#include <string_view>
#include <vector>

#include "engine/batch.hpp"
#include "engine/client.hpp"
#include "engine/command_writer.hpp"
#include "engine/row_check.hpp"
#include "kvproto/answers.hpp"

namespace ycsbpy::engine {

/// A base of `Worker`, which it belongs to.
template <class Worker>
class BatchParts {
  protected:
    /// Decide the operation; of a batch, all its rows, as what the first one is.
    void draw(Client& client, std::uint64_t number) {
        if (client.batch == nullptr) {
            self()._source.draw(self()._plan.domain, number, client.op);
            return;
        }
        Batch& batch = *client.batch;
        const std::uint64_t first = number * self()._plan.batch_size;
        batch.begin(static_cast<std::size_t>(std::min(self()._plan.batch_size, self()._plan.count - first)));
        self()._source.draw(self()._plan.domain, first, batch.rows[0].op);
        client.op = batch.rows[0].op;
        for (std::size_t i = 0; i < batch.count; ++i) {
            BatchRow& row = batch.rows[i];
            if (i != 0) {
                self()._source.draw_as(client.op.kind, self()._plan.domain, first + i, row.op);
            }
            row.key.assign(self()._key_room.data(), self()._source.write_key(row.op.record, self()._key_room.data()));
        }
        batch.sort();
    }

    [[nodiscard]] Batch& batch_of(const Client& part) { return *self()._clients[part.owner].batch; }

    /// One part with all rows, which is cut when it is sent.
    void begin_parts(Client& client, std::uint32_t index) {
        client.wait = Wait::parts;
        ++client.turn;
        const std::uint32_t number = new_part(client, index);
        Client& part = self()._clients[number];
        part.stage = self().first_stage(client.op.kind);
        part.rows.resize(client.batch->count);
        std::iota(part.rows.begin(), part.rows.end(), 0U);
        part.key = client.batch->rows[0].key;
        self().issue(number);
    }

    [[nodiscard]] std::uint32_t new_part(const Client& owner, std::uint32_t index) {
        std::uint32_t number = static_cast<std::uint32_t>(self()._clients.size());
        if (_free_parts.empty()) {
            self()._clients.add();
        } else {
            number = _free_parts.back();
            _free_parts.pop_back();
        }
        Client& part = self()._clients[number];
        self().make_fresh(part);
        part.owner = index;
        part.op.kind = owner.op.kind;
        part.op.number = owner.op.number;
        part.deadline_ns = owner.deadline_ns;
        owner.batch->parts.push_back(number);
        return number;
    }

    /// Leave to a part what one request to the Region can carry; the rest becomes a part of its own.
    [[nodiscard]] std::uint32_t cut_part(Client& part, const kvproto::Region& region) {
        const Batch& batch = batch_of(part);
        const std::size_t stay =
            rows_that_fit(batch, part.rows, self()._plan.key_prefix, region,
                          [&](const BatchRow& row) { return CommandWriter::value_size(part, row); });
        if (stay == part.rows.size()) {
            return kNoClient;
        }
        const std::uint32_t number = new_part(self()._clients[part.owner], part.owner);
        Client& rest = self()._clients[number];
        rest.stage = part.stage;
        rest.uncertain = part.uncertain;
        rest.rows.assign(part.rows.begin() + static_cast<std::ptrdiff_t>(stay), part.rows.end());
        rest.key = batch.rows[rest.rows.front()].key;
        part.rows.resize(stay);
        return number;
    }

    /// What a part read: its rows are looked at, and those that are there go on.
    void part_read(Client& part, std::uint32_t index, const kvproto::Answer& answer, std::int64_t now) {
        Batch& batch = batch_of(part);
        FoundValues found;
        if (!found.read(answer)) {
            return self().finish(part, index, Outcome::failed, "bad_row", "the answer cannot be read", now);
        }
        std::string whole;
        std::erase_if(part.rows, [&](std::uint32_t number) {
            BatchRow& row = batch.rows[number];
            const std::string_view* const value = found.find(whole.assign(self()._plan.key_prefix).append(row.key));
            return !row_read(part, batch, number, value);
        });
        if (part.rows.empty() || part.op.kind == OpKind::read) {
            return self().finish(part, index, Outcome::ok, {}, {}, now);
        }
        part.key = batch.rows[part.rows.front()].key;
        if (part.stage == Stage::read_for_update) {
            chain(part, batch);
        }
        self().next_stage(part, index, part.stage == Stage::read ? Stage::read_for_update : Stage::write);
    }

    /// Where several rows of a part change one record, each begins with what the one before it makes.
    void chain(const Client& part, Batch& batch) {
        for (std::size_t i = 1; i < part.rows.size(); ++i) {
            BatchRow& row = batch.rows[part.rows[i]];
            const BatchRow& before = batch.rows[part.rows[i - 1]];
            if (row.key == before.key) {
                row.value = self()._writer.changed(before);
            }
        }
    }

    /// False where nothing more is to be done with the row, since its outcome is known.
    bool row_read(const Client& part, Batch& batch, std::uint32_t number, const std::string_view* value) {
        BatchRow& row = batch.rows[number];
        const bool checks = self()._checks && part.stage == Stage::read;
        if (value == nullptr) {
            const bool wrong = checks && !self()._deletes;
            batch.settle({number}, wrong ? Outcome::failed : Outcome::not_found, wrong ? "wrong_data" : "",
                         wrong ? self().note_violation(row.key, "the record is missing") : std::string());
            return false;
        }
        if (const std::string problem = row_problem(*value); !problem.empty()) {
            batch.settle({number}, Outcome::failed, "bad_row", problem);
            return false;
        }
        if (checks) {
            if (const std::string problem = difference(self()._source.spec(), row.key, row.op.read_field, *value);
                !problem.empty()) {
                batch.settle({number}, Outcome::failed, "wrong_data", self().note_violation(row.key, problem));
                return false;
            }
        }
        if (part.stage == Stage::read_for_update) {
            row.value = *value;
        }
        return true;
    }

    void part_done(Client& part, std::uint32_t index, Outcome outcome, std::string_view error, std::string_view detail,
                   std::int64_t now) {
        Client& owner = self()._clients[part.owner];
        Batch& batch = *owner.batch;
        batch.settle(part.rows, outcome, error, detail);
        part.wait = Wait::nothing;
        ++part.turn;
        _free_parts.push_back(index);
        std::erase(batch.parts, index);
        if (batch.parts.empty()) {
            const bool is_write = owner.op.kind != OpKind::read;
            self().finish(owner, part.owner, batch.outcome(is_write), batch.error, batch.detail, now);
        }
    }

  private:
    [[nodiscard]] Worker& self() noexcept { return static_cast<Worker&>(*this); }

    std::vector<std::uint32_t> _free_parts;
};

}  // namespace ycsbpy::engine
