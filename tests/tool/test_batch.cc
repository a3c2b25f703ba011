// SPDX-License-Identifier: GPL-2.0-only
#include "batch.hh"
#include "fake_pages.hh"
#include "tap.hh"

using namespace labyrinth;

namespace {

AllocRequest shape(bool partial, std::uint32_t order = 0) {
    AllocRequest request{.policy = fail_policy(), .order = order, .tag = 100};
    request.policy.partial = partial;
    return request;
}

void allocs(tap::Report& t) {
    FakePages fake;
    auto reply = alloc_all(fake, shape(false), 10);
    bool tags = reply && reply->handles.size() == 10;
    for (std::size_t i = 0; tags && i < 10; i++)
        tags = fake.pages.at(reply->handles[i]).tag == 100 + i;
    t.check(tags, "batch: 10 blocks in calls of 4, tags count on");

    FakePages tight;
    tight.quota = 10;
    reply = alloc_all(tight, shape(false), 11);
    t.check(!reply && reply.error().err == EDQUOT && reply.error().wanted == 11 &&
                tight.pages.empty(),
            "batch: all or nothing over several calls");
    reply = alloc_all(tight, shape(false, 1), 6);
    t.check(!reply && reply.error().wanted == 12 && tight.pages.empty(),
            "batch: pages wanted, by order");
    reply = alloc_all(tight, shape(true), 11);
    t.check(reply && reply->handles.size() == 10 && reply->reason == LABYRINTH_REASON_QUOTA,
            "batch: partial keeps what could be had, and says why it is less");
    reply = alloc_all(tight, shape(true), 1);
    t.check(!reply && tight.pages.size() == 10, "batch: partial fails if that is nothing");
    FakePages even;
    even.quota = 8;
    reply = alloc_all(even, shape(true), 11);
    t.check(reply && reply->handles.size() == 8 && reply->reason == LABYRINTH_REASON_QUOTA,
            "batch: partial, where the last call gets nothing");
}

void frees(tap::Report& t) {
    FakePages fake;
    const auto reply = alloc_all(fake, shape(false), 10);
    std::vector<Handle> handles = reply->handles;
    handles.push_back(999);
    const auto before = fake.pages;
    auto freed = release_all(fake, handles, false);
    t.check(!freed && freed.error().err == ENOENT && freed.error().index == 10 &&
                fake.pages == before,
            "batch: a stale handle behind the first call frees nothing, and is named");
    handles.back() = handles.front();
    freed = release_all(fake, handles, false);
    t.check(!freed && freed.error().index == 10 && fake.pages == before,
            "batch: a handle twice, in two calls, frees nothing");
    handles.back() = 999;
    freed = release_all(fake, handles, true);
    t.check(freed && *freed == 10 && fake.pages.empty(), "batch: partial skips it");
    handles = alloc_all(fake, shape(false), 8)->handles;
    freed = release_all(fake, handles, false);
    t.check(freed && *freed == 8 && fake.pages.empty(), "batch: all, in more calls than one");
    handles = alloc_all(fake, shape(false), 8)->handles;
    handles.insert(handles.begin() + 4, {996, 997, 998, 999});
    freed = release_all(fake, handles, true);
    t.check(freed && *freed == 8 && fake.pages.empty(),
            "batch: partial goes on behind a call that finds nothing");
    fake.heal();
    fake.fail_at = 1;
    freed = release_all(fake, handles, true);
    t.check(!freed && freed.error().err == FakePages::injected,
            "batch: partial is no leave for other failures");
    fake.heal();
    freed = release_all(fake, {}, false);
    t.check(freed && *freed == 0, "batch: none of none");
}

void walks(tap::Report& t) {
    FakePages fake;
    const auto reply = alloc_all(fake, shape(false), 9);
    const auto blocks = all_blocks(fake);
    bool same = blocks && blocks->size() == 9;
    for (std::size_t i = 0; same && i < 9; i++)
        same = (*blocks)[i].handle == reply->handles[i] && (*blocks)[i].tag == 100 + i;
    t.check(same, "batch: all blocks, in the order in which they were taken");
    FakePages none;
    t.check(all_blocks(none) && all_blocks(none)->empty(), "batch: no blocks");
    int failures = 0;
    for (int n = 1; n <= 11; n++) {
        fake.heal();
        fake.fail_at = n;
        failures += !all_blocks(fake);
    }
    t.check(failures == 11, "batch: a walk that fails anywhere is no shorter list");
}

} // namespace

void test_batch(tap::Report& t) {
    allocs(t);
    frees(t);
    walks(t);
}
