// One phase: the threads, and what is asked of them from outside.
#pragma once

#include <exception>
#include <map>
#include <memory>
#include <stdexcept>
#include <string>
#include <system_error>
#include <thread>
#include <utility>
#include <vector>

#include "engine/shared.hpp"
#include "engine/worker.hpp"

namespace ycsbpy::engine {

/// What the threads have done so far, together.
struct Totals {
    std::uint64_t begun = 0;
    std::uint64_t requests = 0;
    std::uint64_t recorded = 0;
    std::uint64_t errors = 0;
    std::uint64_t violations = 0;
    std::string violation;
    std::int64_t ended_ns = 0;
    std::int64_t worst_lag_ns = 0;
};

class Engine {
  public:
    /// Throws std::invalid_argument for a plan that contradicts itself or the workload.
    Engine(Plan plan, const OperationSource& source) : _shared(fitted(std::move(plan))) {
        const Plan& p = _shared.plan;
        if (p.batch_size == 0) {
            throw std::invalid_argument("batch_size: an operation has one row at the least");
        }
        if (p.batch_size > 1 && source.spec().proportions[static_cast<std::size_t>(OpKind::scan)] > 0) {
            throw std::invalid_argument("batch_size: a scan is one request by itself; it cannot be part of a batch");
        }
        for (std::uint32_t i = 0; i < p.threads; ++i) {
            const std::uint64_t clients = share(p.clients, p.threads, i);
            const auto connections =
                static_cast<std::uint32_t>(std::max<std::uint64_t>(1, share(p.connections, p.threads, i)));
            _workers.push_back(std::make_unique<Worker>(_shared, i, source, clients, connections));
        }
    }
    Engine(const Engine&) = delete;
    Engine& operator=(const Engine&) = delete;
    ~Engine() {
        _shared.request_stop(Stop::at_once);
        join();
    }

    /// What is known of the cluster before the start.
    void know(const Located& located) {
        for (const auto& worker : _workers) {
            worker->know(located);
        }
    }

    void start() {
        _shared.running.store(static_cast<std::uint32_t>(_workers.size()));
        for (const auto& worker : _workers) {
            _threads.emplace_back([this, &one = *worker] {
                try {
                    one.run();
                } catch (const std::exception& error) {
                    const std::lock_guard lock(_broken_mutex);
                    _broken = error.what();
                    _shared.request_stop(Stop::at_once);
                }
                if (_shared.running.fetch_sub(1) == 1) {
                    _shared.questions.close();
                }
            });
        }
    }

    [[nodiscard]] bool is_running() const noexcept { return _shared.running.load() != 0; }
    void stop(bool at_once) noexcept { _shared.request_stop(at_once ? Stop::at_once : Stop::gently); }

    /// Questions of the threads, waiting for the first so long; none, at once, when the phase is over.
    [[nodiscard]] std::vector<Questions::Question> questions(std::int64_t wait_ns) {
        return _shared.questions.take(wait_ns);
    }
    void answer(std::uint32_t thread, const Located& located) {
        if (thread < _shared.inboxes.size()) {
            _shared.inboxes[thread].put(located);
        }
    }

    void join() {
        for (std::thread& thread : _threads) {
            if (thread.joinable()) {
                thread.join();
            }
        }
    }

    [[nodiscard]] Totals totals() {
        Totals all;
        for (const auto& worker : _workers) {
            worker->between_passes([&](const Worker& one) {
                all.begun += one.begun();
                all.requests += one.requests();
                all.recorded += one.recorder().recorded();
                all.errors += one.errors().total();
                if (all.violations == 0) {
                    all.violation = one.violation();
                }
                all.violations += one.violations();
                all.ended_ns = std::max(all.ended_ns, one.ended_ns());
                all.worst_lag_ns = std::max(all.worst_lag_ns, one.worst_lag_ns());
            });
        }
        return all;
    }

    /// Of each thread that has ended.
    [[nodiscard]] std::vector<ThreadLoad> loads() {
        std::vector<ThreadLoad> all;
        for (const auto& worker : _workers) {
            worker->between_passes([&](const Worker& one) { all.push_back(one.load()); });
        }
        return all;
    }

    [[nodiscard]] std::vector<ErrorRow> errors() {
        ErrorCounts all;
        for (const auto& worker : _workers) {
            worker->between_passes([&](const Worker& one) { all.add(one.errors()); });
        }
        return all.rows();
    }

    /// Attempts that did not end an operation, by what they met.
    [[nodiscard]] std::map<std::string, std::uint64_t> attempts() {
        std::map<std::string, std::uint64_t> all;
        for (const auto& worker : _workers) {
            worker->between_passes([&](const Worker& one) {
                for (const auto& [name, count] : one.attempts().counts()) {
                    all[name] += count;
                }
            });
        }
        return all;
    }

    /// Move all that was recorded since the last time into `recorder`, which has at least the plan's kinds.
    void merge_into(Recorder& recorder) {
        if (recorder.kinds() < _shared.plan.kinds()) {
            throw std::invalid_argument("the recorder has not all kinds of operations that are recorded");
        }
        for (const auto& worker : _workers) {
            Recorder taken(_shared.plan.kinds(), kOutcomes, _shared.plan.paced);
            worker->between_passes([&](Worker& one) {
                one.recorder().swap(taken);
                one.recorder().flush_samples();
            });
            recorder.add(taken);
        }
    }

    [[nodiscard]] std::string broken() {
        const std::lock_guard lock(_broken_mutex);
        return _broken;
    }

  private:
    [[nodiscard]] static Plan fitted(Plan plan) {
        plan.threads = static_cast<std::uint32_t>(std::max<std::uint64_t>(
            1, std::min({std::uint64_t{plan.threads}, plan.clients, std::uint64_t{plan.connections}})));
        return plan;
    }
    [[nodiscard]] static std::uint64_t share(std::uint64_t all, std::uint32_t parts, std::uint32_t part) noexcept {
        return all / parts + (part < all % parts ? 1 : 0);
    }

    Shared _shared;
    std::vector<std::unique_ptr<Worker>> _workers;
    std::vector<std::thread> _threads;
    std::mutex _broken_mutex;
    std::string _broken;
};

}  // namespace ycsbpy::engine
