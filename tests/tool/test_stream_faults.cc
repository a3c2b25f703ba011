// SPDX-License-Identifier: GPL-2.0-only
//
// Files in pages, with a failure at every call in turn.
#include <functional>

#include "fake_pages.hh"
#include "tap.hh"

using namespace labyrinth;

namespace {

struct Case {
    const char* name;
    std::string before; ///< data there before; not even empty ones if fresh
    std::string added;
    WriteMode mode;
    std::string after;
};

std::vector<Case> cases() {
    const std::string a = pattern(300, 1);
    const std::string b = pattern(700, 2);
    return {{"fresh", "", b, WriteMode::fresh, b},
            {"fresh, empty", "", "", WriteMode::fresh, ""},
            {"append", a, b, WriteMode::append, a + b},
            {"append to empty", "", b, WriteMode::append, b},
            {"replace", a, b, WriteMode::replace, b},
            {"replace by empty", a, "", WriteMode::replace, ""},
            {"replace by shorter", b, a, WriteMode::replace, a}};
}

/// The owner before the write, with pages left over from a killed one and a
/// neighbour's.
FakePages prepared(const Case& c, bool left_over) {
    FakePages fake;
    if (c.mode != WriteMode::fresh)
        (void)put(fake, c.before, WriteMode::fresh);
    (void)fake.alloc({.policy = fail_policy(), .count = 1, .tag = 7});
    if (left_over)
        (void)fake.alloc({.policy = fail_policy(),
                          .count = 3,
                          .tag = StreamTag{.generation = 9, .number = 0}.pack()});
    fake.heal();
    return fake;
}

std::string expected(const Case& c, bool done) {
    if (done)
        return "data:" + c.after;
    return c.mode == WriteMode::fresh ? "errno " + std::to_string(ENODATA) : "data:" + c.before;
}

/// @probe for a failure at call 1, 2, 3 ... until the write no longer gets there.
/// The number of failures that were met.
int sweep(const Case& c, bool fail_on, bool left_over,
          const std::function<bool(FakePages&, const FakePages&, const Result<Written>&)>& probe,
          std::string& first_bad) {
    for (int n = 1;; n++) {
        FakePages fake = prepared(c, left_over);
        const FakePages before = prepared(c, left_over);
        fake.fail_at = n;
        fake.fail_on = fail_on;
        const auto written = put(fake, c.added, c.mode);
        const bool met = fake.failed;
        fake.heal();
        if (!probe(fake, before, written) && first_bad.empty())
            first_bad = "failure at call " + std::to_string(n);
        if (!met)
            return n - 1;
    }
}

/// One call fails: the write either is undone without a trace, or holds.
void single(tap::Report& t, const Case& c) {
    std::string bad;
    const int met = sweep(
        c, false, false,
        [&](FakePages& fake, const FakePages& before, const Result<Written>& written) {
            if (!written)
                return fake.pages == before.pages && written.error().err == FakePages::injected;
            return read_all(fake) == expected(c, true);
        },
        bad);
    t.check(bad.empty() && met > 3,
            std::string("faults: ") + c.name + ": a failed write leaves every page as it was", bad);
}

/// Pages left over from before may go, the data may not change.
void single_left_over(tap::Report& t, const Case& c) {
    std::string bad;
    const int met = sweep(
        c, false, true,
        [&](FakePages& fake, const FakePages& before, const Result<Written>& written) {
            if (read_all(fake) != expected(c, static_cast<bool>(written)))
                return false;
            for (const auto& [handle, page] : fake.pages)
                if (!written && (!before.pages.contains(handle) || before.pages.at(handle) != page))
                    return false; // a page that was not there, or was changed
            return true;
        },
        bad);
    t.check(bad.empty() && met > 3,
            std::string("faults: ") + c.name + ": the same, beside pages left over", bad);
}

/// Killed at each call: what is there is the old or the new, whole; the next
/// write works and leaves nothing behind.
void killed(tap::Report& t, const Case& c) {
    std::string bad;
    int olds = 0;
    int news = 0;
    sweep(
        c, true, false,
        [&](FakePages& fake, const FakePages&, const Result<Written>& written) {
            const std::string now = read_all(fake);
            const bool is_new = now == expected(c, true);
            const bool is_old = now == expected(c, false);
            (is_new ? news : olds)++;
            if (!is_old && !is_new)
                return false;
            if (is_old == is_new ? false : is_new != static_cast<bool>(written))
                return false;
            const std::string last = pattern(130, 5);
            return put(fake, last, WriteMode::replace) && read_all(fake) == "data:" + last &&
                   fake.pages.size() == 3 + 1; // 130 bytes and the neighbour
        },
        bad);
    t.check(bad.empty() && olds > 3 && news > 0,
            std::string("faults: ") + c.name + ": killed anywhere: old or new, and no page lost",
            bad);
}

/// Killed right after the commit, before anything else.
void killed_after_commit(tap::Report& t) {
    const Case c = cases()[4];
    FakePages whole = prepared(c, false);
    (void)put(whole, c.added, c.mode);
    const int last = whole.calls; // the old data's 5 pages go in the last 2 calls
    FakePages fake = prepared(c, false);
    fake.fail_at = last - 1;
    fake.fail_on = true;
    const auto written = put(fake, c.added, c.mode);
    fake.heal();
    t.check(written && written->left_over && fake.pages.size() == 5 + 11 + 1,
            "faults: both generations are there after a kill behind the commit");
    t.same(read_all(fake), "data:" + c.after, "faults: and the new one counts");
    t.check(put(fake, "x", WriteMode::append) && read_all(fake) == "data:" + c.after + "x" &&
                fake.pages.size() == 11 + 1 + 1,
            "faults: the next write, an append, removes the old one");
}

void source_fails(tap::Report& t) {
    for (const Case& c : cases()) {
        bool all = true;
        for (std::size_t until = 0; until <= c.added.size(); until += 33) {
            FakePages fake = prepared(c, false);
            const auto before = fake.pages;
            StringSource source(c.added, 33, until);
            const auto written = write_stream(fake, source, c.mode, fail_policy());
            all = all && !written && fake.pages == before;
        }
        t.check(all, std::string("faults: ") + c.name + ": a source that fails changes nothing");
    }
}

} // namespace

void test_stream_faults(tap::Report& t) {
    for (const Case& c : cases()) {
        single(t, c);
        single_left_over(t, c);
        killed(t, c);
    }
    killed_after_commit(t);
    source_fails(t);
}
