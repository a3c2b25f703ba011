// SPDX-License-Identifier: GPL-2.0-only
//
// Files in pages: written, appended to, replaced, with a call that fails anywhere,
// amid pages of others; what is read is what was written last, whole. And pages
// with any tags at all, which somebody else may have made.
#include <optional>
#include <string>
#include <vector>

#include <fuzzer/FuzzedDataProvider.h>

#include "batch.hh"
#include "fake_pages.hh"
#include "fuzz.hh"

using namespace labyrinth;
using fuzz::require;

namespace {

/// The data as they should be; none that can be told once others' pages look as ours.
struct Model {
    std::optional<std::string> data;
    bool known = true;
};

std::uint64_t any_tag(FuzzedDataProvider& in) {
    if (in.ConsumeBool())
        return in.ConsumeIntegral<std::uint64_t>();
    return StreamTag{.generation = in.ConsumeIntegralInRange<std::uint16_t>(0, 4),
                     .committed = in.ConsumeBool(),
                     .number = in.ConsumeIntegralInRange<std::uint32_t>(0, 6)}
        .pack();
}

void check(FakePages& fake, const Model& model) {
    const std::string read = read_all(fake);
    if (!model.known)
        require(read.starts_with("data:") || read == "errno " + std::to_string(ENODATA) ||
                    read == "errno " + std::to_string(EILSEQ),
                "data are there, or not, or damaged");
    else if (model.data)
        require(read == "data:" + *model.data, "what was written is read");
    else
        require(read == "errno " + std::to_string(ENODATA), "nothing is read of nothing");
    const auto size = measure_stream(fake);
    require(static_cast<bool>(size) == read.starts_with("data:") &&
                (!size || size->bytes == read.size() - 5),
            "the size is that of what is read");
}

void write(FuzzedDataProvider& in, FakePages& fake, Model& model) {
    const auto mode = in.PickValueInArray(
        {WriteMode::fresh, WriteMode::append, WriteMode::replace, WriteMode::append});
    const std::string text =
        pattern(in.ConsumeIntegralInRange<std::size_t>(0, 600), in.ConsumeIntegral<std::uint8_t>());
    StringSource source(text, in.ConsumeIntegralInRange<std::size_t>(1, 700),
                        in.ConsumeBool() ? std::string::npos : in.ConsumeIntegral<std::uint8_t>());
    fake.fail_at = in.ConsumeBool() ? 0 : in.ConsumeIntegralInRange<int>(1, 60);
    fake.fail_on = in.ConsumeBool();
    fake.quota = in.ConsumeBool() ? 1000 : in.ConsumeIntegralInRange<std::uint64_t>(0, 30);
    const auto written = write_stream(fake, source, mode, fail_policy());
    fake.heal();
    if (!written) {
        require(!model.known || written.error().err != EEXIST || model.data.has_value(),
                "there is nothing to be in the way");
        return; // as before
    }
    require(written->bytes == text.size(), "all is written");
    require(!model.known || mode != WriteMode::fresh || !model.data, "data are not overwritten");
    model.data = mode == WriteMode::append ? model.data.value_or("") + text : text;
}

void others(FuzzedDataProvider& in, FakePages& fake, Model& model) {
    fake.quota = 1000;
    const std::uint64_t tag = any_tag(in);
    const auto order = in.ConsumeIntegralInRange<std::uint32_t>(0, 2);
    const auto reply =
        fake.alloc({.policy = fail_policy(), .count = 1, .order = order, .tag = tag});
    if (!reply)
        return;
    fake.pages[reply->handles[0]].used =
        in.ConsumeBool() ? in.ConsumeIntegral<std::uint64_t>() : in.ConsumeIntegral<std::uint8_t>();
    model.known = model.known && !StreamTag::is_stream(tag);
}

void lose(FuzzedDataProvider& in, FakePages& fake, Model& model) {
    if (fake.pages.empty())
        return;
    auto page = fake.pages.begin();
    std::advance(page, in.ConsumeIntegralInRange<std::size_t>(0, fake.pages.size() - 1));
    model.known = model.known && !StreamTag::is_stream(page->second.tag);
    fake.pages.erase(page);
}

void story(FuzzedDataProvider& in) {
    FakePages fake;
    Model model;
    while (in.remaining_bytes() > 0) {
        switch (in.ConsumeIntegralInRange(0, 9)) {
        case 0:
            others(in, fake, model);
            break;
        case 1:
            lose(in, fake, model);
            break;
        default:
            write(in, fake, model);
        }
        check(fake, model);
    }
}

/// Any blocks, sorted out.
void sorting(FuzzedDataProvider& in) {
    std::vector<Block> blocks;
    std::size_t ours = 0;
    while (in.remaining_bytes() > 0 && blocks.size() < 200) {
        blocks.push_back({.handle = blocks.size() + 1,
                          .tag = any_tag(in),
                          .used = in.ConsumeIntegralInRange<std::uint64_t>(0, 65),
                          .order = in.ConsumeIntegralInRange<std::uint32_t>(0, 9) == 0 ? 1U : 0U});
        ours += StreamTag::is_stream(blocks.back().tag) ? 1 : 0;
    }
    const Survey found = survey(blocks, FakePages::size);
    require(found.data.size() + found.left_over.size() == ours, "each of ours is sorted");
    require(found.head.has_value() || (found.data.empty() && found.damage.empty()),
            "no data without a page 0");
    require(fuzz::printable(found.damage), "the damage is printable");
    if (!found.head || !found.damage.empty())
        return;
    require(found.data.size() == found.head->number, "as many pages as page 0 says");
    require(found.bytes() <= std::uint64_t{FakePages::size} * found.data.size(),
            "no page holds more");
    for (std::uint32_t i = 0; i < found.data.size(); i++)
        require(StreamTag::unpack(found.data[i].tag).sequence() == i && found.data[i].order == 0,
                "pages in order");
}

} // namespace

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    FuzzedDataProvider in(data, size);
    if (in.ConsumeIntegralInRange(0, 3) == 0)
        sorting(in);
    else
        story(in);
    return 0;
}
