// SPDX-License-Identifier: GPL-2.0-only
//
// The latency record's arithmetic. Its buckets are log-linear: one for each ns
// below 16, then eight for each power of two; the last has all that is longer.
#pragma once

#include <cstdint>
#include <limits>
#include <vector>

#include "model.hh"

namespace labyrinth {

/// The end of what has none.
constexpr std::uint64_t endless = std::numeric_limits<std::uint64_t>::max();

/// Times from @first to @last, both included, in ns.
struct TimeSpan {
    std::uint64_t first = 0;
    std::uint64_t last = 0;
};

/// The times that one bucket counts; the last one's have no end.
TimeSpan bucket_span(std::uint32_t bucket);

/// A time that at least @permille of 1000 calls did not exceed, and as little
/// above theirs as can be told: within an eighth. 0 if there are no calls.
std::uint64_t percentile(const LatencyRecord& record, std::uint32_t permille);

/// Calls within a power of two.
struct Octave {
    TimeSpan span;
    std::uint64_t count = 0;
};

/// From the first that is not empty to the last, those between included.
std::vector<Octave> octaves(const ByNumber& buckets);

/// How long a bar is, @most calls being @width: one at least for what is not 0.
std::uint32_t bar_length(std::uint64_t count, std::uint64_t most, std::uint32_t width);

} // namespace labyrinth
