// The floor under any client: bare TCP on this machine, with the bytes of a request one way and of an answer back.
//
//     c++ -std=c++20 -O3 -pthread -Iext bench/echo.cpp -o /tmp/echo && /tmp/echo 80 1080 16 1 100000
//
// Arguments: bytes of a request, bytes of an answer, requests in flight over all connections, connections, how many
// requests. A thread answers; what is measured is the other one, which does as the engine does: waits for what is
// readable, reads all of it, and sends as many requests as answers came in one call. One line of JSON: CPU (of that
// thread) and time per request, median and 99th percentile of the time from a request's call to its answer's.
#include <arpa/inet.h>
#include <time.h>

#include <algorithm>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <deque>
#include <string>
#include <thread>
#include <vector>

#include "loop/reactor.hpp"
#include "loop/socket.hpp"

using namespace ycsbpy::loop;

namespace {

constexpr std::size_t kRoom = std::size_t{256} << 10;

[[noreturn]] void give_up(const char* what) {
    std::perror(what);
    std::exit(1);
}

void write_all(int fd, const char* bytes, std::size_t size) {
    while (size != 0) {
        const auto count = ::send(fd, bytes, size, MSG_NOSIGNAL);
        if (count > 0) {
            bytes += count;
            size -= static_cast<std::size_t>(count);
        } else if (errno != EAGAIN && errno != EINTR) {
            give_up("send");
        }
    }
}

/// Connected sockets: ours, theirs.
std::pair<Fd, Fd> pair_of_sockets() {
    const Fd listener(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof address;
    if (::bind(listener.get(), reinterpret_cast<sockaddr*>(&address), size) != 0 || ::listen(listener.get(), 1) != 0 ||
        ::getsockname(listener.get(), reinterpret_cast<sockaddr*>(&address), &size) != 0) {
        give_up("listen");
    }
    Fd ours = connect_to("127.0.0.1:" + std::to_string(ntohs(address.sin_port)));
    Fd theirs(::accept4(listener.get(), nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC));
    const int on = 1;
    setsockopt(theirs.get(), IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    return {std::move(ours), std::move(theirs)};
}

/// One end of all connections: reads messages of one size, sends as many of the other.
class End {
  public:
    End(std::vector<Fd> sockets, std::size_t reads, std::size_t writes)
        : _sockets(std::move(sockets)),
          _partial(_sockets.size()),
          _reads(reads),
          _out(kRoom / reads * writes + writes),
          _writes(writes),
          _room(kRoom) {
        for (std::size_t i = 0; i < _sockets.size(); ++i) {
            _reactor.add(_sockets[i].get(), EPOLLIN, i);
        }
    }

    /// `take(connection, messages)` says how many to send for those that came. False when the other end has left.
    template <class Take>
    bool pass(Take&& take) {
        for (const epoll_event& event : _reactor.wait(-1)) {
            const std::size_t place = event.data.u64;
            const auto count = read_some(_sockets[place].get(), _room);
            if (count == -1) {
                continue;
            }
            if (count <= 0) {
                return false;
            }
            _partial[place] += static_cast<std::size_t>(count);
            const std::size_t whole = _partial[place] / _reads;
            _partial[place] %= _reads;
            if (whole != 0) {
                send(place, take(place, whole));
            }
        }
        return true;
    }

    void send(std::size_t place, std::size_t messages) {
        _out.resize(std::max(_out.size(), messages * _writes));
        write_all(_sockets[place].get(), _out.data(), messages * _writes);
    }

  private:
    std::vector<Fd> _sockets;
    std::vector<std::size_t> _partial;
    std::size_t _reads;
    std::vector<char> _out;
    std::size_t _writes;
    std::vector<std::byte> _room;
    Reactor _reactor;
};

double cpu_ns() {
    timespec now;
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
    return static_cast<double>(now.tv_sec) * 1e9 + static_cast<double>(now.tv_nsec);
}

}  // namespace

int main(int argc, char** argv) {
    std::vector<std::size_t> given;
    for (int i = 1; i < argc; ++i) {
        given.push_back(std::strtoull(argv[i], nullptr, 10));
    }
    if (given.size() != 5 || std::find(given.begin(), given.end(), 0U) != given.end()) {
        std::fputs("usage: echo REQUEST ANSWER IN_FLIGHT CONNECTIONS COUNT\n", stderr);
        return 2;
    }
    const std::size_t request = given[0], answer = given[1], in_flight = given[2], count = given[4];
    const std::size_t connections = std::min(given[3], in_flight);
    std::vector<Fd> ours, theirs;
    for (std::size_t i = 0; i < connections; ++i) {
        auto [one, other] = pair_of_sockets();
        ours.push_back(std::move(one));
        theirs.push_back(std::move(other));
    }
    std::thread server([sockets = std::move(theirs), request, answer]() mutable {
        End end(std::move(sockets), request, answer);
        while (end.pass([](std::size_t, std::size_t messages) { return messages; })) {
        }
    });
    std::vector<std::int64_t> times;
    times.reserve(count + in_flight);
    const double cpu = cpu_ns();
    const std::int64_t started = now_ns();
    {
        End end(std::move(ours), answer, request);
        std::vector<std::deque<std::int64_t>> sent(connections);
        std::size_t left = count;
        for (std::size_t i = 0; i < connections; ++i) {
            const std::size_t share = std::min(left, in_flight / connections + (i < in_flight % connections ? 1 : 0));
            sent[i].assign(share, now_ns());
            end.send(i, share);
            left -= share;
        }
        while (times.size() < count) {
            end.pass([&](std::size_t place, std::size_t messages) {
                const std::int64_t now = now_ns();
                for (std::size_t i = 0; i < messages; ++i) {
                    times.push_back(now - sent[place].front());
                    sent[place].pop_front();
                }
                const std::size_t more = std::min(messages, left);
                left -= more;
                sent[place].insert(sent[place].end(), more, now);
                return more;
            });
        }
    }
    const double all = static_cast<double>(count);
    const double used = cpu_ns() - cpu;
    const double took = static_cast<double>(now_ns() - started);
    server.join();
    std::sort(times.begin(), times.end());
    std::printf("{\"cpu_us\": %.4f, \"rate\": %.1f, \"p50_us\": %.2f, \"p99_us\": %.2f}\n", used / all / 1e3,
                all / took * 1e9, static_cast<double>(times[count / 2]) / 1e3,
                static_cast<double>(times[count * 99 / 100]) / 1e3);
    return 0;
}
