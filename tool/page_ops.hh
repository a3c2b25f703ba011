// SPDX-License-Identifier: GPL-2.0-only
//
// What can be done with an owner's pages. The device does it for real; tests
// have one that fails where they want it to.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include <linux/labyrinth.h>

#include "model.hh"
#include "support.hh"

namespace labyrinth {

/// How pages are to be had.
struct AllocPolicy {
    bool strict = false;
    bool partial = false;
    std::uint32_t fallback = 0;   ///< enum labyrinth_fallback
    std::uint64_t timeout_ns = 0; ///< 0: no limit

    /// What is not at hand comes later.
    bool defers() const { return fallback == LABYRINTH_FALLBACK_DEFER; }
};

struct AllocRequest {
    AllocPolicy policy;
    std::uint32_t count = 0;
    std::uint32_t order = 0;
    std::uint32_t scope = LABYRINTH_SCOPE_PROCESS;
    std::uint64_t tag = 0; ///< of the first block; each further one has one more
};

struct AllocReply {
    std::vector<Handle> handles;
    std::uint32_t rung = 0;     ///< deepest that served
    std::uint32_t reason = 0;   ///< why there are fewer than asked for
    std::uint64_t deferred = 0; ///< blocks that will come into the inbox
};

/// One owner's pages. A call that fails has changed nothing.
class PageOps {
public:
    PageOps() = default;
    PageOps(const PageOps&) = delete;
    PageOps& operator=(const PageOps&) = delete;
    PageOps(PageOps&&) = default;
    PageOps& operator=(PageOps&&) = default;
    virtual ~PageOps() = default;

    virtual std::uint32_t page_size() const = 0;
    /// Most handles that one alloc() or release() takes.
    virtual std::uint32_t max_batch() const = 0;

    virtual Result<AllocReply> alloc(const AllocRequest& request) = 0;
    /// Frees; the number of blocks freed. @partial: skips those that can't be.
    virtual Result<std::uint32_t> release(std::span<const Handle> handles, bool partial) = 0;
    /// The block taken after @previous (0: the first), or none.
    virtual Result<std::optional<Block>> next(Handle previous) = 0;
    virtual Result<Block> query(Handle handle) = 0;
    /// All of @to or all of @from, or an error.
    virtual Status read(Handle handle, std::uint32_t offset, std::span<std::byte> to) = 0;
    virtual Status write(Handle handle, std::uint32_t offset, std::span<const std::byte> from) = 0;
    virtual Status set_tag(Handle handle, std::uint64_t tag) = 0;
    /// To another owner, contents and all: all of @handles or none.
    virtual Status give(std::span<const Handle> handles, const OwnerRef& to) = 0;
    /// Out of the inbox, first come first, up to @most; none if it is empty.
    virtual Result<std::vector<Handle>> take(std::uint32_t most) = 0;
};

} // namespace labyrinth
