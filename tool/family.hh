// SPDX-License-Identifier: GPL-2.0-only
//
// The family's operations as calls on values. Failures come explained.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "model.hh"
#include "netlink.hh"
#include "support.hh"

namespace labyrinth {

/// "owner 7" or "owner db".
std::string describe(const OwnerRef& ref);

/// What OWNER_ADD and OWNER_SET change; what is absent stays, or is the default.
struct OwnerChange {
    std::optional<std::uint32_t> uid;
    std::optional<std::uint32_t> gid;
    std::optional<std::uint32_t> mode;
    std::optional<std::uint64_t> quota;
    std::optional<std::uint64_t> guarantee;
    std::optional<bool> emergency;
    std::optional<std::uint32_t> accept; ///< enum labyrinth_accept
    std::optional<std::uint32_t> inbox;  ///< blocks

    bool empty() const;
};

/// What RESERVE_SET changes; all nodes without a node.
struct ReserveChange {
    std::optional<std::uint32_t> node;
    std::optional<std::uint64_t> low;
    std::optional<std::uint64_t> high;
    std::optional<std::uint64_t> emergency;
};

/// What LATENCY_SET changes.
struct LatencyChange {
    std::optional<bool> enabled;
    std::optional<std::uint64_t> deadline_ns; ///< 0: none
    bool reset = false;

    bool empty() const { return !enabled && !deadline_ns && !reset; }
};

/// The family, open.
class Family {
public:
    static Result<Family> open();

    Result<Info> info();
    Result<Stats> stats();
    Result<Verdict> verify();
    Result<Owner> owner(const OwnerRef& ref);
    Result<Listing<Owner>> owners();
    Result<Page> page(Handle handle);
    /// Pages of one owner, or of all that the caller may see.
    Result<Listing<Page>> pages(std::optional<std::uint32_t> owner);
    /// The new owner's number.
    Result<std::uint32_t> owner_add(const std::string& name, const OwnerChange& change);
    Status owner_del(const OwnerRef& ref);
    Status owner_set(const OwnerRef& ref, const OwnerChange& change);
    /// Takes one block from the owner, or all; the number of pages taken.
    Result<std::uint64_t> revoke(const OwnerRef& ref, std::optional<Handle> handle);
    Status reserve_set(const ReserveChange& change);
    Result<Latency> latency();
    Status latency_set(const LatencyChange& change);

private:
    explicit Family(Netlink link) : link_(std::move(link)) {}
    Netlink link_;
};

} // namespace labyrinth
