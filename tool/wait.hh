// SPDX-License-Identifier: GPL-2.0-only
//
// Waits that a signal ends, so that what was begun comes to its end in order.
#pragma once

#include <cstdint>

#include "child.hh"
#include "support.hh"

namespace labyrinth {

/// A descriptor that is readable once the program was asked to end (INT, TERM, and
/// HUP unless that is ignored, as nohup(1) has it). The signals stay blocked:
/// nothing but whoever polls it acts on them.
Fd watch_signals();

/// Why a wait ended.
enum class Wake {
    ready,       ///< what was waited for is there
    interrupted, ///< the program was asked to end
    timeout,
};

/// How a wait for an end ended.
enum class End {
    asked, ///< a signal said so
    child, ///< the child's
    gone,  ///< the owner's
};

/// Waits until a signal comes or @owner, an open device, is dead; with a @child
/// until that ends. It is passed the signals that come, but for the terminal's,
/// which has sent it its own.
Result<End> wait_for_end(const Fd& signals, int owner, const Child* child);

/// What a command that passes things on waits for: its input and its output,
/// which stay the caller's.
class Relay {
public:
    Relay(int input, int output) : signals_(watch_signals()), input_(input), output_(output) {}

    /// Until there is input, or none will ever be: then asking for it says why.
    /// An output whose reader went away is a failure (EPIPE): nothing need come.
    Result<Wake> incoming(std::uint64_t timeout_ns) const; ///< 0: no limit
    /// Until a little (PIPE_BUF) can be written without a wait. EPIPE as above.
    Result<Wake> room() const;

private:
    Fd signals_;
    int input_;
    int output_;
};

} // namespace labyrinth
