// SPDX-License-Identifier: GPL-2.0-only
//
// Another command, run while this one waits: as if the caller had started it.
#pragma once

#include <csignal>
#include <string>
#include <vector>

#include <sys/types.h>

#include "support.hh"

namespace labyrinth {

/// The signals that are blocked now.
sigset_t blocked_signals();

/// A child process, and its descriptor.
class Child {
public:
    /// Finds @words[0] on PATH and runs it, with @blocked as its signal mask.
    static Result<Child> start(const std::vector<std::string>& words, const sigset_t& blocked);

    /// Readable once it has ended.
    int descriptor() const { return fd_.get(); }
    /// No failure if it has ended.
    void send(int signal) const;
    /// Waits for its end. Its exit status, or 128 and the signal's number, as a
    /// shell has it.
    Result<int> reap() const;

private:
    Child(pid_t pid, Fd fd) : pid_(pid), fd_(std::move(fd)) {}

    pid_t pid_;
    Fd fd_;
};

} // namespace labyrinth
