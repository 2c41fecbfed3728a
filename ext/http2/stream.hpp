// Streams by number, in constant time and without allocation once as many have been open at once as ever will be.
//
// Streams live in slots, which are used again; an open-addressed table leads from a number to its slot. Numbers are
// scattered by a multiplication: a long-lived stream 1 must not end up behind a thousand young ones in a row. What has
// been closed is forgotten, except which streams were reset. Where we did it the peer may not know yet, and what it
// still sends is no mistake; where the peer did it, sending more is one, but of that stream alone. The last 256 of each
// kind are known by number; of streams older than the oldest of those, all closed ones get the benefit of the doubt.
#pragma once

#include <algorithm>
#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <vector>

#include "http2/frame.hpp"
#include "http2/settings.hpp"
#include "http2/states.hpp"
#include "http2/window.hpp"

namespace ycsbpy::http2 {

inline constexpr std::uint32_t kNone = std::numeric_limits<std::uint32_t>::max();

/// What the handler is told about the stream that something happened on.
struct StreamRef {
    std::uint32_t id = 0;
    std::uint64_t context = 0;  ///< the caller's, given to `open` or `set_context`
};

struct Stream {
    std::uint32_t id = 0;
    StreamState state = StreamState::idle;
    Part part = Part::head;
    bool head_sent = false;          ///< or queued
    bool end_queued = false;         ///< the caller has said its last; `state` tells what is on the wire
    std::uint8_t informational = 0;  ///< 1xx heads so far
    std::uint64_t context = 0;
    SendWindow send_window;
    ReceiveWindow receive_window{kDefaultWindow, kDefaultWindow};
    std::int64_t content_left = -1;  ///< of a content-length that the peer has announced
    std::uint64_t queued = 0;        ///< bytes to be sent
    std::uint64_t head_at = 0;       ///< where its HEADERS begin among all control bytes

    // of the sender: slices to be sent, and the ring of streams that have some
    std::uint32_t first_slice = kNone;
    std::uint32_t last_slice = kNone;
    std::uint32_t ring_next = kNone;
    std::uint32_t ring_previous = kNone;

    [[nodiscard]] StreamRef ref() const noexcept { return {id, context}; }
};

/// The last streams that one side has reset.
class RecentResets {
  public:
    void add(std::uint32_t id) noexcept {
        _forgiven = std::max(_forgiven, _ids[_next]);
        _ids[_next] = id;
        _next = (_next + 1) % _ids.size();
    }
    [[nodiscard]] bool contains(std::uint32_t id) const noexcept {
        return id <= _forgiven || std::find(_ids.begin(), _ids.end(), id) != _ids.end();
    }

  private:
    std::array<std::uint32_t, 256> _ids{};
    std::size_t _next = 0;
    std::uint32_t _forgiven = 0;
};

class StreamTable {
  public:
    explicit StreamTable(Role role) : _role(role), _places(16) {}

    [[nodiscard]] std::size_t size() const noexcept { return _size; }

    /// A reference holds until the next stream is added.
    [[nodiscard]] Stream& at(std::uint32_t slot) noexcept { return _slots[slot]; }
    [[nodiscard]] const Stream& at(std::uint32_t slot) const noexcept { return _slots[slot]; }

    /// The slot of an open stream, or `kNone`.
    [[nodiscard]] std::uint32_t find(std::uint32_t id) const noexcept {
        for (std::size_t place = home(id); _places[place].id != 0; place = (place + 1) & (_places.size() - 1)) {
            if (_places[place].id == id) [[likely]] {
                return _places[place].slot;
            }
        }
        return kNone;
    }

    [[nodiscard]] bool is_ours(std::uint32_t id) const noexcept { return (id % 2 == 1) == (_role == Role::client); }

    /// The number of the next stream that this side opens; above `kMaxStreamId` when there is none left.
    [[nodiscard]] std::uint32_t next_own() const noexcept {
        return _last_own == 0 ? (_role == Role::client ? 1 : 2) : _last_own + 2;
    }
    [[nodiscard]] std::uint32_t last_peer() const noexcept { return _last_peer; }

    /// What is known of a stream that `find` does not find.
    [[nodiscard]] StreamState absent_state(std::uint32_t id) const noexcept {
        if (id > (is_ours(id) ? _last_own : _last_peer)) {
            return StreamState::idle;
        }
        if (_resets_by_us.contains(id)) {
            return StreamState::reset_by_us;
        }
        return _resets_by_peer.contains(id) ? StreamState::reset_by_peer : StreamState::closed;
    }

    /// Make a stream with a number above all before it on its side. Returns its slot.
    [[nodiscard]] std::uint32_t add(std::uint32_t id) {
        (is_ours(id) ? _last_own : _last_peer) = id;
        if (2 * (_size + 1) > _places.size()) {
            grow();
        }
        std::uint32_t slot;
        if (_free.empty()) {
            slot = static_cast<std::uint32_t>(_slots.size());
            _slots.emplace_back();
            _free.reserve(_slots.capacity());
        } else {
            slot = _free.back();
            _free.pop_back();
            _slots[slot] = Stream{};
        }
        _slots[slot].id = id;
        put(id, slot);
        ++_size;
        return slot;
    }

    /// Remember how a stream ended that is about to be erased, or was never added (because we refused it).
    void remember_reset_by_us(std::uint32_t id) noexcept { _resets_by_us.add(id); }
    void remember_reset_by_peer(std::uint32_t id) noexcept { _resets_by_peer.add(id); }
    void skip_peer(std::uint32_t id) noexcept { _last_peer = std::max(_last_peer, id); }

    void erase(std::uint32_t slot) noexcept {
        take_out(_slots[slot].id);
        _slots[slot].id = 0;
        _free.push_back(slot);
        --_size;
    }

    /// Slots to walk over; those with id 0 are empty.
    [[nodiscard]] std::uint32_t slots() const noexcept { return static_cast<std::uint32_t>(_slots.size()); }

  private:
    struct Place {
        std::uint32_t id = 0;
        std::uint32_t slot = 0;
    };

    [[nodiscard]] std::size_t home(std::uint32_t id) const noexcept {
        return (id * std::uint32_t{0x9e3779b1}) >> (32 - std::countr_zero(_places.size()));
    }

    void put(std::uint32_t id, std::uint32_t slot) noexcept {
        std::size_t place = home(id);
        while (_places[place].id != 0) {
            place = (place + 1) & (_places.size() - 1);
        }
        _places[place] = {id, slot};
    }

    /// Close the gap by moving back what was pushed past it, so that no tombstones are needed.
    void take_out(std::uint32_t id) noexcept {
        const std::size_t mask = _places.size() - 1;
        std::size_t gap = home(id);
        while (_places[gap].id != id) {
            gap = (gap + 1) & mask;
        }
        for (std::size_t place = (gap + 1) & mask; _places[place].id != 0; place = (place + 1) & mask) {
            const std::size_t wanted = home(_places[place].id);
            if (((place - wanted) & mask) >= ((place - gap) & mask)) {
                _places[gap] = _places[place];
                gap = place;
            }
        }
        _places[gap] = {};
    }

    void grow() {
        std::vector<Place> old(_places.size() * 2);
        old.swap(_places);
        for (const Place& place : old) {
            if (place.id != 0) {
                put(place.id, place.slot);
            }
        }
    }

    Role _role;
    std::size_t _size = 0;
    std::uint32_t _last_own = 0;
    std::uint32_t _last_peer = 0;
    std::vector<Stream> _slots;
    std::vector<std::uint32_t> _free;
    std::vector<Place> _places;
    RecentResets _resets_by_us;
    RecentResets _resets_by_peer;
};

}  // namespace ycsbpy::http2
