// SPDX-License-Identifier: GPL-2.0-only
//
// Blocks that are held for a while, and released however that ends.
#pragma once

#include <span>
#include <utility>
#include <vector>

#include "output.hh"
#include "page_ops.hh"

namespace labyrinth {

/// Releases its blocks when it goes, but for those that let_go() released.
class Holding {
public:
    /// @ops stays the caller's, and must stay as long as this does.
    Holding(PageOps& ops, std::vector<Handle> handles) : ops_(ops), handles_(std::move(handles)) {}
    Holding(const Holding&) = delete;
    Holding& operator=(const Holding&) = delete;
    Holding(Holding&&) = delete;
    Holding& operator=(Holding&&) = delete;
    ~Holding();

    std::span<const Handle> handles() const { return handles_; }
    /// Releases what is still there, and tells what was taken away before.
    Result<HoldEnd> let_go();

private:
    PageOps& ops_;
    std::vector<Handle> handles_;
};

} // namespace labyrinth
