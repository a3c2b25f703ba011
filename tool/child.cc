// SPDX-License-Identifier: GPL-2.0-only
#include "child.hh"

#include <cerrno>

#include <fmt/core.h>
#include <spawn.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "names.hh"
#include "text.hh"

namespace labyrinth {
namespace {

/// What of this process a child must not inherit.
class SpawnAttributes {
public:
    explicit SpawnAttributes(const sigset_t& blocked) {
        sigset_t defaults;
        sigemptyset(&defaults);
        sigaddset(&defaults, SIGPIPE); // which main() ignores
        ::posix_spawnattr_init(&attributes_);
        ::posix_spawnattr_setsigmask(&attributes_, &blocked);
        ::posix_spawnattr_setsigdefault(&attributes_, &defaults);
        ::posix_spawnattr_setflags(&attributes_, POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF);
    }
    SpawnAttributes(const SpawnAttributes&) = delete;
    SpawnAttributes& operator=(const SpawnAttributes&) = delete;
    SpawnAttributes(SpawnAttributes&&) = delete;
    SpawnAttributes& operator=(SpawnAttributes&&) = delete;
    ~SpawnAttributes() { ::posix_spawnattr_destroy(&attributes_); }

    const posix_spawnattr_t* get() const { return &attributes_; }

private:
    posix_spawnattr_t attributes_{};
};

// glibc 2.36 has these, but not for C++: no extern "C".
int open_pidfd(pid_t pid) {
    return static_cast<int>(::syscall(SYS_pidfd_open, pid, 0));
}

void send_signal(int pidfd, int signal) {
    (void)::syscall(SYS_pidfd_send_signal, pidfd, signal, nullptr, 0);
}

} // namespace

sigset_t blocked_signals() {
    sigset_t blocked;
    sigemptyset(&blocked);
    ::sigprocmask(SIG_BLOCK, nullptr, &blocked);
    return blocked;
}

Result<Child> Child::start(const std::vector<std::string>& words, const sigset_t& blocked) {
    std::vector<std::string> own = words; // execve(2) wants them writable
    std::vector<char*> arguments;
    arguments.reserve(own.size() + 1);
    for (std::string& word : own)
        arguments.push_back(word.data());
    arguments.push_back(nullptr);
    const std::string what = fmt::format("starting '{}'", escape(words.front()));
    const SpawnAttributes attributes(blocked);
    pid_t pid = -1;
    const int err = ::posix_spawnp(&pid, arguments.front(), nullptr, attributes.get(),
                                   arguments.data(), environ);
    if (err != 0)
        return Error{.what = what,
                     .cause = errno_words(err),
                     .hint = "it is looked for as a shell would, and must be executable",
                     .err = err};
    Fd fd(open_pidfd(pid)); // ours to reap: the number is nobody else's yet
    if (!fd) {
        const Error error{.what = what, .cause = errno_words(errno), .err = errno};
        ::kill(pid, SIGKILL);
        ::waitpid(pid, nullptr, 0);
        return error;
    }
    return Child(pid, std::move(fd));
}

void Child::send(int signal) const {
    send_signal(fd_.get(), signal);
}

Result<int> Child::reap() const {
    int status = 0;
    while (::waitpid(pid_, &status, 0) < 0)
        if (errno != EINTR)
            return Error{
                .what = "waiting for the command", .cause = errno_words(errno), .err = errno};
    constexpr int by_signal = 128;
    return WIFEXITED(status) ? WEXITSTATUS(status) : by_signal + WTERMSIG(status);
}

} // namespace labyrinth
