// SPDX-License-Identifier: GPL-2.0-only
#include "hold.hh"

#include <cerrno>

#include "batch.hh"

namespace labyrinth {

Holding::~Holding() {
    (void)release_all(ops_, handles_, true);
}

Result<HoldEnd> Holding::let_go() {
    HoldEnd end;
    std::vector<Handle> still;
    for (const Handle handle : handles_) {
        const auto block = ops_.query(handle);
        if (block)
            still.push_back(handle);
        else if (block.error().err == ENOENT)
            end.revoked.push_back(handle);
        else
            return block.error();
    }
    const auto freed = release_all(ops_, still, true);
    if (!freed)
        return freed.error();
    handles_.clear();
    end.freed = *freed;
    return end;
}

} // namespace labyrinth
