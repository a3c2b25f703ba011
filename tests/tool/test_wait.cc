// SPDX-License-Identifier: GPL-2.0-only
#include <array>
#include <cerrno>
#include <csignal>

#include <fcntl.h>
#include <unistd.h>

#include "tap.hh"
#include "wait.hh"

using namespace labyrinth;

namespace {

constexpr std::uint64_t a_moment = 10'000'000; // ns

struct Pipe {
    Fd read;
    Fd write;
};

Pipe make_pipe() {
    std::array<int, 2> ends{};
    if (::pipe2(ends.data(), O_CLOEXEC | O_NONBLOCK) != 0)
        return {};
    return {.read = Fd(ends[0]), .write = Fd(ends[1])};
}

bool is(const Result<Wake>& wake, Wake expected) {
    return wake && *wake == expected;
}

void fill(const Pipe& pipe) {
    const std::array<char, 4096> bytes{};
    while (::write(pipe.write.get(), bytes.data(), bytes.size()) > 0)
        ;
}

void ready(tap::Report& t) {
    const Pipe in = make_pipe();
    Pipe out = make_pipe();
    const Relay relay(in.read.get(), out.write.get());
    t.check(is(relay.incoming(a_moment), Wake::timeout), "wait: nothing comes, the time passes");
    t.check(is(relay.room(), Wake::ready), "wait: an empty pipe has room");
    t.check(::write(in.write.get(), "x", 1) == 1 && is(relay.incoming(a_moment), Wake::ready) &&
                is(relay.incoming(0), Wake::ready),
            "wait: something has come");
    out.read = Fd();
    const auto gone = relay.incoming(a_moment);
    t.check(!gone && gone.error().err == EPIPE,
            "wait: a reader that went away is told before anything more comes");
    const auto room = relay.room();
    t.check(!room && room.error().err == EPIPE, "wait: and instead of room");
}

void interrupted(tap::Report& t) {
    const Pipe in = make_pipe();
    const Pipe out = make_pipe();
    fill(out);
    const Relay relay(in.read.get(), out.write.get());
    for (const int signal : {SIGINT, SIGTERM, SIGHUP}) {
        sigset_t set;
        sigemptyset(&set);
        sigaddset(&set, signal);
        ::raise(signal); // blocked by the relay
        t.check(is(relay.incoming(0), Wake::interrupted) && is(relay.room(), Wake::interrupted),
                "wait: a signal ends it, for input and for room");
        const timespec none{};
        t.check(::sigtimedwait(&set, nullptr, &none) == signal, "wait: and does nothing else");
    }
}

} // namespace

void test_wait(tap::Report& t) {
    ready(t);
    interrupted(t);
}
