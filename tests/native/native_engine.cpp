// The engine with several threads against null stores in the same process, asked for its counts all the while: a test
// for sanitizers, of memory and of threads.
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <atomic>
#include <cstdio>
#include <string>
#include <thread>

#include "check.hpp"
#include "engine/engine.hpp"
#include "engine_kit.hpp"
#include "loop/reactor.hpp"
#include "nullstore/null_stores.hpp"

using namespace ycsbpy;
using namespace ycsbpy::engine;

namespace {

std::atomic<std::uint64_t> writes{0};  ///< system calls of all threads but the stores'
thread_local bool is_store = false;

}  // namespace

/// In the C library's place: the engine writes by nothing else.
extern "C" ssize_t sendmsg(int fd, const msghdr* message, int flags) {
    writes.fetch_add(is_store ? 0 : 1, std::memory_order_relaxed);
    return syscall(SYS_sendmsg, fd, message, flags);
}

namespace {

constexpr std::uint64_t kRecords = 1000;

WorkloadSpec workload() {
    WorkloadSpec spec;
    spec.seed = 7;
    spec.recordcount = spec.insertcount = kRecords;
    spec.operationcount = 20'000;
    spec.requestdistribution = RequestDistribution::latest;
    spec.proportions = {0.4, 0.3, 0.1, 0.1, 0.1, 0};
    spec.maxscanlength = 10;
    spec.fieldlength = 10;
    spec.fieldnames = {"field0", "field1"};
    return spec;
}

Plan plan_of(std::uint64_t count) {
    Plan plan;
    plan.threads = 3;
    plan.clients = 24;
    plan.connections = 6;
    plan.count = count;
    plan.origin_ns = loop::now_ns();
    plan.key_prefix = "usertable:";
    plan.key_end = "usertable;";
    return plan;
}

struct Outcomes {
    Totals totals;
    std::uint64_t moved = 0;
};

/// Run the plan, with one thread that answers questions and one that keeps asking for counts. `disturb(engine)` is
/// called once, while it runs.
template <class Disturb>
Outcomes run(const Plan& plan, const Located& where, Disturb&& disturb, const WorkloadSpec& spec = workload()) {
    const OperationSource source(spec);
    Engine engine(plan, source);
    Outcomes outcomes;
    Recorder all(kOpKinds, kOutcomes, plan.paced);
    engine.start();
    std::thread guide([&] {
        while (engine.is_running()) {
            for (auto& [thread, key] : engine.questions(10'000'000)) {
                Located answer = where;
                answer.key = key;
                engine.answer(thread, answer);
            }
        }
    });
    disturb(engine);
    while (engine.is_running()) {
        static_cast<void>(engine.totals());
        static_cast<void>(engine.attempts());
        static_cast<void>(engine.errors());
        engine.merge_into(all);
        std::this_thread::yield();
    }
    engine.join();
    guide.join();
    engine.merge_into(all);
    outcomes.totals = engine.totals();
    outcomes.moved = all.recorded();
    CHECK(engine.broken().empty());
    for (const ThreadLoad& load : engine.loads()) {
        CHECK(load.lived_ns > 0 && load.cpu_ns > 0);
    }
    return outcomes;
}

void all_operations_are_done_once() {
    nullstore::NullStores stores(1, row_of_two());
    std::thread server([&] { stores.run(); });
    constexpr std::uint64_t kCount = 20'000;
    const Outcomes done = run(plan_of(kCount), region(stores.ports()[0]), [](Engine&) {});
    CHECK(done.totals.begun == kCount && done.totals.errors == 0 && done.totals.violations == 0);
    CHECK(done.moved == kCount);
    CHECK(done.totals.requests >= kCount);
    stores.stop();
    server.join();
}

/// What is ready in a pass goes out as one message of one batch and in one system call for a connection, with whatever
/// HTTP/2 has to say beside: its preface and answers to settings, a few of them at the start.
void a_pass_is_one_message_and_one_write() {
    nullstore::NullStores stores(1, row_of_two());
    std::thread server([&] {
        is_store = true;
        stores.run();
    });
    constexpr std::uint64_t kCount = 20'000;
    constexpr std::uint64_t kGreetings = 8;
    const std::uint64_t before = writes.load();
    const Outcomes done = run(plan_of(kCount), region(stores.ports()[0]), [](Engine&) {});
    const std::uint64_t made = writes.load() - before;
    stores.stop();
    server.join();
    const nullstore::Counts counts = stores.counts();
    CHECK(done.totals.begun == kCount && counts.commands >= kCount);
    CHECK(made >= counts.batches);
    CHECK(made <= counts.batches + kGreetings * counts.connections);
    CHECK(counts.commands >= 4 * counts.batches);  // of the eight that a thread's clients could make
}

void batches_are_done_once(std::uint64_t drop_after) {
    nullstore::NullStores stores(1, row_of_two(), drop_after);
    std::thread server([&] { stores.run(); });
    Plan plan = plan_of(9'999);
    plan.batch_size = 700;  // more than one request carries
    WorkloadSpec spec = workload();
    spec.proportions = {0.4, 0.3, 0.1, 0, 0.1, 0.1};
    const Outcomes done = run(plan, region(stores.ports()[0]), [](Engine&) {}, spec);
    CHECK(done.totals.begun == 15 && done.moved == 15);
    CHECK(done.totals.requests > 15);  // rows of one key share a request, so how many more is a matter of timing
    CHECK(drop_after != 0 || done.totals.errors == 0);
    stores.stop();
    server.join();
}

void connections_that_are_lost_lose_no_operation() {
    nullstore::NullStores stores(1, row_of_two(), 40);
    std::thread server([&] { stores.run(); });
    constexpr std::uint64_t kCount = 3'000;
    const Outcomes done = run(plan_of(kCount), region(stores.ports()[0]), [](Engine&) {});
    CHECK(done.totals.begun == kCount && done.moved == kCount);
    CHECK(stores.counts().connections > 20);
    stores.stop();
    server.join();
}

void a_stop_from_outside_ends_it(bool at_once) {
    nullstore::NullStores stores(1, row_of_two());
    std::thread server([&] { stores.run(); });
    const Outcomes done = run(plan_of(kNoCount), region(stores.ports()[0]), [&](Engine& engine) {
        while (engine.totals().begun < 1000) {
            std::this_thread::yield();
        }
        engine.stop(at_once);
    });
    CHECK(done.totals.begun >= 1000 && done.moved == done.totals.begun);
    stores.stop();
    server.join();
}

}  // namespace

int main() {
    all_operations_are_done_once();
    a_pass_is_one_message_and_one_write();
    batches_are_done_once(0);
    batches_are_done_once(8);
    connections_that_are_lost_lose_no_operation();
    a_stop_from_outside_ends_it(false);
    a_stop_from_outside_ends_it(true);
    std::puts("ok");
    return 0;
}
