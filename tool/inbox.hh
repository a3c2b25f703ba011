// SPDX-License-Identifier: GPL-2.0-only
//
// What has come into an owner's inbox, taken out and delivered, block by block.
#pragma once

#include <cstdint>
#include <limits>
#include <span>

#include "page_ops.hh"
#include "support.hh"
#include "wait.hh"

namespace labyrinth {

/// Where taken blocks go, and what there is to wait for meanwhile.
class Delivery {
public:
    Delivery() = default;
    Delivery(const Delivery&) = delete;
    Delivery& operator=(const Delivery&) = delete;
    Delivery(Delivery&&) = delete;
    Delivery& operator=(Delivery&&) = delete;
    virtual ~Delivery() = default;
    /// Waits until something has come into the inbox.
    virtual Result<Wake> incoming() = 0;
    /// Waits until there is room for what deliver() passes on.
    virtual Result<Wake> room() = 0;
    /// Passes blocks on. Those of a delivery that fails stay the owner's.
    virtual Status deliver(std::span<const Handle> handles) = 0;
};

struct TakePlan {
    std::uint64_t most = std::numeric_limits<std::uint64_t>::max();
    /// Blocks between two looks at Delivery::room(). Those that were taken and
    /// could not be delivered are that many at most.
    std::uint32_t at_a_time = 1;
    bool follow = false;  ///< wait for more
    bool release = false; ///< free what was delivered
};

struct Taken {
    enum class End { empty, most, interrupted, timeout };
    std::uint64_t blocks = 0;
    End end = End::empty;
};

/// Takes until the plan says that it is enough. A block is freed only after it
/// was delivered, and taken only when it can be.
Result<Taken> take_all(PageOps& ops, const TakePlan& plan, Delivery& delivery);

} // namespace labyrinth
