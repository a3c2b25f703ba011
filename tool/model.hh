// SPDX-License-Identifier: GPL-2.0-only
//
// The kernel's answers as plain values. Field names are the contract's; counts
// are base pages unless said otherwise.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <variant>
#include <vector>

namespace labyrinth {

using Handle = std::uint64_t;

/// An owner by its number, or by its name.
using OwnerRef = std::variant<std::uint32_t, std::string>;

/// How the opener of a descriptor stands (ioctl INFO).
struct Standing {
    std::uint32_t page_size = 0;
    std::uint32_t max_order = 0;
    std::uint32_t max_batch = 0;
    std::uint32_t owner = 0;
    std::uint64_t used = 0;
    std::uint64_t quota = 0;
    std::uint64_t guarantee = 0;
    std::uint64_t memlock_used = 0;
    std::uint64_t memlock_limit = 0;
    std::uint64_t reserve_available = 0;
    std::uint64_t reserve_high = 0;
    std::uint32_t accept = 0;     ///< enum labyrinth_accept
    std::uint32_t inbox = 0;      ///< blocks; 0: there is none yet
    std::uint32_t inbox_used = 0; ///< blocks
    std::uint32_t deferred = 0;   ///< of these, still to come
};

/// A block as its owner sees it (ioctl QUERY).
struct Block {
    Handle handle = 0;
    std::uint64_t tag = 0;
    std::uint64_t used = 0; ///< bytes
    std::uint32_t order = 0;
};

/// Addresses of this process, from the first to the one behind the last.
struct AddressRange {
    std::uint64_t begin = 0;
    std::uint64_t end = 0;
};

/// One node's reserve.
struct Reserve {
    std::uint32_t node = 0;
    std::uint64_t low = 0;
    std::uint64_t high = 0;
    std::uint64_t emergency = 0;
    std::uint64_t available = 0;
    std::uint64_t guaranteed = 0;
    std::uint64_t emergency_available = 0;
    std::uint64_t cpu = 0;
};

struct Info {
    std::string version;
    std::uint32_t page_size = 0;
    std::uint32_t max_order = 0;
    std::uint32_t max_batch = 0;
    std::uint64_t slots = 0;
    std::uint64_t slots_vacant = 0;
    std::uint64_t pages_taken = 0;
    std::uint32_t owners = 0;
    std::uint64_t guaranteed = 0;
    bool debug = false;
    std::optional<std::uint64_t> ceiling; ///< most that pages_taken can be
    std::vector<Reserve> reserve;
};

struct Owner {
    std::uint32_t id = 0;
    std::uint32_t kind = 0;
    std::string name;
    std::optional<std::uint32_t> uid;
    std::optional<std::uint32_t> gid;
    std::optional<std::uint32_t> mode; ///< named owners
    std::optional<std::uint32_t> pid;  ///< absent if none
    std::uint64_t used = 0;
    std::uint64_t quota = 0;
    std::uint64_t guarantee = 0;
    std::uint64_t guarantee_available = 0;
    bool emergency = false;
    std::uint64_t quarantined = 0;
    std::uint64_t age_ns = 0;
    std::optional<bool> attached;       ///< named owners
    std::uint32_t accept = 0;           ///< enum labyrinth_accept
    std::optional<std::uint32_t> inbox; ///< blocks; absent while there is none
    std::uint32_t inbox_used = 0;       ///< blocks
    std::uint32_t deferred = 0;         ///< of these, still to come
};

struct Page {
    Handle handle = 0;
    std::uint32_t owner = 0;
    std::uint32_t state = 0;
    std::uint32_t order = 0;
    std::uint32_t scope = 0;
    std::uint32_t rung = 0;
    std::uint64_t tag = 0;
    std::uint64_t used = 0;              ///< bytes
    std::optional<std::uint64_t> age_ns; ///< absent where nobody looked at a clock
    std::optional<std::uint64_t> phys;   ///< admins only
    std::optional<bool> mapped;          ///< mmap(2) can find it; an older module does not say
};

/// Counts, each with a number of one of the contract's enums.
using ByNumber = std::vector<std::pair<std::uint32_t, std::uint64_t>>;

struct Stats {
    ByNumber alloc; ///< by enum labyrinth_rung
    ByNumber fail;  ///< by enum labyrinth_reason
    std::uint64_t free = 0;
    std::uint64_t recycled = 0;
    std::uint64_t returned = 0;
    std::uint64_t refilled = 0;
    std::uint64_t refill_failed = 0;
    std::uint64_t refill_held = 0;
    std::uint64_t quarantined = 0;
    std::uint64_t given = 0;   ///< blocks
    std::uint64_t taken = 0;   ///< blocks, out of inboxes
    std::uint64_t dropped = 0; ///< blocks whose receiver died before it took them
    ByNumber refused;          ///< blocks that were not given, by enum labyrinth_reason
    std::uint64_t deferred = 0;
    std::uint64_t revoked = 0;
};

/// How long allocations took, in one context, by the rung that served them.
struct LatencyRecord {
    std::uint32_t context = 0; ///< enum labyrinth_context
    std::uint32_t rung = 0;
    std::uint64_t count = 0;      ///< calls
    std::uint64_t longest_ns = 0; ///< since reset
    std::uint64_t late = 0;       ///< calls beyond the deadline
    ByNumber buckets;             ///< calls by bucket (histogram.hh), those that are not empty
};

struct Latency {
    bool enabled = false;
    std::uint64_t deadline_ns = 0; ///< 0: none
    std::vector<LatencyRecord> records;
};

struct Verdict {
    static constexpr std::uint32_t agree = 0, disagree = 1, busy = 2;
    std::uint32_t result = 0;
    std::uint32_t tries = 0;
    std::uint64_t slots = 0;
    std::uint64_t pages = 0;
    std::string book; ///< empty if none
    std::string text;
    std::optional<std::uint64_t> expected;
    std::optional<std::uint64_t> found;
};

/// A dump; interrupted if owners came or went in every one of the tries.
template <class T> struct Listing {
    std::vector<T> entries;
    bool interrupted = false;
};

} // namespace labyrinth
