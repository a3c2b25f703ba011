// SPDX-License-Identifier: GPL-2.0-only
//
// How `labyrinth write` lays a file out over an owner's pages. This comment is
// the definition.
//
// The data are cut into pages of order 0, in order. A page's used length says
// how many of its bytes count; the first bytes do. Its tag says where it
// belongs, so that nothing depends on the order in which pages were taken:
//
//	63          48 47          32 31 30                                 0
//	+--------------+--------------+--+----------------------------------+
//	| 0x1ABD       | generation   |C | C=0: sequence number 0, 1, 2 ... |
//	| (signature)  | of the write |  | C=1: this is page 0, committed;  |
//	|              |              |  |      number of pages in all      |
//	+--------------+--------------+--+----------------------------------+
//
// Commit. A writer fills its pages with C=0 everywhere; such pages are nobody's
// data. Then it sets one tag, that of page 0, to C=1 and the number of pages.
// One SET happens or does not, so whoever looks, and whenever the writer is
// killed, sees the data from before or the data from after, whole.
//
// Replace: a new generation (the next, modulo 2^16) is written beside the old
// one and committed; after that the old one is freed. Of two committed
// generations the later counts; the other is left from a writer that was killed.
// Append: pages N, N+1 ... of the same generation are written, then page 0's
// number is raised. Appended data start in a page of their own.
// Data of no bytes are one committed page with used length 0.
//
// What does not belong to the data that count (an older generation, C=0 without
// a page 0, a sequence number that page 0 does not include) is left over: never
// read, freed by the next write. Pages without the signature are not ours and
// are never touched. A committed generation that lacks a page, or has one twice,
// is damaged: it is not read, and only replaced on request.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "model.hh"

namespace labyrinth {

/// A page's tag, taken apart.
struct StreamTag {
    static constexpr std::uint64_t signature = 0x1ABD;
    static constexpr std::uint64_t first = signature << 48;
    static constexpr std::uint64_t last = first | 0xFFFF'FFFF'FFFFULL;
    static constexpr std::uint32_t max_pages = 0x7FFF'FFFF;

    std::uint16_t generation = 0;
    bool committed = false;   ///< this is page 0 of data that are whole
    std::uint32_t number = 0; ///< pages in all if committed, else sequence number

    static constexpr bool is_stream(std::uint64_t tag) { return tag >> 48 == signature; }
    static StreamTag unpack(std::uint64_t tag);
    std::uint64_t pack() const;
    /// Place in the sequence.
    std::uint32_t sequence() const { return committed ? 0 : number; }
};

/// An owner's pages, sorted out.
struct Survey {
    std::optional<StreamTag> head; ///< page 0 of the data that count, if there are any
    std::vector<Block> data;       ///< their pages, in order (as far as not damaged)
    std::vector<Handle> left_over;
    std::string damage; ///< what is wrong with the data; empty if nothing

    std::uint64_t bytes() const;
};

/// Sorts @blocks out; the order in which they come does not matter.
Survey survey(const std::vector<Block>& blocks, std::uint32_t page_size);

/// "data 0 of 5", "data 3"; empty for a tag that is not ours.
std::string describe_tag(std::uint64_t tag);

} // namespace labyrinth
