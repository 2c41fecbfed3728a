// One client of the workload: the operation it is at, and how far it has come.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "generators/operation.hpp"

namespace ycsbpy::engine {

inline constexpr std::uint32_t kNoClient = 0xFFFFFFFF;

/// The numbers are those of `ycsbpy.ops.Outcome`.
enum class Outcome : std::uint8_t { ok = 0, not_found = 1, failed = 2, unknown = 3 };
inline constexpr std::size_t kOutcomes = 4;

/// Which request of the operation is under way.
enum class Stage : std::uint8_t {
    read,             ///< RawGet, whose row is the answer
    read_for_update,  ///< RawGet, whose row is to be changed
    write,            ///< RawPut
    remove,           ///< RawDelete
    scan,             ///< RawScan of one Region
};

/// What the client waits for.
enum class Wait : std::uint8_t {
    nothing,  ///< it has ended, or is being looked at
    due,      ///< the time at which its operation is to begin
    pause,    ///< before the next attempt
    region,   ///< to learn where its key is
    answer,
    parts,  ///< of its batch
};

struct Batch;

struct Client {
    Operation op;     ///< of a batch, the first row's
    std::string key;  ///< without the table's prefix; of a scan, where it goes on (with the prefix)
    std::string row;  ///< read for update
    std::int64_t intended_ns = 0;
    std::int64_t start_ns = 0;
    std::int64_t deadline_ns = 0;
    std::uint64_t turn = 0;  ///< grows with each wait, so that timers of earlier ones are known
    std::uint64_t scanned = 0;
    std::uint32_t older = kNoClient;    ///< the operation that began before this one and is under way
    std::uint32_t younger = kNoClient;  ///< and the one that began after it
    std::uint32_t attempts = 0;         ///< of the present request
    std::uint32_t connection = 0;       ///< that the present attempt is on
    std::uint32_t slot = 0;             ///< its place among those in flight there
    std::uint64_t region_id = 0;        ///< that the present attempt went to
    std::uint64_t store_id = 0;
    std::uint32_t owner = kNoClient;  ///< of a part of a batch, the client whose operation it is
    std::vector<std::uint32_t> rows;  ///< of a part, in the order of their keys
    std::shared_ptr<Batch> batch;     ///< of a client that sends batches
    Stage stage = Stage::read;
    Wait wait = Wait::nothing;
    bool uncertain = false;       ///< an attempt to write may have been applied
    std::string_view last_error;  ///< a literal
    std::string last_detail;

    [[nodiscard]] bool is_part() const noexcept { return owner != kNoClient; }
    [[nodiscard]] bool writes() const noexcept { return stage == Stage::write || stage == Stage::remove; }
};

/// All clients of a thread. They stay where they are when more are added; a number is looked up in one step, which
/// std::deque takes several for.
class Clients {
  public:
    explicit Clients(std::size_t count) {
        _all.reserve(count);
        for (std::size_t i = 0; i < count; ++i) {
            add();
        }
    }
    void add() { _all.push_back(std::make_unique<Client>()); }

    [[nodiscard]] std::size_t size() const noexcept { return _all.size(); }
    [[nodiscard]] Client& operator[](std::size_t number) noexcept { return *_all[number]; }
    [[nodiscard]] const Client& operator[](std::size_t number) const noexcept { return *_all[number]; }

  private:
    std::vector<std::unique_ptr<Client>> _all;
};

}  // namespace ycsbpy::engine
