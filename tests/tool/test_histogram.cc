// SPDX-License-Identifier: GPL-2.0-only
#include <cstdint>
#include <string>

#include <linux/labyrinth_netlink.h>

#include "histogram.hh"
#include "tap.hh"

using namespace labyrinth;

namespace {

constexpr std::uint32_t last_bucket = LABYRINTH_LATENCY_BUCKETS - 1;

/// As the contract has it, word by word.
std::uint32_t bucket_of(std::uint64_t ns) {
    if (ns < 16)
        return static_cast<std::uint32_t>(ns);
    std::uint32_t e = 0;
    for (std::uint64_t rest = ns; rest > 1; rest /= 2)
        e++;
    if (e >= 34)
        return last_bucket;
    return 8 * (e - 3) + static_cast<std::uint32_t>(ns >> (e - 3) & 7U) + 8;
}

void buckets(tap::Report& t) {
    bool all = true;
    bool seamless = true;
    std::uint64_t next = 0;
    for (std::uint32_t bucket = 0; bucket <= last_bucket; bucket++) {
        const TimeSpan span = bucket_span(bucket);
        all = all && bucket_of(span.first) == bucket && bucket_of(span.last) == bucket;
        seamless = seamless && span.first == next;
        next = span.last + 1;
    }
    t.check(all, "histogram: a bucket's first and last time are counted in it");
    t.check(seamless && next == 0, "histogram: buckets have neither gap nor overlap");
    t.check(bucket_span(15).first == 15 && bucket_span(15).last == 15 &&
                bucket_span(16).first == 16 && bucket_span(16).last == 17,
            "histogram: from 16 on a bucket has more than one time");
    t.check(bucket_span(last_bucket).first == 1ULL << 34 &&
                bucket_span(last_bucket).last == endless,
            "histogram: the last bucket has no end");
    bool narrow = true;
    for (std::uint32_t bucket = 16; bucket < last_bucket; bucket++) {
        const TimeSpan span = bucket_span(bucket);
        narrow = narrow && (span.last - span.first + 1) * 8 <= span.first;
    }
    t.check(narrow, "histogram: a bucket is at most an eighth wide");
}

void percentiles(tap::Report& t) {
    LatencyRecord record;
    t.check(percentile(record, 500) == 0, "percentile: of nothing is 0");
    record.longest_ns = 7;
    record.buckets = {{7, 1}};
    t.check(percentile(record, 500) == 7 && percentile(record, 999) == 7,
            "percentile: one call is all of them");
    record.longest_ns = 1'000'000;
    record.buckets = {{1, 500}, {2, 490}, {3, 9}, {bucket_of(1'000'000), 1}};
    t.check(percentile(record, 500) == 1, "percentile: 500 of 1000 did not exceed it");
    t.check(percentile(record, 501) == 2, "percentile: for 501 it takes the next");
    t.check(percentile(record, 990) == 2 && percentile(record, 999) == 3,
            "percentile: p99 and p99.9");
    t.check(percentile(record, 1000) == 1'000'000,
            "percentile: all of them, and not beyond the longest");
    record.buckets = {{3, 1}, {1, 2}, {2, 0}};
    t.check(percentile(record, 500) == 1, "percentile: the order of buckets does not matter");
    record.buckets = {{1, 0}, {2, 1}};
    t.check(percentile(record, 500) == 2, "percentile: a bucket without calls is none");
    record.buckets = {{1, 3}, {2, 1}};
    t.check(percentile(record, 750) == 1 && percentile(record, 751) == 2,
            "percentile: a part of a call is a call");
    record.longest_ns = endless;
    record.buckets = {{1, 1ULL << 62}, {last_bucket, 1ULL << 62}};
    t.check(percentile(record, 500) == 1 && percentile(record, 501) == endless,
            "percentile: counts of 63 bits do not overflow");
}

void rows(tap::Report& t) {
    t.check(octaves({}).empty() && octaves({{5, 0}}).empty(), "octaves: of nothing");
    const auto found = octaves({{bucket_of(100), 2}, {bucket_of(127), 3}, {bucket_of(600), 4}});
    bool spans = found.size() == 4;
    for (std::size_t i = 0; spans && i < found.size(); i++)
        spans = found[i].span.first == 64ULL << i && found[i].span.last == (128ULL << i) - 1;
    t.check(spans, "octaves: one row for each power of two, from first to last");
    t.check(spans && found[0].count == 5 && found[1].count == 0 && found[2].count == 0 &&
                found[3].count == 4,
            "octaves: with the sum of their buckets, those between empty");
    const auto small = octaves({{0, 1}, {1, 1}, {2, 1}, {3, 1}});
    t.check(small.size() == 3 && small[0].span.last == 0 && small[1].span.last == 1 &&
                small[2].span.first == 2 && small[2].span.last == 3 && small[2].count == 2,
            "octaves: 0, 1, 2 to 3");
    const auto longest = octaves({{last_bucket, 1}});
    t.check(longest.size() == 1 && longest[0].span.first == 1ULL << 34 &&
                longest[0].span.last == endless,
            "octaves: the last has no end");
    t.check(bar_length(0, 100, 50) == 0 && bar_length(100, 100, 50) == 50 &&
                bar_length(50, 100, 50) == 25 && bar_length(0, 0, 50) == 0,
            "bar: in proportion");
    t.check(bar_length(1, 1'000'000'000, 50) == 1, "bar: what is rare can be seen");
    t.check(bar_length(endless, endless, 50) == 50, "bar: the largest count");
}

} // namespace

void test_histogram(tap::Report& t) {
    buckets(t);
    percentiles(t);
    rows(t);
}
