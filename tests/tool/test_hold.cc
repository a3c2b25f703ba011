// SPDX-License-Identifier: GPL-2.0-only
//
// Blocks that are held, and the command that they are held for.
#include <cerrno>
#include <csignal>
#include <cstdlib>
#include <functional>

#include <poll.h>
#include <pty.h>
#include <sys/wait.h>
#include <unistd.h>

#include "child.hh"
#include "fake_pages.hh"
#include "hold.hh"
#include "tap.hh"
#include "wait.hh"

using namespace labyrinth;

namespace {

constexpr int by_signal = 128;

std::vector<Handle> some(FakePages& fake, std::uint32_t count) {
    auto reply = fake.alloc({.policy = fail_policy(), .count = count});
    return reply ? reply->handles : std::vector<Handle>{};
}

void holdings(tap::Report& t) {
    FakePages fake;
    const auto other = some(fake, 1);
    {
        const Holding holding(fake, some(fake, 3));
        t.check(holding.handles().size() == 3 && fake.pages.size() == 4, "hold: it has blocks");
    }
    t.check(fake.pages.size() == 1 && fake.pages.contains(other[0]),
            "hold: they go with it, and no others");
    {
        Holding holding(fake, some(fake, 3));
        const auto end = holding.let_go();
        t.check(end && end->freed == 3 && end->revoked.empty() && fake.pages.size() == 1,
                "hold: let go, nothing was revoked");
        t.check(holding.handles().empty(), "hold: and once only");
    }
    {
        Holding holding(fake, some(fake, 3));
        const Handle taken = holding.handles()[1];
        fake.pages.erase(taken);
        const auto end = holding.let_go();
        t.check(end && end->freed == 2 && end->revoked == std::vector{taken} &&
                    fake.pages.size() == 1,
                "hold: what was revoked meanwhile is told");
    }
    for (int call = 1; call <= 4; call++) {
        Holding holding(fake, some(fake, 3));
        fake.heal();
        fake.fail_at = call;
        const auto end = holding.let_go();
        t.check(!end && end.error().err == FakePages::injected && holding.handles().size() == 3,
                "hold: letting go fails at call " + std::to_string(call));
        fake.heal();
        fake.fail_at = 0;
    }
    t.check(fake.pages.size() == 1, "hold: and they go with it all the same");
}

/// The exit status of a shell that runs @script; -1 if there is none.
int shell(const std::string& script, const sigset_t& blocked,
          const std::function<void(const Child&)>& meanwhile = {}) {
    auto child = Child::start({"sh", "-c", script}, blocked);
    if (!child)
        return -1;
    if (meanwhile)
        meanwhile(*child);
    const auto status = child->reap();
    return status ? *status : -1;
}

sigset_t none_blocked() {
    sigset_t none;
    sigemptyset(&none);
    return none;
}

void children(tap::Report& t) {
    (void)std::signal(SIGPIPE, SIG_IGN); // as main() has it
    const Fd signals = watch_signals();
    const sigset_t none = none_blocked();
    t.check(shell("exit 0", none) == 0 && shell("exit 7", none) == 7, "child: its exit status");
    t.check(shell("kill -s KILL $$", none) == by_signal + SIGKILL, "child: the signal it died of");
    t.check(shell("kill -s PIPE $$", none) == by_signal + SIGPIPE,
            "child: SIGPIPE ends it, though we ignore it");
    t.check(shell("kill -s TERM $$", none) == by_signal + SIGTERM,
            "child: SIGTERM ends it, though we block it");
    t.check(shell("sleep 60", none, [](const Child& c) { c.send(SIGHUP); }) == by_signal + SIGHUP,
            "child: it is sent a signal");
    sigset_t blocked = none;
    sigaddset(&blocked, SIGTERM);
    t.check(shell("kill -s TERM $$; exit 5", blocked) == 5,
            "child: what the caller had blocked stays blocked");
    auto missing = Child::start({"nosuchcommand"}, none);
    t.check(!missing && missing.error().err == ENOENT &&
                missing.error().what.find("nosuchcommand") != std::string::npos,
            "child: a command that is not there is named");
    auto child = Child::start({"sh", "-c", "test \"$0$1\" = '[a,b]-n'", "[a,b]", "-n"}, none);
    t.check(child && child->reap() && true, "child: started with words as they are");
    t.check(shell("test \"$(printf %s '[a,b]')\" = '[a,b]'", none) == 0, "child: and it saw them");
}

bool ends(const Result<End>& end, End expected) {
    return end && *end == expected;
}

/// Something that a poll finds dead.
Fd dead() {
    std::array<int, 2> ends{};
    if (::pipe(ends.data()) != 0)
        return {};
    const Fd reader(ends[0]);
    return Fd(ends[1]);
}

void vigils(tap::Report& t) {
    const Fd signals = watch_signals();
    const Fd gone = dead();
    std::array<int, 2> alive{};
    const bool made = ::pipe(alive.data()) == 0;
    const Fd reader(alive[0]);
    const Fd owner(alive[1]);
    t.check(made && ends(wait_for_end(signals, gone.get(), nullptr), End::gone),
            "end: the owner is removed");
    for (const int signal : {SIGINT, SIGTERM, SIGHUP}) {
        ::raise(signal);
        t.check(ends(wait_for_end(signals, owner.get(), nullptr), End::asked), "end: a signal");
        auto child = Child::start({"sleep", "60"}, none_blocked());
        t.check(child && ends(wait_for_end(signals, gone.get(), &*child), End::child) &&
                    *child->reap() == by_signal + signal,
                "end: with a child the signal is the child's, and its end is ours");
    }
    auto child = Child::start({"sleep", "0.1"}, none_blocked());
    t.check(child && ends(wait_for_end(signals, gone.get(), &*child), End::child) &&
                *child->reap() == 0,
            "end: a child's, with the owner long gone");
}

void nohup(tap::Report& t) {
    (void)std::signal(SIGHUP, SIG_IGN);
    const Fd signals = watch_signals();
    ::raise(SIGHUP);
    pollfd polled{.fd = signals.get(), .events = POLLIN, .revents = 0};
    t.check(signals && ::poll(&polled, 1, 0) == 0, "end: SIGHUP stays ignored where it was");
    (void)std::signal(SIGHUP, SIG_DFL);
}

/// In a terminal of its own: a shell that counts the SIGINTs it gets, and how many
/// those are. @interrupt is called with the terminal and the waiting process.
int interrupts(const std::function<void(int, pid_t)>& interrupt) {
    int terminal = -1;
    const pid_t pid = ::forkpty(&terminal, nullptr, nullptr, nullptr);
    if (pid == 0) {
        const Fd signals = watch_signals();
        auto child = Child::start({"sh", "-c",
                                   "n=0; trap 'n=$((n+1))' INT; echo ready; "
                                   "for i in 1 2 3 4 5; do sleep 0.2; done; exit $n"},
                                  none_blocked());
        const bool done = child && wait_for_end(signals, -1, &*child);
        const auto status = done ? child->reap() : Result<int>(by_signal);
        ::_exit(status ? *status : by_signal);
    }
    const Fd owned(terminal);
    std::array<char, 16> text{};
    if (pid > 0 && ::read(terminal, text.data(), text.size()) > 0) // it is ready
        interrupt(terminal, pid);
    int status = 0;
    return ::waitpid(pid, &status, 0) == pid && WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

void terminals(tap::Report& t) {
    t.same(std::to_string(interrupts([](int /*terminal*/, pid_t /*pid*/) {})), "0",
           "terminal: no interrupt");
    t.same(std::to_string(interrupts([](int terminal, pid_t /*pid*/) {
               constexpr char control_c = 3;
               (void)!::write(terminal, &control_c, 1);
           })),
           "1", "terminal: its interrupt reaches the child once, not twice");
    t.same(std::to_string(interrupts([](int /*terminal*/, pid_t pid) { ::kill(pid, SIGINT); })),
           "1", "terminal: one sent to us is passed on");
}

} // namespace

void test_hold(tap::Report& t) {
    holdings(t);
    children(t);
    vigils(t);
    nohup(t);
    terminals(t);
}
