// SPDX-License-Identifier: GPL-2.0-only
#include <algorithm>
#include <vector>

#include "stream_layout.hh"
#include "tap.hh"

using namespace labyrinth;

namespace {

constexpr std::uint32_t size = 64;

Block page(Handle handle, std::uint16_t generation, std::uint32_t sequence,
           std::uint64_t used = size) {
    return {.handle = handle,
            .tag = StreamTag{.generation = generation, .number = sequence}.pack(),
            .used = used};
}

Block head(Handle handle, std::uint16_t generation, std::uint32_t pages) {
    return {.handle = handle,
            .tag = StreamTag{.generation = generation, .committed = true, .number = pages}.pack(),
            .used = size};
}

std::vector<Handle> handles(const std::vector<Block>& blocks) {
    std::vector<Handle> out;
    for (const Block& block : blocks)
        out.push_back(block.handle);
    return out;
}

void tags(tap::Report& t) {
    const StreamTag tag{.generation = 0x1234, .committed = true, .number = 0x7fffffff};
    t.check(tag.pack() == 0x1abd1234ffffffff, "layout: the tag is as it is documented");
    const StreamTag back = StreamTag::unpack(tag.pack());
    t.check(back.generation == 0x1234 && back.committed && back.number == 0x7fffffff,
            "layout: a tag comes back");
    t.check((StreamTag{.number = 5}.pack()) == 0x1abd000000000005, "layout: page 5 of a draft");
    t.check(!StreamTag::is_stream(0) && !StreamTag::is_stream(~0ULL) &&
                StreamTag::is_stream(StreamTag::first) && StreamTag::is_stream(StreamTag::last) &&
                !StreamTag::is_stream(StreamTag::first - 1) &&
                !StreamTag::is_stream(StreamTag::last + 1),
            "layout: whose tag it is");
    t.same(describe_tag(head(1, 1, 5).tag), "data 0 of 5", "layout: page 0 in words");
    t.same(describe_tag(page(1, 1, 3).tag), "data 3", "layout: page 3 in words");
    t.same(describe_tag(3), "", "layout: another's tag has no words");
}

void sorting(tap::Report& t) {
    std::vector<Block> blocks = {
        head(1, 1, 3), page(2, 1, 1), page(3, 1, 2, 10), {.handle = 4, .tag = 77}};
    do {
        const Survey found = survey(blocks, size);
        if (handles(found.data) == std::vector<Handle>{1, 2, 3} && found.damage.empty() &&
            found.left_over.empty() && found.bytes() == 138)
            continue;
        t.check(false, "survey: data in order, whatever the order of pages");
        return;
    } while (std::ranges::next_permutation(blocks, {}, &Block::handle).found);
    t.check(true, "survey: data in order, whatever the order of pages");
}

void leftovers(tap::Report& t) {
    Survey found = survey({page(1, 1, 0), page(2, 1, 1)}, size);
    t.check(!found.head && found.left_over == std::vector<Handle>{1, 2},
            "survey: a draft is left over, not data");
    found = survey({head(1, 1, 1), page(2, 1, 1), page(3, 1, 2)}, size);
    t.check(found.head && handles(found.data) == std::vector<Handle>{1} &&
                found.left_over == std::vector<Handle>{2, 3},
            "survey: pages appended but not committed are left over");
    found = survey({head(1, 1, 2), page(2, 1, 1), page(3, 2, 0), page(4, 2, 1)}, size);
    t.check(found.head->generation == 1 && found.left_over == std::vector<Handle>{3, 4},
            "survey: a replacement that is not committed is left over");
    found = survey({head(1, 1, 2), page(2, 1, 1), head(3, 2, 1)}, size);
    t.check(found.head->generation == 2 && handles(found.data) == std::vector<Handle>{3} &&
                found.left_over == std::vector<Handle>{1, 2},
            "survey: of two that are committed the later counts");
    found = survey({head(1, 0xffff, 1), head(2, 0, 1)}, size);
    t.check(found.head->generation == 0, "survey: generation 0 is later than 65535");
    found = survey({head(2, 0, 1), head(1, 0xffff, 1)}, size);
    t.check(found.head->generation == 0, "survey: in the other order too");
    found = survey({{.handle = 1, .tag = 0}, {.handle = 2, .tag = 5}}, size);
    t.check(!found.head && found.left_over.empty() && found.data.empty(),
            "survey: pages of others are neither data nor left over");
}

void damage(tap::Report& t) {
    t.check(!survey({head(1, 1, 3), page(2, 1, 2)}, size).damage.empty(),
            "survey: a page missing in the middle is damage");
    t.check(!survey({head(1, 1, 2)}, size).damage.empty(),
            "survey: the last page missing is damage");
    t.check(!survey({head(1, 1, 2), page(2, 1, 1), page(3, 1, 1)}, size).damage.empty(),
            "survey: a page twice is damage");
    t.check(!survey({head(1, 1, 1), head(2, 1, 1)}, size).damage.empty(),
            "survey: page 0 twice is damage");
    t.check(!survey({head(1, 1, 2), page(2, 1, 1, size + 1)}, size).damage.empty(),
            "survey: more used than a page has is damage");
    Block large = page(2, 1, 1);
    large.order = 1;
    t.check(!survey({head(1, 1, 2), large}, size).damage.empty(),
            "survey: a block of order 1 is damage");
    t.check(!survey({head(1, 1, 0)}, size).damage.empty(), "survey: data of no pages are damage");
    t.check(survey({head(1, 1, 2), page(2, 1, 1, 0)}, size).damage.empty(),
            "survey: an empty page is none");
}

} // namespace

void test_layout(tap::Report& t) {
    tags(t);
    sorting(t);
    leftovers(t);
    damage(t);
}
