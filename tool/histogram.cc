// SPDX-License-Identifier: GPL-2.0-only
#include "histogram.hh"

#include <algorithm>
#include <array>
#include <bit>
#include <cmath>
#include <limits>

#include <linux/labyrinth_netlink.h>

namespace labyrinth {
namespace {

constexpr std::uint32_t linear = 16;    // buckets of 1 ns
constexpr std::uint32_t per_octave = 8; // and from there on

/// Octave 0 is the time 0 alone; octave n has the times of n bits.
constexpr std::size_t octave_count = std::numeric_limits<std::uint64_t>::digits + 1;

TimeSpan octave_span(std::size_t octave) {
    if (octave == 0)
        return {};
    const std::uint64_t first = std::uint64_t{1} << (octave - 1);
    const bool last = first >= bucket_span(LABYRINTH_LATENCY_BUCKETS - 1).first;
    return {.first = first, .last = last ? endless : first + (first - 1)};
}

/// @permille of @total, rounded up; the product might not fit.
std::uint64_t rank(std::uint64_t total, std::uint32_t permille) {
    return total / 1000 * permille + (total % 1000 * permille + 999) / 1000;
}

} // namespace

TimeSpan bucket_span(std::uint32_t bucket) {
    if (bucket < linear)
        return {.first = bucket, .last = bucket};
    // The place of the time's lowest bit that tells buckets apart.
    const std::uint32_t shift = (bucket - per_octave) / per_octave;
    const std::uint64_t step = per_octave + bucket % per_octave;
    const bool last = bucket >= LABYRINTH_LATENCY_BUCKETS - 1;
    return {.first = step << shift, .last = last ? endless : ((step + 1) << shift) - 1};
}

std::uint64_t percentile(const LatencyRecord& record, std::uint32_t permille) {
    // What was counted while the kernel was answering may be missing from one or
    // the other: only the buckets agree with themselves.
    ByNumber buckets = record.buckets;
    std::ranges::sort(buckets);
    std::uint64_t total = 0;
    for (const auto& [bucket, count] : buckets)
        total += count;
    const std::uint64_t wanted = rank(total, permille);
    std::uint64_t seen = 0;
    for (const auto& [bucket, count] : buckets) {
        seen += count;
        if (count > 0 && seen >= wanted)
            return std::min(bucket_span(bucket).last, record.longest_ns);
    }
    return 0;
}

std::vector<Octave> octaves(const ByNumber& buckets) {
    std::array<std::uint64_t, octave_count> counts{};
    std::size_t begin = counts.size();
    std::size_t end = 0;
    for (const auto& [bucket, count] : buckets) {
        if (count == 0)
            continue;
        const auto octave = static_cast<std::size_t>(std::bit_width(bucket_span(bucket).first));
        counts.at(octave) += count;
        begin = std::min(begin, octave);
        end = std::max(end, octave + 1);
    }
    std::vector<Octave> found;
    for (std::size_t octave = begin; octave < end; octave++)
        found.push_back({.span = octave_span(octave), .count = counts.at(octave)});
    return found;
}

std::uint32_t bar_length(std::uint64_t count, std::uint64_t most, std::uint32_t width) {
    if (most == 0)
        return 0;
    const double part = static_cast<double>(count) / static_cast<double>(most);
    return static_cast<std::uint32_t>(std::ceil(part * width));
}

} // namespace labyrinth
