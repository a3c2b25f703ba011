// SPDX-License-Identifier: GPL-2.0-only
#include <set>
#include <vector>

#include "batch.hh"
#include "fake_pages.hh"
#include "inbox.hh"
#include "tap.hh"

using namespace labyrinth;

namespace {

/// Keeps what it is given, and lets a waiter's script happen.
class FakeDelivery final : public Delivery {
public:
    explicit FakeDelivery(FakePages& fake) : fake_(fake) {}

    std::vector<std::uint64_t> tags;     ///< of what was delivered
    std::vector<std::size_t> batches;    ///< how many at a time
    std::vector<std::uint64_t> arriving; ///< tags, one for each wait
    Wake at_the_end = Wake::timeout;     ///< once none arrive any more
    std::size_t room_for = 1000;         ///< blocks, before it is interrupted
    std::size_t fail_at = 1000;          ///< blocks, before a delivery fails
    int waits = 0;

    Result<Wake> incoming() override {
        waits++;
        if (arriving.empty())
            return at_the_end;
        fake_.inbox.push_back({.tag = arriving.front()});
        arriving.erase(arriving.begin());
        return Wake::ready;
    }
    Result<Wake> room() override {
        return tags.size() < room_for ? Wake::ready : Wake::interrupted;
    }
    Status deliver(std::span<const Handle> handles) override {
        if (tags.size() >= fail_at)
            return Error{.what = "writing standard output", .err = ENOSPC};
        batches.push_back(handles.size());
        for (const Handle handle : handles) {
            const auto block = fake_.query(handle);
            if (!block)
                return block.error();
            tags.push_back(block->tag);
        }
        return ok();
    }

private:
    FakePages& fake_;
};

void arrive(FakePages& fake, std::uint64_t count) {
    for (std::uint64_t i = 1; i <= count; i++)
        fake.inbox.push_back({.tag = i});
}

std::vector<std::uint64_t> up_to(std::uint64_t last) {
    std::vector<std::uint64_t> numbers;
    for (std::uint64_t i = 1; i <= last; i++)
        numbers.push_back(i);
    return numbers;
}

void takes(tap::Report& t) {
    FakePages fake;
    FakeDelivery to(fake);
    auto taken = take_all(fake, {.at_a_time = 3}, to);
    t.check(taken && taken->blocks == 0 && taken->end == Taken::End::empty && to.waits == 0,
            "take: an empty inbox is the end, without a wait");
    arrive(fake, 10);
    taken = take_all(fake, {.at_a_time = 3}, to);
    t.check(taken && taken->blocks == 10 && taken->end == Taken::End::empty && to.tags == up_to(10),
            "take: all, in the order in which they came");
    t.check(to.batches == std::vector<std::size_t>{3, 3, 3, 1}, "take: so many at a time");
    t.check(fake.pages.size() == 10, "take: they are the owner's then");
    arrive(fake, 10);
    FakeDelivery some(fake);
    taken = take_all(fake, {.most = 7, .at_a_time = 3}, some);
    t.check(taken && taken->blocks == 7 && taken->end == Taken::End::most &&
                some.tags == up_to(7) && fake.inbox.size() == 3,
            "take: so many at most, and the rest stays in the inbox");
    FakeDelivery large(fake);
    taken = take_all(fake, {.at_a_time = 1000}, large);
    t.check(taken && taken->blocks == 3, "take: never more than one call takes");
}

void follows(tap::Report& t) {
    FakePages fake;
    arrive(fake, 2);
    FakeDelivery to(fake);
    to.arriving = {3, 4, 5};
    auto taken = take_all(fake, {.at_a_time = 4, .follow = true}, to);
    t.check(taken && taken->blocks == 5 && taken->end == Taken::End::timeout && to.waits == 4 &&
                to.tags == up_to(5),
            "take: it waits for more until the timeout");
    to.arriving = {6, 7};
    to.waits = 0;
    taken = take_all(fake, {.most = 2, .at_a_time = 4, .follow = true}, to);
    t.check(taken && taken->blocks == 2 && taken->end == Taken::End::most && to.waits == 2,
            "take: or until so many have come, without a wait for one more");
    to.at_the_end = Wake::interrupted;
    taken = take_all(fake, {.follow = true}, to);
    t.check(taken && taken->blocks == 0 && taken->end == Taken::End::interrupted,
            "take: or until it is interrupted");
    arrive(fake, 5);
    FakeDelivery stuck(fake);
    stuck.room_for = 2;
    taken = take_all(fake, {.at_a_time = 1, .follow = true}, stuck);
    t.check(taken && taken->blocks == 2 && taken->end == Taken::End::interrupted &&
                fake.inbox.size() == 3,
            "take: nothing is taken that there is no room to deliver");
}

void frees(tap::Report& t) {
    FakePages fake;
    arrive(fake, 6);
    FakeDelivery to(fake);
    auto taken = take_all(fake, {.at_a_time = 4, .release = true}, to);
    t.check(taken && taken->blocks == 6 && fake.pages.empty() && to.tags == up_to(6),
            "take: freed after it was delivered");
    arrive(fake, 6);
    FakeDelivery full(fake);
    full.fail_at = 2;
    taken = take_all(fake, {.at_a_time = 1, .release = true}, full);
    t.check(!taken && taken.error().err == ENOSPC && fake.pages.size() == 1 &&
                fake.pages.begin()->second.tag == 3 && fake.inbox.size() == 3,
            "take: what could not be delivered is the owner's still, the rest untouched");
    int wrong = 0;
    for (int n = 1; n <= 12; n++) {
        FakePages failing;
        arrive(failing, 6);
        failing.fail_at = n;
        FakeDelivery sink(failing);
        const auto result = take_all(failing, {.at_a_time = 2, .release = true}, sink);
        wrong += failing.failed && result;
        std::set<std::uint64_t> seen(sink.tags.begin(), sink.tags.end());
        for (const auto& [handle, page] : failing.pages)
            seen.insert(page.tag);
        for (const FakePage& page : failing.inbox)
            seen.insert(page.tag);
        wrong += seen.size() != 6;
    }
    t.check(wrong == 0, "take: whatever call fails, no block is lost, and the failure is told");
}

void gives(tap::Report& t) {
    FakePages giver;
    FakePages receiver;
    giver.receiver = &receiver;
    AllocRequest shape{.policy = fail_policy(), .tag = 1};
    const auto reply = alloc_all(giver, shape, 4);
    t.check(reply && give_all(giver, reply->handles, std::string("b")) && giver.pages.empty() &&
                receiver.inbox.size() == 4,
            "give: they are the giver's no more");
    FakeDelivery to(receiver);
    const auto taken = take_all(receiver, {.at_a_time = 2}, to);
    t.check(taken && to.tags == up_to(4), "give: tags go along");
    const auto five = alloc_all(giver, shape, 5);
    Status given = give_all(giver, five->handles, std::string("b"));
    t.check(!given && given.error().err == E2BIG && giver.pages.size() == 5,
            "give: more than one call takes is refused, as it could be undone no more");
    const std::vector<Handle> bad = {five->handles[0], 999};
    given = give_all(giver, bad, std::string("b"));
    t.check(!given && given.error().index == 1 && giver.pages.size() == 5,
            "give: one that is stale is named, and none given");
    given = give_all(giver, {}, std::string("b"));
    t.check(given && giver.pages.size() == 5, "give: none of none");
}

void defers(tap::Report& t) {
    FakePages fake;
    fake.at_once = 1;
    AllocRequest shape{.policy = {.fallback = LABYRINTH_FALLBACK_DEFER}, .tag = 1};
    auto reply = alloc_all(fake, shape, 4);
    t.check(reply && reply->handles.size() == 1 && reply->deferred == 3,
            "defer: some at once, the others to come");
    fake.at_once = 0;
    reply = alloc_all(fake, shape, 4);
    t.check(reply && reply->handles.empty() && reply->deferred == 4, "defer: all to come");
    fake.at_once = 1000;
    reply = alloc_all(fake, shape, 4);
    t.check(reply && reply->handles.size() == 4 && reply->deferred == 0, "defer: none to come");
    reply = alloc_all(fake, shape, 5);
    t.check(!reply && reply.error().err == E2BIG && fake.pages.size() == 5,
            "defer: more than one call takes is refused, as it could be undone no more");
}

} // namespace

void test_inbox(tap::Report& t) {
    takes(t);
    follows(t);
    frees(t);
    gives(t);
    defers(t);
}
