// The connections of one thread: some to each store, made when first needed and again when lost.
//
// They are used in turn, but not command by command: what becomes ready in one pass goes to one connection as long as
// its message is short, and only then to the next. A message of one command costs as much as one of sixteen: two system
// calls, and a turn of the loop on either side.
//
// A number names a connection as long as it lives; numbers are used again, and are what the reactor gives back.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <unordered_map>
#include <utility>
#include <vector>

#include "engine/store_connection.hpp"
#include "loop/reactor.hpp"

namespace ycsbpy::engine {

template <class Owner>
class Connections {
  public:
    using Connection = StoreConnection<Owner>;

    /// `width` of them to each store, for so many clients; with TLS if there is a context for it.
    Connections(Owner& owner, loop::Reactor& reactor, std::uint32_t width, std::uint64_t clients,
                const loop::TlsContext* tls)
        : _owner(owner),
          _reactor(reactor),
          _tls(tls),
          _width(width),
          _fill(fill_of(width, clients)),
          _room(kReadRoom) {}

    [[nodiscard]] Connection& at(std::uint32_t number) noexcept { return *_all[number]; }

    /// One of those to a store; made where there is none.
    [[nodiscard]] std::uint32_t connection_to(std::uint64_t store_id, const std::string& address) {
        Pool& pool = _pools[store_id];
        if (pool.numbers.empty()) {
            pool.numbers.resize(_width, kNone);
        }
        if (const std::uint32_t present = pool.numbers[pool.next];
            is_good(present, store_id, address) && _all[present]->is_filling(_fill)) {
            return present;
        }
        pool.next = (pool.next + 1) % _width;
        std::uint32_t& number = pool.numbers[pool.next];
        if (!is_good(number, store_id, address)) {
            number = connect(store_id, address);
        }
        return number;
    }

    void socket_event(std::uint32_t number, std::uint32_t events) {
        if (number >= _all.size() || _all[number] == nullptr) {
            return;
        }
        _all[number]->event((events & (EPOLLOUT | EPOLLERR | EPOLLHUP)) != 0,
                            (events & (EPOLLIN | EPOLLERR | EPOLLHUP)) != 0, _room, loop::now_ns());
        mark_dirty(number);
    }

    /// It has something to write, or was lost.
    void mark_dirty(std::uint32_t number) {
        if (!_is_dirty[number]) {
            _is_dirty[number] = true;
            _dirty.push_back(number);
        }
    }

    /// Write what there is. Returns whether a connection was found lost: the owner takes those, which may make more.
    [[nodiscard]] bool flush() {
        const auto dirty = std::exchange(_dirty, {});
        for (const std::uint32_t number : dirty) {
            _is_dirty[number] = false;
            if (_all[number] != nullptr) {
                flush(number);
            }
        }
        return !_lost.empty();
    }

    /// A lost connection, which is forgotten here; null where there is none.
    [[nodiscard]] std::unique_ptr<Connection> take_lost() {
        while (!_lost.empty()) {
            const std::uint32_t number = _lost.back();
            _lost.pop_back();
            if (_all[number] == nullptr || _all[number]->state() != Connection::State::lost) {
                continue;
            }
            if (_all[number]->fd() >= 0) {
                _reactor.remove(_all[number]->fd());
            }
            _free.push_back(number);
            return std::move(_all[number]);
        }
        return nullptr;
    }

    void close() {
        for (const auto& connection : _all) {
            if (connection != nullptr) {
                connection->lose("closed", {});
            }
        }
        _all.clear();
    }

  private:
    static constexpr std::size_t kReadRoom = std::size_t{256} << 10;
    static constexpr std::uint32_t kNone = 0xFFFFFFFF;
    static constexpr std::uint64_t kFewest = 16;  ///< commands, beyond which a longer message saves little

    struct Pool {
        std::vector<std::uint32_t> numbers;
        std::size_t next = 0;
    };

    /// How many commands of a pass go to a connection before the next has its turn: its share of the clients, so that
    /// many clients use all connections at once, but not so few that the messages are short.
    [[nodiscard]] static std::size_t fill_of(std::uint32_t width, std::uint64_t clients) noexcept {
        return static_cast<std::size_t>(std::max(kFewest, clients / width));
    }

    [[nodiscard]] bool is_good(std::uint32_t number, std::uint64_t store_id, const std::string& address) const {
        return number != kNone && _all[number] != nullptr && _all[number]->is_usable() &&
               _all[number]->store_id() == store_id && _all[number]->address() == address;
    }

    [[nodiscard]] std::uint32_t connect(std::uint64_t store_id, const std::string& address) {
        std::uint32_t number = 0;
        if (_free.empty()) {
            number = static_cast<std::uint32_t>(_all.size());
            _all.emplace_back();
            _is_dirty.push_back(false);
            _watches_write.push_back(false);
        } else {
            number = _free.back();
            _free.pop_back();
        }
        _all[number] = std::make_unique<Connection>(_owner, store_id, address, _tls);
        _watches_write[number] = true;
        if (_all[number]->state() != Connection::State::lost) {
            _reactor.add(_all[number]->fd(), EPOLLIN | EPOLLOUT, number);
        }
        mark_dirty(number);
        return number;
    }

    void flush(std::uint32_t number) {
        Connection& connection = *_all[number];
        connection.flush();
        if (connection.state() == Connection::State::lost) {
            _lost.push_back(number);
            return;
        }
        const bool wants = connection.wants_write() || connection.is_connecting();
        if (wants != _watches_write[number]) {
            _watches_write[number] = wants;
            _reactor.change(connection.fd(), EPOLLIN | (wants ? EPOLLOUT : 0U), number);
        }
    }

    Owner& _owner;
    loop::Reactor& _reactor;
    const loop::TlsContext* _tls;
    std::size_t _width;
    std::size_t _fill;
    std::vector<std::byte> _room;
    std::unordered_map<std::uint64_t, Pool> _pools;
    std::vector<std::unique_ptr<Connection>> _all;
    std::vector<bool> _is_dirty;
    std::vector<bool> _watches_write;
    std::vector<std::uint32_t> _dirty;
    std::vector<std::uint32_t> _free;
    std::vector<std::uint32_t> _lost;
};

}  // namespace ycsbpy::engine
