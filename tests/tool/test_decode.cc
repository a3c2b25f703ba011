// SPDX-License-Identifier: GPL-2.0-only
#include <functional>

#include <linux/labyrinth.h>
#include <linux/labyrinth_netlink.h>

#include "decode.hh"
#include "tap.hh"

using namespace labyrinth;

namespace {

/// An owner's attributes, all but @without.
AttrBuilder owner(std::uint16_t without = 0) {
    AttrBuilder b;
    for (const std::uint16_t type :
         {LABYRINTH_A_OWNER_ID, LABYRINTH_A_OWNER_KIND, LABYRINTH_A_OWNER_EMERGENCY})
        if (type != without)
            b.u32(type, type + 100U);
    for (const std::uint16_t type :
         {LABYRINTH_A_OWNER_USED, LABYRINTH_A_OWNER_QUOTA, LABYRINTH_A_OWNER_GUARANTEE,
          LABYRINTH_A_OWNER_GUARANTEE_AVAILABLE, LABYRINTH_A_OWNER_QUARANTINED,
          LABYRINTH_A_OWNER_AGE})
        if (type != without)
            b.u64(type, type + 100U);
    return b;
}

void owners(tap::Report& t) {
    AttrBuilder b = owner();
    b.string(LABYRINTH_A_OWNER_NAME, "db").u32(LABYRINTH_A_OWNER_PID, 77);
    const auto o = decode_owner(Attrs(b.bytes()));
    t.check(o && o->id == LABYRINTH_A_OWNER_ID + 100U && o->kind == LABYRINTH_A_OWNER_KIND + 100U,
            "owner: number and kind");
    t.check(o && o->used == LABYRINTH_A_OWNER_USED + 100U &&
                o->quota == LABYRINTH_A_OWNER_QUOTA + 100U &&
                o->guarantee == LABYRINTH_A_OWNER_GUARANTEE + 100U &&
                o->guarantee_available == LABYRINTH_A_OWNER_GUARANTEE_AVAILABLE + 100U &&
                o->quarantined == LABYRINTH_A_OWNER_QUARANTINED + 100U &&
                o->age_ns == LABYRINTH_A_OWNER_AGE + 100U && o->emergency,
            "owner: each figure comes from its attribute");
    t.check(o && o->name == "db" && o->pid == 77U, "owner: name and process");
    t.check(o && !o->uid && !o->mode && !o->attached, "owner: what is absent stays absent");
    t.check(o && o->accept == LABYRINTH_ACCEPT_NONE && !o->inbox && o->inbox_used == 0 &&
                o->deferred == 0,
            "owner: one of an older module has no inbox");
    b.u32(LABYRINTH_A_OWNER_ACCEPT, 2).u32(LABYRINTH_A_OWNER_INBOX, 18);
    b.u32(LABYRINTH_A_OWNER_INBOX_USED, 19).u32(LABYRINTH_A_OWNER_DEFERRED, 20);
    const auto inbox = decode_owner(Attrs(b.bytes()));
    t.check(inbox && inbox->accept == 2 && inbox->inbox == 18U && inbox->inbox_used == 19 &&
                inbox->deferred == 20,
            "owner: its inbox");
    for (const std::uint16_t type :
         {LABYRINTH_A_OWNER_ID, LABYRINTH_A_OWNER_EMERGENCY, LABYRINTH_A_OWNER_QUOTA})
        t.check(!decode_owner(Attrs(owner(type).bytes())),
                "owner: one that must be there is missed");
    const auto missing = decode_owner(Attrs(owner(LABYRINTH_A_OWNER_QUOTA).bytes()));
    t.check(!missing && missing.error().cause.find("owner-quota") != std::string::npos,
            "owner: the error names what is missing");
}

void pages(tap::Report& t) {
    AttrBuilder b;
    b.u64(LABYRINTH_A_PAGE_HANDLE, 11).u32(LABYRINTH_A_PAGE_OWNER, 12);
    b.u32(LABYRINTH_A_PAGE_STATE, 2).u32(LABYRINTH_A_PAGE_ORDER, 3);
    b.u32(LABYRINTH_A_PAGE_SCOPE, 1).u32(LABYRINTH_A_PAGE_RUNG, 5);
    b.u64(LABYRINTH_A_PAGE_TAG, 16).u64(LABYRINTH_A_PAGE_USED, 17).u64(LABYRINTH_A_PAGE_AGE, 18);
    auto p = decode_page(Attrs(b.bytes()));
    t.check(p && p->handle == 11 && p->owner == 12 && p->state == 2 && p->order == 3 &&
                p->scope == 1 && p->rung == 5 && p->tag == 16 && p->used == 17 && p->age_ns == 18,
            "page: each figure comes from its attribute");
    AttrBuilder ageless;
    ageless.u64(LABYRINTH_A_PAGE_HANDLE, 11).u32(LABYRINTH_A_PAGE_OWNER, 12);
    ageless.u32(LABYRINTH_A_PAGE_STATE, 4).u32(LABYRINTH_A_PAGE_ORDER, 0);
    ageless.u32(LABYRINTH_A_PAGE_SCOPE, 0).u32(LABYRINTH_A_PAGE_RUNG, 1);
    ageless.u64(LABYRINTH_A_PAGE_TAG, 16).u64(LABYRINTH_A_PAGE_USED, 17);
    const auto given = decode_page(Attrs(ageless.bytes()));
    t.check(given && !given->age_ns, "page: without an age, where nobody looked at a clock");
    t.check(p && !p->phys, "page: no physical address for others");
    t.check(p && !p->mapped, "page: an older module does not say whether it is mapped");
    for (const std::uint32_t mapped : {0U, 1U}) {
        AttrBuilder said = b;
        said.u32(LABYRINTH_A_PAGE_MAPPED, mapped);
        const auto q = decode_page(Attrs(said.bytes()));
        t.check(q && q->mapped == (mapped != 0), "page: mapped, or not");
    }
    b.u64(LABYRINTH_A_PAGE_PHYS, 4096);
    p = decode_page(Attrs(b.bytes()));
    t.check(p && p->phys == 4096U, "page: physical address for admins");
    t.check(!decode_page(Attrs(Bytes{})), "page: an empty answer is an error");
}

AttrBuilder node(std::uint32_t number) {
    AttrBuilder b;
    b.u32(LABYRINTH_A_RESERVE_NODE, number);
    for (std::uint16_t type = LABYRINTH_A_RESERVE_LOW; type <= LABYRINTH_A_RESERVE_CPU; type++)
        b.u64(type, 10U * type);
    return b;
}

void infos(tap::Report& t) {
    AttrBuilder b;
    b.string(LABYRINTH_A_INFO_VERSION, "1.2").u32(LABYRINTH_A_INFO_PAGE_SIZE, 4096);
    b.u32(LABYRINTH_A_INFO_MAX_ORDER, 9).u32(LABYRINTH_A_INFO_MAX_BATCH, 512);
    b.u64(LABYRINTH_A_INFO_SLOTS, 100).u64(LABYRINTH_A_INFO_SLOTS_VACANT, 60);
    b.u64(LABYRINTH_A_INFO_PAGES_TAKEN, 40).u32(LABYRINTH_A_INFO_OWNERS, 3);
    b.u64(LABYRINTH_A_INFO_GUARANTEED, 8);
    b.nest(LABYRINTH_A_INFO_RESERVE, node(0)).nest(LABYRINTH_A_INFO_RESERVE, node(1));
    const auto i = decode_info(Attrs(b.bytes()));
    t.check(i && i->version == "1.2" && i->slots == 100 && i->slots_vacant == 60 &&
                i->pages_taken == 40 && i->owners == 3 && i->guaranteed == 8 && !i->debug,
            "info: figures");
    t.check(i && !i->ceiling, "info: an older module has no ceiling");
    AttrBuilder newer = b;
    newer.u64(LABYRINTH_A_INFO_CEILING, 99);
    const auto bounded = decode_info(Attrs(newer.bytes()));
    t.check(bounded && bounded->ceiling == 99U, "info: the ceiling");
    t.check(i && i->reserve.size() == 2 && i->reserve[1].node == 1 && i->reserve[1].low == 20 &&
                i->reserve[1].high == 30 && i->reserve[1].emergency == 40 &&
                i->reserve[1].available == 50 && i->reserve[1].guaranteed == 60 &&
                i->reserve[1].emergency_available == 70 && i->reserve[1].cpu == 80,
            "info: a reserve for each node");
    b.nest(LABYRINTH_A_INFO_RESERVE, AttrBuilder().u32(LABYRINTH_A_RESERVE_NODE, 2));
    t.check(!decode_info(Attrs(b.bytes())), "info: half a reserve is an error");
}

void counters(tap::Report& t) {
    AttrBuilder b;
    b.nest(LABYRINTH_A_STATS_ALLOC, AttrBuilder().u64(1, 11).u64(3, 33));
    b.nest(LABYRINTH_A_STATS_FAIL, AttrBuilder().u64(4, 44));
    for (std::uint16_t type = LABYRINTH_A_STATS_FREE; type < LABYRINTH_A_STATS_PAD; type++)
        b.u64(type, type);
    const auto s = decode_stats(Attrs(b.bytes()));
    t.check(s && s->alloc == ByNumber{{1, 11}, {3, 33}}, "stats: by rung");
    t.check(s && s->fail == ByNumber{{4, 44}}, "stats: by reason");
    t.check(s && s->free == LABYRINTH_A_STATS_FREE && s->recycled == LABYRINTH_A_STATS_RECYCLED &&
                s->returned == LABYRINTH_A_STATS_RETURNED &&
                s->refilled == LABYRINTH_A_STATS_REFILLED &&
                s->refill_failed == LABYRINTH_A_STATS_REFILL_FAILED &&
                s->refill_held == LABYRINTH_A_STATS_REFILL_HELD &&
                s->quarantined == LABYRINTH_A_STATS_QUARANTINED,
            "stats: each counter comes from its attribute");
    t.check(s && s->given == 0 && s->revoked == 0 && s->refused.empty(),
            "stats: an older module's have no gives");
    b.u64(LABYRINTH_A_STATS_GIVEN, 111).u64(LABYRINTH_A_STATS_TAKEN, 112);
    b.u64(LABYRINTH_A_STATS_DROPPED, 113).u64(LABYRINTH_A_STATS_DEFERRED, 115);
    b.u64(LABYRINTH_A_STATS_REVOKED, 116);
    b.nest(LABYRINTH_A_STATS_REFUSED, AttrBuilder().u64(12, 5).u64(13, 6));
    const auto later = decode_stats(Attrs(b.bytes()));
    t.check(later && later->given == 111 && later->taken == 112 && later->dropped == 113 &&
                later->deferred == 115 && later->revoked == 116 &&
                later->refused == ByNumber{{12, 5}, {13, 6}},
            "stats: gives and takes");
}

void latencies(tap::Report& t) {
    AttrBuilder b;
    b.u32(LABYRINTH_A_LATENCY_ENABLED, 1).u64(LABYRINTH_A_LATENCY_DEADLINE, 5000);
    const auto l = decode_latency(Attrs(b.bytes()));
    t.check(l && l->enabled && l->deadline_ns == 5000 && l->records.empty(),
            "latency: on, with a deadline");
    t.check(!decode_latency(Attrs(Bytes{})), "latency: an empty answer is an error");

    AttrBuilder r;
    r.u32(LABYRINTH_A_LATENCY_CONTEXT, 2).u32(LABYRINTH_A_LATENCY_RUNG, 1);
    r.u64(LABYRINTH_A_LATENCY_COUNT, 30).u64(LABYRINTH_A_LATENCY_LONGEST, 31);
    r.u64(LABYRINTH_A_LATENCY_LATE, 32);
    t.check(!decode_latency_record(Attrs(r.bytes())), "latency: a record without its histogram");
    AttrBuilder nest;
    nest.flag(LABYRINTH_A_LATENCY_PAD).u64(1, 10).u64(LABYRINTH_A_LATENCY_PAD, 11);
    nest.u64(0, 9);
    nest.u64(LABYRINTH_LATENCY_BUCKETS, 12).u64(LABYRINTH_LATENCY_BUCKETS + 1, 13);
    r.nest(LABYRINTH_A_LATENCY_BUCKET, nest);
    const auto record = decode_latency_record(Attrs(r.bytes()));
    t.check(record && record->context == 2 && record->rung == 1 && record->count == 30 &&
                record->longest_ns == 31 && record->late == 32,
            "latency: each figure comes from its attribute");
    t.check(record && record->buckets == ByNumber{{0, 10},
                                                  {LABYRINTH_A_LATENCY_PAD - 1, 11},
                                                  {LABYRINTH_LATENCY_BUCKETS - 1, 12}},
            "latency: a bucket's type is one more than its number; no padding, none beyond");
}

void verdicts(tap::Report& t) {
    AttrBuilder b;
    b.u32(LABYRINTH_A_VERIFY_RESULT, 1).u32(LABYRINTH_A_VERIFY_TRIES, 3);
    b.u64(LABYRINTH_A_VERIFY_SLOTS, 64).u64(LABYRINTH_A_VERIFY_PAGES, 32);
    auto v = decode_verdict(Attrs(b.bytes()));
    t.check(v && v->result == 1 && v->tries == 3 && v->slots == 64 && v->pages == 32 &&
                v->book.empty() && !v->expected,
            "verify: without a book");
    b.string(LABYRINTH_A_VERIFY_BOOK, "rings").string(LABYRINTH_A_VERIFY_TEXT, "text");
    b.u64(LABYRINTH_A_VERIFY_EXPECTED, 5).u64(LABYRINTH_A_VERIFY_FOUND, 4);
    v = decode_verdict(Attrs(b.bytes()));
    t.check(v && v->book == "rings" && v->text == "text" && v->expected == 5U && v->found == 4U,
            "verify: with a book");
}

} // namespace

void test_decode(tap::Report& t) {
    owners(t);
    pages(t);
    infos(t);
    counters(t);
    latencies(t);
    verdicts(t);
}
