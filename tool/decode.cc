// SPDX-License-Identifier: GPL-2.0-only
#include "decode.hh"

#include <cerrno>
#include <cstring>

#include <fmt/core.h>
#include <linux/labyrinth_netlink.h>

namespace labyrinth {
namespace {

/// Reads what must be there, and remembers the first that was not.
class Reader {
public:
    explicit Reader(const Attrs& attrs) : attrs_(attrs) {}

    std::uint32_t u32(std::uint16_t type, const char* name) { return need(attrs_.u32(type), name); }
    std::uint64_t u64(std::uint16_t type, const char* name) { return need(attrs_.u64(type), name); }

    template <class T> Result<T> finish(T value) const {
        if (missing_ == nullptr)
            return value;
        return Error{.what = "reading the kernel's answer",
                     .cause = fmt::format("attribute {} is missing or malformed", missing_),
                     .hint = "tool and module may not be of one version: compare `labyrinth -V` "
                             "and `modinfo labyrinth`",
                     .err = EPROTO};
    }

    void miss(const char* name) {
        if (missing_ == nullptr)
            missing_ = name;
    }

private:
    template <class T> T need(std::optional<T> value, const char* name) {
        if (!value)
            miss(name);
        return value.value_or(T{});
    }

    const Attrs& attrs_;
    const char* missing_ = nullptr;
};

Result<Reserve> decode_reserve(const Attrs& attrs) {
    Reader in(attrs);
    Reserve r;
    r.node = in.u32(LABYRINTH_A_RESERVE_NODE, "reserve-node");
    r.low = in.u64(LABYRINTH_A_RESERVE_LOW, "reserve-low");
    r.high = in.u64(LABYRINTH_A_RESERVE_HIGH, "reserve-high");
    r.emergency = in.u64(LABYRINTH_A_RESERVE_EMERGENCY, "reserve-emergency");
    r.available = in.u64(LABYRINTH_A_RESERVE_AVAILABLE, "reserve-available");
    r.guaranteed = in.u64(LABYRINTH_A_RESERVE_GUARANTEED, "reserve-guaranteed");
    r.emergency_available =
        in.u64(LABYRINTH_A_RESERVE_EMERGENCY_AVAILABLE, "reserve-emergency-available");
    r.cpu = in.u64(LABYRINTH_A_RESERVE_CPU, "reserve-cpu");
    return in.finish(r);
}

/// A nest of u64, by type. What has another size (alignment) is none of them.
ByNumber counts_in(Bytes nest) {
    ByNumber counts;
    Attrs(nest).each([&](std::uint16_t number, Bytes payload) {
        std::uint64_t count = 0;
        if (payload.size() != sizeof(count))
            return;
        std::memcpy(&count, payload.data(), sizeof(count));
        counts.emplace_back(number, count);
    });
    return counts;
}

ByNumber decode_counts(const Attrs& attrs, std::uint16_t type, const char* name, Reader& in) {
    const auto nest = attrs.find(type);
    if (!nest)
        in.miss(name);
    return nest ? counts_in(*nest) : ByNumber{};
}

/// A bucket's type is its number and one: there is no type 0.
ByNumber decode_buckets(const Attrs& attrs, Reader& in) {
    ByNumber buckets;
    for (const auto& [type, count] :
         decode_counts(attrs, LABYRINTH_A_LATENCY_BUCKET, "latency-bucket", in))
        if (type > 0 && type <= LABYRINTH_LATENCY_BUCKETS)
            buckets.emplace_back(type - 1, count);
    return buckets;
}

} // namespace

Result<Info> decode_info(const Attrs& attrs) {
    Reader in(attrs);
    Info info;
    info.version = attrs.string(LABYRINTH_A_INFO_VERSION).value_or("");
    info.page_size = in.u32(LABYRINTH_A_INFO_PAGE_SIZE, "info-page-size");
    info.max_order = in.u32(LABYRINTH_A_INFO_MAX_ORDER, "info-max-order");
    info.max_batch = in.u32(LABYRINTH_A_INFO_MAX_BATCH, "info-max-batch");
    info.slots = in.u64(LABYRINTH_A_INFO_SLOTS, "info-slots");
    info.slots_vacant = in.u64(LABYRINTH_A_INFO_SLOTS_VACANT, "info-slots-vacant");
    info.pages_taken = in.u64(LABYRINTH_A_INFO_PAGES_TAKEN, "info-pages-taken");
    info.owners = in.u32(LABYRINTH_A_INFO_OWNERS, "info-owners");
    info.guaranteed = in.u64(LABYRINTH_A_INFO_GUARANTEED, "info-guaranteed");
    info.debug = attrs.find(LABYRINTH_A_INFO_DEBUG).has_value();
    info.ceiling = attrs.u64(LABYRINTH_A_INFO_CEILING);

    std::optional<Error> bad;
    attrs.each([&](std::uint16_t type, Bytes payload) {
        if (type != LABYRINTH_A_INFO_RESERVE)
            return;
        auto reserve = decode_reserve(Attrs(payload));
        if (reserve)
            info.reserve.push_back(*reserve);
        else
            bad = reserve.error();
    });
    if (bad)
        return *bad;
    return in.finish(std::move(info));
}

Result<Owner> decode_owner(const Attrs& attrs) {
    Reader in(attrs);
    Owner owner;
    owner.id = in.u32(LABYRINTH_A_OWNER_ID, "owner-id");
    owner.kind = in.u32(LABYRINTH_A_OWNER_KIND, "owner-kind");
    owner.name = attrs.string(LABYRINTH_A_OWNER_NAME).value_or("");
    owner.uid = attrs.u32(LABYRINTH_A_OWNER_UID);
    owner.gid = attrs.u32(LABYRINTH_A_OWNER_GID);
    owner.mode = attrs.u32(LABYRINTH_A_OWNER_MODE);
    owner.pid = attrs.u32(LABYRINTH_A_OWNER_PID);
    owner.used = in.u64(LABYRINTH_A_OWNER_USED, "owner-used");
    owner.quota = in.u64(LABYRINTH_A_OWNER_QUOTA, "owner-quota");
    owner.guarantee = in.u64(LABYRINTH_A_OWNER_GUARANTEE, "owner-guarantee");
    owner.guarantee_available =
        in.u64(LABYRINTH_A_OWNER_GUARANTEE_AVAILABLE, "owner-guarantee-available");
    owner.emergency = in.u32(LABYRINTH_A_OWNER_EMERGENCY, "owner-emergency") != 0;
    owner.quarantined = in.u64(LABYRINTH_A_OWNER_QUARANTINED, "owner-quarantined");
    owner.age_ns = in.u64(LABYRINTH_A_OWNER_AGE, "owner-age");
    if (auto attached = attrs.u32(LABYRINTH_A_OWNER_ATTACHED))
        owner.attached = *attached != 0;
    owner.accept = attrs.u32(LABYRINTH_A_OWNER_ACCEPT).value_or(0);
    owner.inbox = attrs.u32(LABYRINTH_A_OWNER_INBOX);
    owner.inbox_used = attrs.u32(LABYRINTH_A_OWNER_INBOX_USED).value_or(0);
    owner.deferred = attrs.u32(LABYRINTH_A_OWNER_DEFERRED).value_or(0);
    return in.finish(std::move(owner));
}

Result<Page> decode_page(const Attrs& attrs) {
    Reader in(attrs);
    Page page;
    page.handle = in.u64(LABYRINTH_A_PAGE_HANDLE, "page-handle");
    page.owner = in.u32(LABYRINTH_A_PAGE_OWNER, "page-owner");
    page.state = in.u32(LABYRINTH_A_PAGE_STATE, "page-state");
    page.order = in.u32(LABYRINTH_A_PAGE_ORDER, "page-order");
    page.scope = in.u32(LABYRINTH_A_PAGE_SCOPE, "page-scope");
    page.rung = in.u32(LABYRINTH_A_PAGE_RUNG, "page-rung");
    page.tag = in.u64(LABYRINTH_A_PAGE_TAG, "page-tag");
    page.used = in.u64(LABYRINTH_A_PAGE_USED, "page-used");
    page.age_ns = attrs.u64(LABYRINTH_A_PAGE_AGE);
    page.phys = attrs.u64(LABYRINTH_A_PAGE_PHYS);
    if (auto mapped = attrs.u32(LABYRINTH_A_PAGE_MAPPED))
        page.mapped = *mapped != 0;
    return in.finish(page);
}

Result<Stats> decode_stats(const Attrs& attrs) {
    Reader in(attrs);
    Stats stats;
    stats.alloc = decode_counts(attrs, LABYRINTH_A_STATS_ALLOC, "stats-alloc", in);
    stats.fail = decode_counts(attrs, LABYRINTH_A_STATS_FAIL, "stats-fail", in);
    stats.free = in.u64(LABYRINTH_A_STATS_FREE, "stats-free");
    stats.recycled = in.u64(LABYRINTH_A_STATS_RECYCLED, "stats-recycled");
    stats.returned = in.u64(LABYRINTH_A_STATS_RETURNED, "stats-returned");
    stats.refilled = in.u64(LABYRINTH_A_STATS_REFILLED, "stats-refilled");
    stats.refill_failed = in.u64(LABYRINTH_A_STATS_REFILL_FAILED, "stats-refill-failed");
    stats.refill_held = in.u64(LABYRINTH_A_STATS_REFILL_HELD, "stats-refill-held");
    stats.quarantined = in.u64(LABYRINTH_A_STATS_QUARANTINED, "stats-quarantined");
    stats.given = attrs.u64(LABYRINTH_A_STATS_GIVEN).value_or(0);
    stats.taken = attrs.u64(LABYRINTH_A_STATS_TAKEN).value_or(0);
    stats.dropped = attrs.u64(LABYRINTH_A_STATS_DROPPED).value_or(0);
    stats.deferred = attrs.u64(LABYRINTH_A_STATS_DEFERRED).value_or(0);
    stats.revoked = attrs.u64(LABYRINTH_A_STATS_REVOKED).value_or(0);
    if (const auto refused = attrs.find(LABYRINTH_A_STATS_REFUSED))
        stats.refused = counts_in(*refused);
    return in.finish(std::move(stats));
}

Result<Latency> decode_latency(const Attrs& attrs) {
    Reader in(attrs);
    Latency latency;
    latency.enabled = in.u32(LABYRINTH_A_LATENCY_ENABLED, "latency-enabled") != 0;
    latency.deadline_ns = in.u64(LABYRINTH_A_LATENCY_DEADLINE, "latency-deadline");
    return in.finish(std::move(latency));
}

Result<LatencyRecord> decode_latency_record(const Attrs& attrs) {
    Reader in(attrs);
    LatencyRecord record;
    record.context = in.u32(LABYRINTH_A_LATENCY_CONTEXT, "latency-context");
    record.rung = in.u32(LABYRINTH_A_LATENCY_RUNG, "latency-rung");
    record.count = in.u64(LABYRINTH_A_LATENCY_COUNT, "latency-count");
    record.longest_ns = in.u64(LABYRINTH_A_LATENCY_LONGEST, "latency-longest");
    record.late = in.u64(LABYRINTH_A_LATENCY_LATE, "latency-late");
    record.buckets = decode_buckets(attrs, in);
    return in.finish(std::move(record));
}

Result<Verdict> decode_verdict(const Attrs& attrs) {
    Reader in(attrs);
    Verdict verdict;
    verdict.result = in.u32(LABYRINTH_A_VERIFY_RESULT, "verify-result");
    verdict.tries = in.u32(LABYRINTH_A_VERIFY_TRIES, "verify-tries");
    verdict.slots = in.u64(LABYRINTH_A_VERIFY_SLOTS, "verify-slots");
    verdict.pages = in.u64(LABYRINTH_A_VERIFY_PAGES, "verify-pages");
    verdict.book = attrs.string(LABYRINTH_A_VERIFY_BOOK).value_or("");
    verdict.text = attrs.string(LABYRINTH_A_VERIFY_TEXT).value_or("");
    verdict.expected = attrs.u64(LABYRINTH_A_VERIFY_EXPECTED);
    verdict.found = attrs.u64(LABYRINTH_A_VERIFY_FOUND);
    return in.finish(std::move(verdict));
}

} // namespace labyrinth
