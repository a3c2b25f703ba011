// SPDX-License-Identifier: GPL-2.0-only
#include "wait.hh"

#include <array>
#include <cerrno>
#include <csignal>
#include <ctime>
#include <span>

#include <poll.h>
#include <sys/signalfd.h>

#include "names.hh"

namespace labyrinth {
namespace {

/// Waits as poll(2) does; 0: the time has passed. A timeout of 0 is none.
Result<int> wait_for(std::span<pollfd> polled, std::uint64_t timeout_ns) {
    constexpr std::uint64_t second = 1'000'000'000;
    const timespec limit = {.tv_sec = static_cast<time_t>(timeout_ns / second),
                            .tv_nsec = static_cast<long>(timeout_ns % second)};
    while (true) {
        const int ready =
            ::ppoll(polled.data(), polled.size(), timeout_ns > 0 ? &limit : nullptr, nullptr);
        if (ready >= 0)
            return ready;
        if (errno != EINTR)
            return Error{.what = "waiting", .cause = errno_words(errno), .err = errno};
    }
}

/// Whoever read the output is gone. poll(2) tells that without being asked.
bool broken(const pollfd& output) {
    return (output.revents & (POLLERR | POLLHUP | POLLNVAL)) != 0;
}

Error broken_output() {
    return Error{.what = "writing standard output", .cause = errno_words(EPIPE), .err = EPIPE};
}

bool is_ignored(int signal) {
    struct sigaction action {};
    return ::sigaction(signal, nullptr, &action) == 0 && action.sa_handler == SIG_IGN; // NOLINT
}

/// The signal that made @signals readable, to @child, unless it has it already.
Status pass_on(const Fd& signals, const Child& child) {
    signalfd_siginfo signal{};
    if (::read(signals.get(), &signal, sizeof(signal)) != sizeof(signal))
        return Error{.what = "reading a signal", .cause = errno_words(errno), .err = errno};
    if (signal.ssi_code != SI_KERNEL) // the terminal's, to all in the foreground
        child.send(static_cast<int>(signal.ssi_signo));
    return ok();
}

} // namespace

Fd watch_signals() {
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGINT);
    sigaddset(&set, SIGTERM);
    if (!is_ignored(SIGHUP))
        sigaddset(&set, SIGHUP);
    if (::sigprocmask(SIG_BLOCK, &set, nullptr) != 0)
        return {};
    return Fd(::signalfd(-1, &set, SFD_CLOEXEC));
}

Result<Wake> Relay::incoming(std::uint64_t timeout_ns) const {
    std::array<pollfd, 3> polled = {{{.fd = signals_.get(), .events = POLLIN, .revents = 0},
                                     {.fd = output_, .events = 0, .revents = 0},
                                     {.fd = input_, .events = POLLIN, .revents = 0}}};
    const auto ready = wait_for(polled, timeout_ns);
    if (!ready)
        return ready.error();
    if (polled[0].revents != 0)
        return Wake::interrupted;
    if (broken(polled[1]))
        return broken_output();
    return *ready == 0 ? Wake::timeout : Wake::ready;
}

Result<Wake> Relay::room() const {
    std::array<pollfd, 2> polled = {{{.fd = signals_.get(), .events = POLLIN, .revents = 0},
                                     {.fd = output_, .events = POLLOUT, .revents = 0}}};
    const auto ready = wait_for(polled, 0);
    if (!ready)
        return ready.error();
    if (polled[0].revents != 0)
        return Wake::interrupted;
    if (broken(polled[1]))
        return broken_output();
    return Wake::ready;
}

Result<End> wait_for_end(const Fd& signals, int owner, const Child* child) {
    std::array<pollfd, 3> polled = {
        {{.fd = signals.get(), .events = POLLIN, .revents = 0},
         {.fd = owner, .events = 0, .revents = 0},
         {.fd = child != nullptr ? child->descriptor() : -1, .events = POLLIN, .revents = 0}}};
    while (true) {
        const auto ready = wait_for(polled, 0);
        if (!ready)
            return ready.error();
        if (polled[2].revents != 0)
            return End::child;
        if (child == nullptr)
            return polled[0].revents != 0 ? End::asked : End::gone;
        if (polled[1].revents != 0)
            polled[1].fd = -1; // the child goes on without it
        const Status passed = polled[0].revents != 0 ? pass_on(signals, *child) : ok();
        if (!passed)
            return passed.error();
    }
}

} // namespace labyrinth
