// SPDX-License-Identifier: GPL-2.0-only
#include "inbox.hh"

#include <algorithm>

#include "batch.hh"

namespace labyrinth {
namespace {

/// One batch, from the inbox to where it goes; how many blocks.
Result<std::uint32_t> pass_on(PageOps& ops, std::uint32_t most, bool release, Delivery& delivery) {
    const auto handles = ops.take(most);
    if (!handles)
        return handles.error();
    if (handles->empty())
        return std::uint32_t{0};
    const Status delivered = delivery.deliver(*handles);
    if (!delivered)
        return delivered.error();
    if (release) {
        const auto freed = release_all(ops, *handles, false);
        if (!freed)
            return freed.error();
    }
    return static_cast<std::uint32_t>(handles->size());
}

Taken ended(Taken taken, Taken::End end) {
    taken.end = end;
    return taken;
}

} // namespace

Result<Taken> take_all(PageOps& ops, const TakePlan& plan, Delivery& delivery) {
    const std::uint64_t batch = std::min(plan.at_a_time, ops.max_batch());
    Taken taken;
    while (taken.blocks < plan.most) {
        const auto room = delivery.room();
        if (!room)
            return room.error();
        if (*room == Wake::interrupted)
            return ended(taken, Taken::End::interrupted);
        const auto most = static_cast<std::uint32_t>(std::min(plan.most - taken.blocks, batch));
        const auto passed = pass_on(ops, most, plan.release, delivery);
        if (!passed)
            return passed.error();
        taken.blocks += *passed;
        if (*passed > 0)
            continue;
        if (!plan.follow)
            return ended(taken, Taken::End::empty);
        const auto more = delivery.incoming();
        if (!more)
            return more.error();
        if (*more == Wake::interrupted)
            return ended(taken, Taken::End::interrupted);
        if (*more == Wake::timeout)
            return ended(taken, Taken::End::timeout);
    }
    return ended(taken, Taken::End::most);
}

} // namespace labyrinth
