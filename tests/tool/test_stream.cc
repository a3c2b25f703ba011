// SPDX-License-Identifier: GPL-2.0-only
//
// Files in pages: what is written comes back.
#include "batch.hh"
#include "fake_pages.hh"
#include "tap.hh"

using namespace labyrinth;

namespace {

constexpr std::size_t size = FakePages::size;

void round_trips(tap::Report& t) {
    for (const std::size_t length : {std::size_t{0}, std::size_t{1}, size - 1, size, size + 1,
                                     4 * size - 1, 4 * size, 4 * size + 1, 100 * size + 17}) {
        FakePages fake;
        const std::string data = pattern(length, 1);
        const auto written = put(fake, data, WriteMode::fresh);
        const std::size_t pages = std::max<std::size_t>(1, (length + size - 1) / size);
        t.check(written && written->bytes == length && written->pages == pages &&
                    fake.pages.size() == pages && read_all(fake) == "data:" + data,
                "stream: " + std::to_string(length) +
                    " bytes come back from as many pages as needed");
    }
    for (const std::size_t step : {std::size_t{1}, size - 1, size + 1}) {
        FakePages fake;
        const std::string data = pattern(5 * size + 3, 2);
        StringSource source(data, step);
        const auto written = write_stream(fake, source, WriteMode::fresh, fail_policy());
        t.check(written && written->pages == 6 && read_all(fake) == "data:" + data,
                "stream: a source of " + std::to_string(step) + " bytes at a time");
    }
}

void modes(tap::Report& t) {
    FakePages fake;
    t.same(read_all(fake), "errno " + std::to_string(ENODATA), "stream: no data is not empty data");
    (void)put(fake, "", WriteMode::fresh);
    t.same(read_all(fake), "data:", "stream: empty data are there");
    auto again = put(fake, "x", WriteMode::fresh);
    t.check(!again && again.error().err == EEXIST && read_all(fake) == "data:",
            "stream: empty data are data, too: refused");
    t.check(put(fake, "one", WriteMode::append) && read_all(fake) == "data:one",
            "stream: appended to empty data");
    t.check(put(fake, "two", WriteMode::append) && read_all(fake) == "data:onetwo",
            "stream: appended behind a page that is not full");
    auto nothing = put(fake, "", WriteMode::append);
    t.check(nothing && nothing->pages == 0 && fake.pages.size() == 3 &&
                read_all(fake) == "data:onetwo",
            "stream: nothing appended takes no page");
    auto replaced = put(fake, pattern(200, 3), WriteMode::replace);
    t.check(replaced && replaced->pages_freed == 3 && !replaced->left_over &&
                fake.pages.size() == 4 && read_all(fake) == "data:" + pattern(200, 3),
            "stream: replaced, and the old pages are gone");
    t.check(put(fake, "", WriteMode::replace) && read_all(fake) == "data:" &&
                fake.pages.size() == 1,
            "stream: replaced by nothing");
    FakePages fresh;
    t.check(put(fresh, "a", WriteMode::append) && read_all(fresh) == "data:a",
            "stream: append works without data before");
    FakePages other;
    t.check(put(other, "a", WriteMode::replace) && read_all(other) == "data:a",
            "stream: replace works without data before");
}

void many_replacements(tap::Report& t) {
    FakePages fake;
    bool all = true;
    for (unsigned i = 0; i < 70'000 && all; i++) // more than there are generations
        all = put(fake, std::to_string(i), WriteMode::replace) &&
              read_all(fake) == "data:" + std::to_string(i) && fake.pages.size() == 1;
    t.check(all, "stream: 70000 replacements, each seen");
}

void neighbours(tap::Report& t) {
    FakePages fake;
    (void)fake.alloc({.policy = fail_policy(), .count = 2, .tag = 0});
    (void)put(fake, pattern(300, 1), WriteMode::fresh);
    (void)fake.alloc({.policy = fail_policy(), .count = 1, .tag = ~0ULL});
    const auto replaced = put(fake, "x", WriteMode::replace);
    t.check(replaced && fake.pages.size() == 4, "stream: pages with other tags are left alone");
    t.same(read_all(fake), "data:x", "stream: and are not data");
}

void damaged(tap::Report& t) {
    FakePages fake;
    (void)put(fake, pattern(300, 1), WriteMode::fresh);
    fake.pages.erase(std::next(fake.pages.begin(), 2));
    t.same(read_all(fake), "errno " + std::to_string(EILSEQ), "stream: damaged data are not read");
    const auto before = fake.pages;
    auto appended = put(fake, "x", WriteMode::append);
    t.check(!appended && appended.error().err == EILSEQ && fake.pages == before,
            "stream: nor appended to");
    t.check(!put(fake, "x", WriteMode::fresh) && fake.pages == before, "stream: nor written over");
    t.check(put(fake, "x", WriteMode::replace) && read_all(fake) == "data:x" &&
                fake.pages.size() == 1,
            "stream: replaced on request, and nothing stays behind");
}

void quota(tap::Report& t) {
    FakePages fake;
    fake.quota = 10;
    (void)put(fake, pattern(4 * size, 1), WriteMode::fresh);
    const auto before = fake.pages;
    for (const WriteMode mode : {WriteMode::append, WriteMode::replace}) {
        auto written = put(fake, pattern(7 * size, 2), mode);
        t.check(!written && written.error().err == EDQUOT &&
                    written.error().reason == LABYRINTH_REASON_QUOTA &&
                    written.error().wanted == 7 && fake.pages == before,
                "stream: more than the quota changes nothing");
        t.check(static_cast<bool>(put(fake, pattern(6 * size, 2), mode)),
                "stream: up to the quota it fits");
        fake.pages = before;
    }
}

void blocks(tap::Report& t) {
    FakePages fake;
    const auto reply = fake.alloc({.policy = fail_policy(), .count = 1, .order = 2});
    const Handle handle = reply->handles[0];
    const std::string data = pattern(70, 1);
    (void)fake.write(handle, 0, std::as_bytes(std::span(data)));
    StringSink used;
    auto extent = read_block(fake, handle, false, used);
    t.check(extent && extent->bytes == 70 && used.data == data, "block: its used bytes");
    StringSink whole;
    extent = read_block(fake, handle, true, whole);
    t.check(extent && whole.data == data + std::string(4 * size - 70, '\0'), "block: all of it");
    StringSink none;
    extent = read_block(fake, 999, false, none);
    t.check(!extent && extent.error().err == ENOENT && none.data.empty(),
            "block: one that is not there");
}

} // namespace

void test_stream(tap::Report& t) {
    round_trips(t);
    modes(t);
    many_replacements(t);
    neighbours(t);
    damaged(t);
    quota(t);
    blocks(t);
}
