// SPDX-License-Identifier: GPL-2.0-only
#include "batch.hh"

#include <algorithm>
#include <cerrno>
#include <string>
#include <unordered_set>

namespace labyrinth {
namespace {

/// The first handle that is not the owner's, or is there twice.
Status check_handles(PageOps& ops, std::span<const Handle> handles) {
    std::unordered_set<Handle> seen;
    for (std::size_t i = 0; i < handles.size(); i++) {
        auto block = ops.query(handles[i]);
        Error error = block ? Error{.err = ENOENT} : block.error();
        if (block && seen.insert(handles[i]).second)
            continue;
        error.index = static_cast<std::uint32_t>(i);
        return error;
    }
    return ok();
}

/// The end of a walk looks the same as a block taken away from under it.
Status check_last(PageOps& ops, Handle last) {
    const auto block = ops.query(last);
    if (block)
        return ok();
    if (block.error().err == ENOENT)
        return Error{.cause = "its pages changed while they were listed", .err = EAGAIN};
    return block.error();
}

/// What takes one call only.
Status check_one_call(PageOps& ops, std::uint64_t count) {
    if (count <= ops.max_batch())
        return ok();
    return Error{.cause = "more than " + std::to_string(ops.max_batch()) + " blocks at a time",
                 .err = E2BIG,
                 .wanted = count};
}

} // namespace

Result<AllocReply> alloc_all(PageOps& ops, const AllocRequest& shape, std::uint64_t count) {
    AllocReply all;
    const Status fits = shape.policy.defers() ? check_one_call(ops, count) : ok();
    if (!fits)
        return fits.error();
    while (all.handles.size() < count) {
        AllocRequest request = shape;
        const std::uint64_t missing = count - all.handles.size();
        request.count =
            static_cast<std::uint32_t>(std::min<std::uint64_t>(missing, ops.max_batch()));
        request.tag = shape.tag + all.handles.size();
        auto reply = ops.alloc(request);
        if (!reply && shape.policy.partial && !all.handles.empty()) {
            all.reason = reply.error().reason;
            return all;
        }
        if (!reply) {
            (void)release_all(ops, all.handles, true);
            reply.error().wanted = count << shape.order;
            return reply.error();
        }
        all.handles.insert(all.handles.end(), reply->handles.begin(), reply->handles.end());
        all.rung = std::max(all.rung, reply->rung);
        all.reason = reply->reason;
        all.deferred = reply->deferred;
        if (reply->handles.size() < request.count)
            return all;
    }
    return all;
}

Result<std::uint64_t> release_all(PageOps& ops, std::span<const Handle> handles, bool partial) {
    if (!partial && handles.size() > ops.max_batch()) {
        const Status fine = check_handles(ops, handles);
        if (!fine)
            return fine.error();
    }
    std::uint64_t freed = 0;
    for (std::size_t done = 0; done < handles.size();) {
        const auto batch =
            handles.subspan(done, std::min<std::size_t>(handles.size() - done, ops.max_batch()));
        auto count = ops.release(batch, partial);
        if (!count && !(partial && count.error().err == ENOENT)) {
            count.error().index += static_cast<std::uint32_t>(done);
            return count.error();
        }
        freed += count ? *count : 0;
        done += batch.size();
    }
    return freed;
}

Status give_all(PageOps& ops, std::span<const Handle> handles, const OwnerRef& to) {
    if (handles.empty())
        return ok();
    const Status fits = check_one_call(ops, handles.size());
    return fits ? ops.give(handles, to) : fits;
}

Result<std::vector<Block>> all_blocks(PageOps& ops) {
    std::vector<Block> blocks;
    Handle last = 0;
    while (true) {
        auto block = ops.next(last);
        if (!block)
            return block.error();
        if (!block->has_value())
            break;
        last = (*block)->handle;
        blocks.push_back(**block);
    }
    const Status still_there = last != 0 ? check_last(ops, last) : ok();
    if (!still_there)
        return still_there.error();
    return blocks;
}

} // namespace labyrinth
