// The engine in a time of its own: when each operation is due, begins and ends, to the nanosecond.
//
// What is to happen is calculated by `expected`, a few lines that know nothing of the engine.
#include "virtual_time.hpp"
// (first, since it is what makes time another)

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <functional>
#include <map>
#include <queue>
#include <string>
#include <tuple>
#include <vector>

#include "check.hpp"
#include "engine/shared.hpp"
#include "engine/worker.hpp"
#include "recording/samples.hpp"
#include "tikv/backoff.hpp"

using namespace ycsbpy;
using namespace ycsbpy::engine;
using virtual_time::DeadPort;
using virtual_time::Stall;
using virtual_time::World;

namespace {

constexpr std::int64_t kUs = 1'000;
constexpr std::int64_t kMs = 1'000'000;
constexpr std::int64_t kSecond = 1'000'000'000;
constexpr std::int64_t kStart = World::kStart;

// ---- what is run

Plan plan_of(std::uint64_t clients, std::uint64_t count, std::uint64_t rate) {
    Plan plan;
    plan.clients = clients;
    plan.connections = 2;
    plan.count = count;
    plan.origin_ns = kStart;
    plan.paced = rate != 0;
    plan.period_numerator = kSecond;
    plan.period_denominator = std::max<std::uint64_t>(rate, 1);
    plan.key_prefix = "usertable:";
    plan.key_end = "usertable;";
    return plan;
}

/// Reads and inserts, half and half: operations of one request, of which some write.
WorkloadSpec workload() {
    WorkloadSpec spec;
    spec.seed = 7;
    spec.recordcount = spec.insertcount = 1000;
    spec.operationcount = 10'000;
    spec.proportions = {0.5, 0, 0.5, 0, 0, 0};
    spec.fieldlength = 10;
    spec.fieldnames = {"field0", "field1"};
    return spec;
}

/// What a run has left behind.
struct Ran {
    std::vector<Sample> samples;  ///< in the order of their intended starts, or of their starts
    HdrCounts service;
    HdrCounts response;
    std::uint64_t begun = 0;
    std::uint64_t recorded = 0;
    std::uint64_t errors = 0;
    std::int64_t worst_lag_ns = 0;
    std::int64_t ended_ns = 0;  ///< when the worker had nothing more to do
    std::vector<ErrorRow> error_rows;
    std::map<std::string, std::uint64_t> attempts;
};

void put_in_order(std::vector<Sample>& samples) {
    std::ranges::sort(samples, {}, [](const Sample& one) {
        return std::tuple(one.intended, one.start, one.end, one.kind, one.outcome);
    });
}

Ran run(World& world, Plan plan, std::vector<Located> answers = {}) {
    SampleQueue queue;
    queue.close();  // it is read afterwards, and holds nobody up
    plan.samples = &queue;
    Shared shared(plan);
    const OperationSource source(workload());
    Worker worker(shared, 0, source, plan.clients, plan.connections);
    world.run(shared, worker, std::move(answers));
    Ran ran;
    ran.ended_ns = world.now_ns();
    ran.begun = worker.begun();
    ran.errors = worker.errors().total();
    ran.error_rows = worker.errors().rows();
    ran.attempts = worker.attempts().counts();
    ran.worst_lag_ns = worker.worst_lag_ns();
    ran.recorded = worker.recorder().recorded();
    worker.recorder().flush_samples();
    for (const SampleQueue::Block& block : queue.take(0)) {
        ran.samples.insert(ran.samples.end(), block.begin(), block.end());
    }
    for (Sample& sample : ran.samples) {
        sample.intended = plan.paced ? sample.intended : 0;
    }
    put_in_order(ran.samples);
    for (std::size_t kind = 0; kind < worker.recorder().kinds(); ++kind) {
        for (std::size_t outcome = 0; outcome < kOutcomes; ++outcome) {
            for (const bool response : {false, true}) {
                if (const auto counts = worker.recorder().take(kind, outcome, response)) {
                    (response ? ran.response : ran.service).add(*counts);
                }
            }
        }
    }
    return ran;
}

// ---- what is to come of it

/// The n-th operation goes to the client that is free first, which begins it when it is due, or late.
std::vector<Sample> expected(const Plan& plan, const Stall& stall = {}, std::int64_t delay_ns = 0) {
    std::vector<Sample> all;
    std::priority_queue<std::int64_t, std::vector<std::int64_t>, std::greater<>> free;
    for (std::uint64_t i = 0; i < plan.clients; ++i) {
        free.push(kStart);
    }
    for (std::uint64_t n = 0; n < plan.count; ++n) {
        Sample sample;
        if (plan.paced) {
            sample.intended = kStart + static_cast<std::int64_t>(n * kSecond / plan.period_denominator);
        }
        sample.start = std::max(sample.intended, free.top());
        free.pop();
        if (plan.deadline_ns >= 0 && sample.start >= plan.deadline_ns) {
            break;
        }
        const std::int64_t answered = stall.after(stall.after(sample.start) + delay_ns);
        sample.end = std::min(answered, sample.start + plan.timeout_ns);
        free.push(sample.end);
        all.push_back(sample);
    }
    return all;
}

/// That the run did just that, and that its own figures say so.
void check_run(const Ran& ran, const Plan& plan, std::vector<Sample> wanted) {
    put_in_order(wanted);
    CHECK(ran.samples.size() == wanted.size());
    std::uint64_t late = 0;
    std::int64_t worst_lag_ns = 0;
    for (std::size_t i = 0; i < wanted.size(); ++i) {
        const Sample& sample = ran.samples[i];
        CHECK(sample.intended == wanted[i].intended);
        CHECK(sample.start == wanted[i].start);
        CHECK(sample.end == wanted[i].end);
        const bool timed_out = sample.end == sample.start + plan.timeout_ns;
        const Outcome lost = sample.kind == static_cast<int>(OpKind::insert) ? Outcome::unknown : Outcome::failed;
        CHECK(sample.outcome == static_cast<int>(timed_out ? lost : Outcome::ok));
        late += timed_out ? 1 : 0;
        worst_lag_ns = std::max(worst_lag_ns, plan.paced ? sample.start - sample.intended : 0);
    }
    CHECK(ran.begun == wanted.size() && ran.recorded == wanted.size() && ran.service.total() == wanted.size());
    CHECK(ran.response.total() == (plan.paced ? wanted.size() : 0));
    CHECK(ran.errors == late);
    CHECK(ran.worst_lag_ns == worst_lag_ns);
    for (const ErrorRow& row : ran.error_rows) {
        CHECK(row.name == "timeout");
    }
}

bool is_about(std::uint64_t counted, double wanted) {
    return std::abs(static_cast<double>(counted) - wanted) <= 0.02 * wanted;
}

// ---- tests

void the_schedule_is_kept_to_the_nanosecond() {
    for (const std::uint64_t clients : {1, 7}) {
        for (const std::uint64_t rate : {1, 3, 1000, 7000, 100'000}) {
            World world;
            const Plan plan = plan_of(clients, std::min<std::uint64_t>(rate * 10, 5000), rate);
            const Ran ran = run(world, plan);
            check_run(ran, plan, expected(plan));
            CHECK(ran.worst_lag_ns == 0 && ran.response.max() == 0);
            CHECK(ran.ended_ns == ran.samples.back().intended);
        }
    }
}

/// 1,000 a second for 10 s, a store that stands still for 2 s: those due meanwhile waited up to 2 s.
void waiting_counts_one_stall(std::uint64_t clients) {
    const Stall stall{kStart + 4 * kSecond, kStart + 6 * kSecond};
    World world(stall);
    const Plan plan = plan_of(clients, 10'000, 1000);
    const Ran ran = run(world, plan);
    for (std::int64_t n = 0; n < 10'000; ++n) {
        CHECK(ran.samples[static_cast<std::size_t>(n)].intended == kStart + n * kMs);
    }
    check_run(ran, plan, expected(plan, stall));
    CHECK(is_about(ran.response.value_at_percentile(90), 1.0 * kSecond));
    CHECK(is_about(ran.response.value_at_percentile(99), 1.9 * kSecond));
    CHECK(ran.response.max() == 2 * kSecond);
    // What leaves the waiting out sees nothing but an operation of each client that took long.
    CHECK(ran.service.value_at_percentile(50) == 0 && ran.service.value_at_percentile(99) == 0);
    CHECK(ran.service.max() == 2 * kSecond);
    CHECK(ran.ended_ns == kStart + 9'999 * kMs);
}

/// One client can do 500 a second: of the 1,000 that are asked for, each waits a millisecond longer than the last.
void too_few_clients_for_the_rate_show_as_waiting() {
    World world({}, {2 * kMs, 0, 0, 0});
    Plan plan = plan_of(1, 100'000, 1000);
    plan.deadline_ns = kStart + 10 * kSecond;
    const Ran ran = run(world, plan);
    check_run(ran, plan, expected(plan, {}, 2 * kMs));
    CHECK(ran.begun == 5000);
    CHECK(ran.response.max() == 5'001 * kMs && ran.service.max() == 2 * kMs);
}

void without_a_target_clients_go_on_at_once() {
    const Stall stall{kStart + 300 * kMs, kStart + 2300 * kMs};
    World world(stall, {250 * kUs, 0, 0, 0});
    Plan plan = plan_of(8, 100'000, 0);
    plan.deadline_ns = kStart + 2800 * kMs;
    const Ran ran = run(world, plan);
    check_run(ran, plan, expected(plan, stall, 250 * kUs));
    CHECK(ran.begun == 8 * (1200 + 2000));
    CHECK(ran.ended_ns == plan.deadline_ns);
}

void a_timeout_is_at_its_time() {
    const Stall stall{kStart + 1 * kSecond, kStart + 3 * kSecond};
    World world(stall);
    Plan plan = plan_of(16, 4000, 1000);
    plan.timeout_ns = 300 * kMs + 1;
    const Ran ran = run(world, plan);
    check_run(ran, plan, expected(plan, stall));
    CHECK(ran.errors == 16 * 6);  // each client six times, and the seventh is answered after the stall
    CHECK(ran.service.max() == static_cast<std::uint64_t>(plan.timeout_ns));
    std::uint64_t unknown = 0;
    for (const ErrorRow& row : ran.error_rows) {
        unknown += row.outcome == static_cast<int>(Outcome::unknown) ? row.count : 0;
    }
    CHECK(unknown > 0 && unknown < ran.errors);
}

/// The pauses of one operation that fails so often, one after the other; their jitter is the first worker's.
std::int64_t pauses_ns(std::uint32_t attempts) {
    SplitMix64 chance(mix64(1), kGolden);
    std::int64_t all = 0;
    for (std::uint32_t number = 1; number <= attempts; ++number) {
        all += tikv::pause_ns(tikv::Pause::region, number, chance.next());
    }
    return all;
}

void attempts_come_after_their_pauses() {
    for (const std::uint32_t failing : {1U, 2U, 6U, 12U}) {
        const DeadPort dead;
        World world;
        std::vector<Located> answers(failing, region(dead.port()));
        answers.push_back(region(world.port()));
        const Ran ran = run(world, plan_of(1, 1, 0), answers);
        CHECK(ran.samples.size() == 1 && ran.errors == 0);
        CHECK(ran.attempts == std::map<std::string, std::uint64_t>{{"store_unreachable", failing}});
        CHECK(ran.samples[0].outcome == static_cast<int>(Outcome::ok));
        CHECK(ran.samples[0].start == kStart);
        CHECK(ran.samples[0].end == kStart + pauses_ns(failing));
        CHECK(ran.ended_ns == ran.samples[0].end);
    }
}

void attempts_end_with_the_time_of_the_operation() {
    const DeadPort dead;
    World world;
    Plan plan = plan_of(1, 1, 0);
    plan.timeout_ns = 1 * kSecond + 1;
    const Ran ran = run(world, plan, {region(dead.port())});
    std::uint32_t attempts = 1;  // as many as fit
    while (pauses_ns(attempts) < plan.timeout_ns) {
        ++attempts;
    }
    CHECK(ran.samples.size() == 1 && ran.error_rows.size() == 1 && ran.error_rows[0].name == "store_unreachable");
    CHECK(ran.attempts == std::map<std::string, std::uint64_t>{{"store_unreachable", attempts}});
    CHECK(ran.samples[0].outcome == static_cast<int>(Outcome::failed));  // nothing ever was sent
    CHECK(ran.samples[0].end == kStart + plan.timeout_ns);
}

void the_time_limit_ends_the_run_at_its_time() {
    for (const std::int64_t limit_ns : {3500 * kMs, 3499 * kMs + 500 * kUs + 1}) {
        World world;
        Plan plan = plan_of(8, kNoCount, 1000);
        plan.deadline_ns = kStart + limit_ns;
        const Ran ran = run(world, plan);
        check_run(ran, plan, expected(plan));
        CHECK(ran.begun == 3500);
        CHECK(ran.ended_ns == plan.deadline_ns);
    }
}

/// What is under way when the time is over is waited for, and nothing else begins.
void operations_under_way_outlive_the_time_limit() {
    const Stall stall{kStart + 3 * kSecond, kStart + 5 * kSecond};
    World world(stall);
    Plan plan = plan_of(4, kNoCount, 1000);
    plan.deadline_ns = kStart + 3500 * kMs;
    const Ran ran = run(world, plan);
    check_run(ran, plan, expected(plan, stall));
    CHECK(ran.begun == 3004);
    CHECK(ran.ended_ns == stall.to);
}

}  // namespace

int main() {
    the_schedule_is_kept_to_the_nanosecond();
    waiting_counts_one_stall(1);
    waiting_counts_one_stall(16);
    too_few_clients_for_the_rate_show_as_waiting();
    without_a_target_clients_go_on_at_once();
    a_timeout_is_at_its_time();
    attempts_come_after_their_pauses();
    attempts_end_with_the_time_of_the_operation();
    the_time_limit_ends_the_run_at_its_time();
    operations_under_way_outlive_the_time_limit();
    std::puts("ok");
    return 0;
}
