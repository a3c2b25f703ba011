// SPDX-License-Identifier: GPL-2.0-only
//
// More blocks than one call takes.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "page_ops.hh"

namespace labyrinth {

/// Takes @count blocks in as many calls as it needs: all of them or none, unless
/// the policy says partial. Error::wanted: pages wanted in all. With a policy
/// that defers it is one call, as what is still to come can't be undone.
Result<AllocReply> alloc_all(PageOps& ops, const AllocRequest& shape, std::uint64_t count);

/// Frees in as many calls as it needs; the number freed. Without @partial every
/// handle is checked before the first goes. Error::index counts over all.
Result<std::uint64_t> release_all(PageOps& ops, std::span<const Handle> handles, bool partial);

/// Gives all or none, in one call, as what was given can't be undone.
Status give_all(PageOps& ops, std::span<const Handle> handles, const OwnerRef& to);

/// All blocks of the owner, in the order in which they were taken.
Result<std::vector<Block>> all_blocks(PageOps& ops);

} // namespace labyrinth
