// One OS thread of the engine: its clients, connections, Regions and recorder, and the loop that drives them.
//
// A pass: wait; read what came and go on with the operations it answers; take what the control plane says; let time
// pass; write everything that has become ready, one system call a connection. Nothing is shared with other threads but
// the counter of operations. The interpreter is not involved: whoever wants counts asks between passes
// (`between_passes`).
#pragma once

#include <algorithm>
#include <cstdint>
#include <memory>
#include <mutex>
#include <queue>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "engine/batch_parts.hpp"
#include "engine/client.hpp"
#include "engine/command_writer.hpp"
#include "engine/connections.hpp"
#include "engine/error_counts.hpp"
#include "engine/row_check.hpp"
#include "engine/shared.hpp"
#include "engine/store_connection.hpp"
#include "generators/operation_source.hpp"
#include "loop/thread_clock.hpp"
#include "recording/recorder.hpp"
#include "tikv/backoff.hpp"
#include "tikv/region_cache.hpp"
#include "tikv/verdict.hpp"

namespace ycsbpy::engine {

/// What became of a thread's time, in nanoseconds: on a processor, waiting for one, and the rest, in which there was
/// nothing to do.
struct ThreadLoad {
    std::int64_t lived_ns = 0;
    std::int64_t cpu_ns = 0;
    std::int64_t waited_ns = 0;
};

class Worker : private BatchParts<Worker> {
  public:
    using Connection = StoreConnection<Worker>;

    Worker(Shared& shared, std::uint32_t number, const OperationSource& source, std::uint64_t clients,
           std::uint32_t connections)
        : _shared(shared),
          _plan(shared.plan),
          _number(number),
          _source(source),
          _writer(_plan, _source),
          _clients(clients),
          _cache(static_cast<std::uint64_t>(_plan.timeout_ns / 1'000'000), _plan.api_version, _plan.keyspace_id),
          _recorder(_plan.kinds(), kOutcomes, _plan.paced, _plan.samples),
          _chance(SplitMix64{mix64(number + 1), kGolden}),
          _links(*this, _reactor, connections, clients, shared.tls.get()),
          _checks(source.spec().dataintegrity),
          _deletes(source.spec().proportions[static_cast<std::size_t>(OpKind::remove)] > 0) {
        _key_room.resize(source.key_room());
        for (std::size_t i = 0; _plan.batch_size > 1 && i < clients; ++i) {
            _clients[i].batch = std::make_shared<Batch>();
        }
    }
    Worker(const Worker&) = delete;
    Worker& operator=(const Worker&) = delete;

    /// Before the thread runs: what is known of the cluster.
    void know(const Located& located) { take_located(located); }

    /// Run to the end of the phase.
    void run() {
        const std::int64_t began = loop::now_ns();
        const loop::ThreadTimes before = loop::thread_times();
        _reactor.add(_shared.inboxes[_number].fd(), EPOLLIN, kInbox);
        begin_all();
        while (_running != 0) {
            pass();
        }
        _links.close();
        const loop::ThreadTimes after = loop::thread_times();
        const std::lock_guard lock(_counts_mutex);
        _load = {loop::now_ns() - began, after.cpu_ns - before.cpu_ns, after.waited_ns - before.waited_ns};
    }

    // ---- asked from other threads, between passes

    template <class Look>
    void between_passes(Look&& look) {
        const std::lock_guard lock(_counts_mutex);
        look(*this);
    }
    [[nodiscard]] Recorder& recorder() noexcept { return _recorder; }
    [[nodiscard]] const Recorder& recorder() const noexcept { return _recorder; }
    [[nodiscard]] const ErrorCounts& errors() const noexcept { return _errors; }
    [[nodiscard]] const AttemptCounts& attempts() const noexcept { return _attempts; }
    /// Commands given to connections: at least one for each operation that got so far.
    [[nodiscard]] std::uint64_t requests() const noexcept { return _requests; }
    [[nodiscard]] std::uint64_t begun() const noexcept { return _begun; }
    [[nodiscard]] std::uint64_t violations() const noexcept { return _violations; }
    [[nodiscard]] const std::string& violation() const noexcept { return _violation; }
    [[nodiscard]] std::int64_t ended_ns() const noexcept { return _ended_ns; }
    [[nodiscard]] std::int64_t worst_lag_ns() const noexcept { return _worst_lag_ns; }
    /// Of the thread, when it has ended.
    [[nodiscard]] const ThreadLoad& load() const noexcept { return _load; }

    // ---- of a connection

    void answered(std::uint32_t index, const kvproto::Answer& answer, std::int64_t now) {
        Client& client = _clients[index];
        if (answer.command == 0) {
            attempt_failed(client, index, "not_supported", "the store does not know this command",
                           {tikv::Proof::attempt_dead, tikv::Next::give_up}, now);
        } else if (answer.has_region_error) {
            region_error(client, index, answer, now);
        } else if (!answer.error.empty()) {
            const tikv::StoreError error = tikv::store_error(answer.error);
            attempt_failed(client, index, error.name, answer.error, error.verdict, now);
        } else {
            succeeded(client, index, answer, now);
        }
    }

  private:
    friend class BatchParts<Worker>;

    static constexpr std::uint64_t kInbox = ~std::uint64_t{0};
    static constexpr std::size_t kMaxQuestions = 16;

    struct Timer {
        std::int64_t at;
        std::uint32_t client;
        std::uint64_t turn;
        bool operator>(const Timer& other) const noexcept { return at > other.at; }
    };

    // ---- the loop

    /// The first pass: nothing has come, and all clients have something to send.
    void begin_all() {
        const std::lock_guard lock(_counts_mutex);
        _running = _clients.size();
        for (std::uint32_t client = 0, all = static_cast<std::uint32_t>(_clients.size()); client < all; ++client) {
            take(client);
        }
        while (_links.flush()) {
            drain_lost(loop::now_ns());
        }
    }

    void pass() {
        const auto events = _reactor.wait(wake_at());
        const std::lock_guard lock(_counts_mutex);
        for (const epoll_event& event : events) {
            if (event.data.u64 == kInbox) {
                take_inbox();
            } else {
                _links.socket_event(static_cast<std::uint32_t>(event.data.u64), event.events);
            }
        }
        const std::int64_t now = loop::now_ns();
        drain_lost(now);
        run_timers(now);
        while (_links.flush()) {
            drain_lost(now);
        }
    }

    [[nodiscard]] std::int64_t wake_at() const noexcept {
        std::int64_t at = _timers.empty() ? -1 : _timers.top().at;
        const auto earlier = [&at](std::int64_t other) { at = at < 0 ? other : std::min(at, other); };
        if (_oldest != kNoClient) {
            earlier(_clients[_oldest].deadline_ns);
        }
        if (_plan.deadline_ns >= 0 && _waiting_due != 0) {
            earlier(_plan.deadline_ns);
        }
        return at;
    }

    // ---- time

    void run_timers(std::int64_t now) {
        const bool forced = _shared.stop.load(std::memory_order_relaxed) == static_cast<int>(Stop::at_once);
        const bool stopped = _shared.stop.load(std::memory_order_relaxed) != 0 || is_past_deadline(now);
        if (stopped && !_told_stop) {
            _told_stop = true;
            end_waiting();
        }
        if (forced && !_told_forced) {
            _told_forced = true;
            give_everything_up(now);
        }
        while (!_timers.empty() && _timers.top().at <= now) {
            const Timer timer = _timers.top();
            _timers.pop();
            Client& client = _clients[timer.client];
            if (client.turn != timer.turn) {
                continue;
            }
            if (client.wait == Wait::due) {
                --_waiting_due;
                begin(timer.client, now);
            } else if (client.wait == Wait::pause && client.deadline_ns > now) {  // else its time is over, see below
                issue(timer.client);
            }
        }
        while (_oldest != kNoClient && _clients[_oldest].deadline_ns <= now) {
            timed_out(_oldest, now);
        }
    }

    // Operations under way in the order in which they began, which is that of their deadlines.

    void enlist(std::uint32_t index) noexcept {
        Client& client = _clients[index];
        client.older = _youngest;
        client.younger = kNoClient;
        (_youngest == kNoClient ? _oldest : _clients[_youngest].younger) = index;
        _youngest = index;
    }

    void delist(std::uint32_t index) noexcept {
        const Client& client = _clients[index];
        (client.older == kNoClient ? _oldest : _clients[client.older].younger) = client.younger;
        (client.younger == kNoClient ? _youngest : _clients[client.younger].older) = client.older;
    }

    [[nodiscard]] bool is_past_deadline(std::int64_t now) { return _plan.deadline_ns >= 0 && now >= _plan.deadline_ns; }

    void set_timer(Client& client, std::uint32_t index, std::int64_t at, Wait wait) {
        client.wait = wait;
        _timers.push({at, index, ++client.turn});
    }

    /// Clients whose operation is not due yet begin nothing any more.
    void end_waiting() {
        for (std::uint32_t index = 0; index < _clients.size(); ++index) {
            if (_clients[index].wait == Wait::due) {
                --_waiting_due;
                never_begun(_clients[index]);
            }
        }
    }

    void give_everything_up(std::int64_t now) {
        for (std::uint32_t index = 0; index < _clients.size(); ++index) {
            Client& client = _clients[index];
            if (client.wait != Wait::nothing && client.wait != Wait::due && client.wait != Wait::parts) {
                abandon_attempt(client);
                finish(client, index, outcome_without_answer(client), "interrupted", {}, now);
            }
        }
    }

    void timed_out(std::uint32_t index, std::int64_t now) {
        Client& client = _clients[index];
        if (client.wait == Wait::parts) {
            for (const std::uint32_t part : std::vector(client.batch->parts)) {
                timed_out(part, now);
            }
            return;
        }
        const bool in_flight = client.wait == Wait::answer;
        abandon_attempt(client);
        const std::string_view name = in_flight || client.last_error.empty() ? "timeout" : client.last_error;
        const std::string detail = in_flight || client.last_error.empty() ? std::string() : client.last_detail;
        finish(client, index, outcome_without_answer(client), name, detail, now);
    }

    /// Nobody waits for an answer any more; whether a write that is in flight takes effect will not be known.
    void abandon_attempt(Client& client) {
        if (client.wait == Wait::answer) {
            _links.at(client.connection).orphan(client.slot);
            client.uncertain = client.uncertain || client.writes();
        }
    }

    [[nodiscard]] static Outcome outcome_without_answer(const Client& client) noexcept {
        return client.writes() && client.uncertain ? Outcome::unknown : Outcome::failed;
    }

    // ---- operations begin

    void take(std::uint32_t index) {
        Client& client = _clients[index];
        const std::uint64_t number = _shared.take();
        if (number == kNoCount) {
            client.wait = Wait::nothing;
            --_running;
            return;
        }
        draw(client, number);
        if (!_plan.paced) {
            begin(index, loop::now_ns());
            return;
        }
        client.intended_ns = _shared.due_ns(number);
        const std::int64_t now = loop::now_ns();
        if (client.intended_ns <= now) {
            begin(index, now);
        } else {
            ++_waiting_due;
            set_timer(client, index, client.intended_ns, Wait::due);
        }
    }

    void begin(std::uint32_t index, std::int64_t now) {
        Client& client = _clients[index];
        if (_shared.stop.load(std::memory_order_relaxed) != 0 || is_past_deadline(now)) {
            never_begun(client);
            return;
        }
        ++_begun;
        client.start_ns = now;
        if (_plan.paced) {
            _worst_lag_ns = std::max(_worst_lag_ns, now - client.intended_ns);
        }
        client.deadline_ns = now + _plan.timeout_ns;
        enlist(index);
        if (client.batch != nullptr) {
            begin_parts(client, index);
            return;
        }
        make_fresh(client);
        client.key.assign(_key_room.data(), _source.write_key(client.op.record, _key_room.data()));
        client.stage = first_stage(client.op.kind);
        if (client.stage == Stage::scan) {
            client.key.insert(0, _plan.key_prefix);
        }
        issue(index);
    }

    static void make_fresh(Client& client) {
        client.uncertain = false;
        client.attempts = 0;
        client.scanned = 0;
        client.last_error = {};
        client.last_detail.clear();
    }

    [[nodiscard]] static Stage first_stage(OpKind kind) noexcept {
        static constexpr Stage kFirst[kOpKinds] = {Stage::read, Stage::read_for_update, Stage::write, Stage::scan,
                                                   Stage::read, Stage::remove};
        return kFirst[static_cast<std::size_t>(kind)];
    }

    void never_begun(Client& client) {
        acknowledge_all(client, Outcome::failed);
        client.wait = Wait::nothing;
        ++client.turn;
        --_running;
    }

    /// Tell the key choosers what became of an insert.
    void acknowledge(const Operation& op, bool is_there) {
        if (op.kind == OpKind::insert && _plan.domain != Domain::load) {
            _source.keys().acknowledge(op.record, is_there);
        }
    }

    /// Of a batch, each row by itself where the whole was begun.
    void acknowledge_all(const Client& client, Outcome outcome) {
        if (client.batch == nullptr) {
            acknowledge(client.op, outcome == Outcome::ok);
            return;
        }
        for (std::size_t i = 0; i < client.batch->count; ++i) {
            const BatchRow& row = client.batch->rows[i];
            acknowledge(row.op, outcome != Outcome::failed && row.outcome == Outcome::ok);
        }
    }

    // ---- requests

    [[nodiscard]] std::string_view whole_key(const Client& client) {
        if (client.stage == Stage::scan) {
            return client.key;
        }
        _whole_key.assign(_plan.key_prefix).append(client.key);
        return _whole_key;
    }

    /// Send the client's request to where its key is, or find out where that is.
    void issue(std::uint32_t index) {
        while (index != kNoClient) {
            index = issue_one(index);
        }
    }

    /// Returns the part of a batch that had to be cut off and is to be sent next.
    [[nodiscard]] std::uint32_t issue_one(std::uint32_t index) {
        Client& client = _clients[index];
        const std::string_view key = whole_key(client);
        const tikv::CachedRegion* const entry = _cache.find(key);
        if (entry == nullptr || _cache.address(entry->leader.store_id) == nullptr) {
            client.wait = Wait::region;
            ++client.turn;
            ask(key);
            return kNoClient;
        }
        const std::uint32_t rest = client.is_part() ? cut_part(client, entry->region) : kNoClient;
        const std::uint64_t store_id = entry->leader.store_id;
        const std::uint32_t number = _links.connection_to(store_id, *_cache.address(store_id));
        client.region_id = entry->region.id;
        client.store_id = entry->leader.store_id;
        client.connection = number;
        ++client.attempts;
        ++_requests;
        client.wait = Wait::answer;
        ++client.turn;
        http2::Buffer& commands = _links.at(number).command(index, client.slot, _plan.batch_limit);
        _links.mark_dirty(number);
        if (client.is_part()) {
            _writer.write_part(client, batch_of(client), commands, entry->context);
        } else {
            _writer.write(client, commands, entry->context);
        }
        return rest;
    }

    // ---- connections

    void drain_lost(std::int64_t now) {
        while (const std::unique_ptr<Connection> connection = _links.take_lost()) {
            _cache.invalidate_store(connection->store_id());
            const bool never_there = !connection->was_open();
            std::vector<std::pair<std::uint32_t, bool>> waiting;
            connection->drain([&](std::uint32_t client, bool unsent) { waiting.emplace_back(client, unsent); });
            for (const auto& [index, unsent] : waiting) {
                const tikv::Proof proof = unsent || never_there ? tikv::Proof::attempt_dead : tikv::Proof::nothing;
                attempt_failed(_clients[index], index, never_there ? connection->reason() : "connection_lost",
                               connection->detail(), {proof, tikv::Next::relocate}, now);
            }
        }
    }

    // ---- the control plane

    void ask(std::string_view key) {
        if (_asked.size() >= kMaxQuestions || _asked.contains(key)) {
            return;  // asked again when an answer comes and the key is still not known
        }
        _asked.emplace(key);
        _shared.questions.ask(_number, std::string(key));
    }

    void take_inbox() {
        const std::int64_t now = loop::now_ns();
        for (const Located& located : _shared.inboxes[_number].take()) {
            _asked.erase(located.key);
            if (located.found) {
                take_located(located);
                continue;
            }
            for (std::uint32_t index = 0; index < _clients.size(); ++index) {
                Client& client = _clients[index];
                if (client.wait == Wait::region && whole_key(client) == located.key) {
                    attempt_failed(client, index, "no_region", located.problem,
                                   {tikv::Proof::attempt_dead, tikv::Next::pause}, now);
                }
            }
        }
        for (std::uint32_t index = 0; index < _clients.size(); ++index) {
            if (_clients[index].wait == Wait::region) {
                issue(index);
            }
        }
    }

    void take_located(const Located& located) {
        for (const auto& [store_id, address] : located.addresses) {
            _cache.set_address(store_id, address);
        }
        _cache.insert(located.region, located.leader);
    }

    // ---- answers

    void region_error(Client& client, std::uint32_t index, const kvproto::Answer& answer, std::int64_t now) {
        kvproto::RegionError error;
        if (!kvproto::read_region_error(answer.region_error, error)) {
            attempt_failed(client, index, "region_error", "it cannot be read",
                           {tikv::Proof::nothing, tikv::Next::relocate}, now);
            return;
        }
        tikv::Verdict verdict = tikv::judge(error.kind);
        if (verdict.next == tikv::Next::at_once && !learn(client, error)) {
            verdict.next = tikv::Next::relocate;
        }
        attempt_failed(client, index, kvproto::kRegionErrorNames[static_cast<std::size_t>(error.kind)], error.message,
                       verdict, now, error.backoff_ms);
    }

    /// Take what an error says over into the cache. False where it says too little to go on at once.
    bool learn(const Client& client, kvproto::RegionError& error) {
        if (error.kind == kvproto::RegionErrorKind::not_leader) {
            return error.leader.id != 0 && client.attempts < kQuickAttempts &&
                   _cache.set_leader(whole_key(client), client.region_id, error.leader);
        }
        bool learnt = false;
        for (kvproto::Region& region : error.current) {
            const kvproto::Peer* const here = region.peer_on(client.store_id);
            if (here != nullptr) {
                const kvproto::Peer leader = *here;
                learnt = _cache.learn(std::move(region), leader) || learnt;
            }
        }
        return learnt && client.attempts < kQuickAttempts;
    }

    void attempt_failed(Client& client, std::uint32_t index, std::string_view name, std::string_view detail,
                        tikv::Verdict verdict, std::int64_t now, std::uint64_t named_ms = 0) {
        _attempts.add(name);
        client.last_error = name;
        client.last_detail = detail;
        if (client.writes() && verdict.proof == tikv::Proof::nothing) {
            client.uncertain = true;
        }
        const bool may_repeat =
            !client.writes() || !client.uncertain || (_plan.repeats_writes && client.op.kind == OpKind::insert);
        if (verdict.next == tikv::Next::give_up || !may_repeat) {
            const bool certain = !client.writes() || !client.uncertain || verdict.proof == tikv::Proof::request_refused;
            finish(client, index, certain ? Outcome::failed : Outcome::unknown, name, detail, now);
            return;
        }
        if (verdict.next == tikv::Next::at_once) {
            issue(index);
            return;
        }
        if (verdict.next == tikv::Next::relocate) {
            _cache.invalidate(whole_key(client), client.region_id);
        }
        const std::uint32_t number = std::max<std::uint32_t>(client.attempts, 1);
        const std::int64_t pause = verdict.next == tikv::Next::long_pause
                                       ? tikv::busy_pause_ns(named_ms, number, _chance.next())
                                       : tikv::pause_ns(tikv::Pause::region, number, _chance.next());
        set_timer(client, index, std::min(now + pause, client.deadline_ns), Wait::pause);
    }

    void succeeded(Client& client, std::uint32_t index, const kvproto::Answer& answer, std::int64_t now) {
        if (client.is_part() && !client.writes()) {
            return part_read(client, index, answer, now);
        }
        switch (client.stage) {
            case Stage::read:
            case Stage::read_for_update:
                return read_done(client, index, answer, now);
            case Stage::scan:
                return scan_done(client, index, answer, now);
            default:
                return finish(client, index, Outcome::ok, {}, {}, now);
        }
    }

    void read_done(Client& client, std::uint32_t index, const kvproto::Answer& answer, std::int64_t now) {
        if (answer.not_found) {
            if (_checks && client.stage == Stage::read && !_deletes) {
                return wrong_data(client, index, "the record is missing", now);
            }
            return finish(client, index, Outcome::not_found, {}, {}, now);
        }
        if (const std::string problem = row_problem(answer.value); !problem.empty()) {
            return finish(client, index, Outcome::failed, "bad_row", problem, now);
        }
        if (client.stage == Stage::read) {
            if (_checks) {
                if (const std::string problem =
                        difference(_source.spec(), client.key, client.op.read_field, answer.value);
                    !problem.empty()) {
                    return wrong_data(client, index, problem, now);
                }
            }
            if (client.op.kind == OpKind::read) {
                return finish(client, index, Outcome::ok, {}, {}, now);
            }
            next_stage(client, index, Stage::read_for_update);
            return;
        }
        client.row = answer.value;
        next_stage(client, index, Stage::write);
    }

    void next_stage(Client& client, std::uint32_t index, Stage stage) {
        client.stage = stage;
        client.attempts = 0;
        issue(index);
    }

    void scan_done(Client& client, std::uint32_t index, const kvproto::Answer& answer, std::int64_t now) {
        std::string problem;
        std::uint64_t rows = 0;
        const bool good = kvproto::each_pair(answer, [&](const kvproto::Pair& pair) {
            ++rows;
            if (pair.has_error) {
                problem = "the store could not read a row";
            } else if (problem.empty()) {
                problem = row_problem(pair.value);
            }
        });
        if (!good || !problem.empty()) {
            return finish(client, index, Outcome::failed, "bad_row", good ? problem : "the answer cannot be read", now);
        }
        client.scanned += rows;
        if (client.scanned >= client.op.scan_length) {
            return finish(client, index, Outcome::ok, {}, {}, now);
        }
        const tikv::CachedRegion* const entry = _cache.find(client.key);
        if (entry == nullptr || entry->region.id != client.region_id) {
            // The Region has changed while its answer was on the way: begin anew, or rows could be missed or come
            // twice.
            client.scanned = 0;
            client.key.assign(_plan.key_prefix);
            client.key.append(_key_room.data(), _source.write_key(client.op.record, _key_room.data()));
            return issue(index);
        }
        const std::string& end = entry->region.end;
        if (end.empty() || end >= _plan.key_end) {
            return finish(client, index, Outcome::ok, {}, {}, now);
        }
        client.key = end;
        next_stage(client, index, Stage::scan);
    }

    void wrong_data(Client& client, std::uint32_t index, const std::string& problem, std::int64_t now) {
        finish(client, index, Outcome::failed, "wrong_data", note_violation(client.key, problem), now);
    }

    std::string note_violation(std::string_view key, std::string_view problem) {
        const std::string detail = std::string(key).append(": ").append(problem);
        if (_violations++ == 0) {
            _violation = detail;
        }
        return detail;
    }

    void finish(Client& client, std::uint32_t index, Outcome outcome, std::string_view error, std::string_view detail,
                std::int64_t now) {
        if (client.is_part()) {
            part_done(client, index, outcome, error, detail, now);
            return;
        }
        const std::uint8_t kind = _plan.recorded_as[static_cast<std::size_t>(client.op.kind)];
        _recorder.record(kind, static_cast<std::size_t>(outcome), client.intended_ns, client.start_ns, now);
        _ended_ns = now;
        delist(index);
        if (outcome == Outcome::failed || outcome == Outcome::unknown) {
            _errors.add(kind, static_cast<int>(outcome), error, detail);
        }
        acknowledge_all(client, outcome);
        client.wait = Wait::nothing;
        ++client.turn;
        take(index);
    }

    static constexpr std::uint32_t kQuickAttempts = 8;

    Shared& _shared;
    const Plan& _plan;
    std::uint32_t _number;
    OperationSource _source;
    CommandWriter _writer;
    Clients _clients;  ///< and, behind them, parts of batches
    std::uint64_t _running = 0;
    tikv::RegionCache _cache;
    loop::Reactor _reactor;
    std::mutex _counts_mutex;
    Recorder _recorder;
    SplitMix64 _chance;
    Connections<Worker> _links;
    std::vector<char> _key_room;
    std::string _whole_key;
    bool _checks;
    bool _deletes;
    std::set<std::string, std::less<>> _asked;
    std::priority_queue<Timer, std::vector<Timer>, std::greater<>> _timers;
    std::uint32_t _oldest = kNoClient;
    std::uint32_t _youngest = kNoClient;
    std::uint64_t _waiting_due = 0;
    bool _told_stop = false;
    bool _told_forced = false;
    ErrorCounts _errors;
    AttemptCounts _attempts;
    std::uint64_t _requests = 0;
    std::uint64_t _begun = 0;
    std::uint64_t _violations = 0;
    std::string _violation;
    std::int64_t _ended_ns = 0;
    std::int64_t _worst_lag_ns = 0;
    ThreadLoad _load;
};

}  // namespace ycsbpy::engine
