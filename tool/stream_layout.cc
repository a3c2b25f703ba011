// SPDX-License-Identifier: GPL-2.0-only
#include "stream_layout.hh"

#include <algorithm>

#include <fmt/core.h>

namespace labyrinth {
namespace {

constexpr std::uint64_t committed_bit = 1ULL << 31;

/// Serial number arithmetic: at most a few generations live at one time.
bool later(std::uint16_t a, std::uint16_t b) {
    return static_cast<std::int16_t>(static_cast<std::uint16_t>(a - b)) > 0;
}

/// The committed page 0 that counts.
std::optional<StreamTag> find_head(const std::vector<Block>& blocks) {
    std::optional<StreamTag> head;
    for (const Block& block : blocks) {
        if (!StreamTag::is_stream(block.tag))
            continue;
        const StreamTag tag = StreamTag::unpack(block.tag);
        if (tag.committed && (!head || later(tag.generation, head->generation)))
            head = tag;
    }
    return head;
}

bool belongs(const StreamTag& tag, const std::optional<StreamTag>& head) {
    return head && tag.generation == head->generation &&
           (tag.committed || tag.number < head->number);
}

/// @data is sorted by sequence number.
std::string find_damage(const std::vector<Block>& data, std::uint32_t pages,
                        std::uint32_t page_size) {
    if (pages == 0)
        return "page 0 of the data says that there are none";
    std::uint32_t expected = 0;
    for (const Block& block : data) {
        const std::uint32_t sequence = StreamTag::unpack(block.tag).sequence();
        if (sequence < expected)
            return fmt::format("page {} of the data is there twice", sequence);
        if (sequence > expected)
            break;
        if (block.order != 0 || block.used > page_size)
            return fmt::format("page {} of the data is not one that write made", sequence);
        expected++;
    }
    if (expected < pages)
        return fmt::format("page {} of the data's {} is missing", expected, pages);
    return {};
}

} // namespace

StreamTag StreamTag::unpack(std::uint64_t tag) {
    return {.generation = static_cast<std::uint16_t>(tag >> 32),
            .committed = (tag & committed_bit) != 0,
            .number = static_cast<std::uint32_t>(tag & max_pages)};
}

std::uint64_t StreamTag::pack() const {
    return first | std::uint64_t{generation} << 32 | (committed ? committed_bit : 0) | number;
}

std::uint64_t Survey::bytes() const {
    std::uint64_t sum = 0;
    for (const Block& block : data)
        sum += block.used;
    return sum;
}

Survey survey(const std::vector<Block>& blocks, std::uint32_t page_size) {
    Survey found;
    found.head = find_head(blocks);
    for (const Block& block : blocks) {
        if (!StreamTag::is_stream(block.tag))
            continue;
        if (belongs(StreamTag::unpack(block.tag), found.head))
            found.data.push_back(block);
        else
            found.left_over.push_back(block.handle);
    }
    std::ranges::stable_sort(
        found.data, {}, [](const Block& block) { return StreamTag::unpack(block.tag).sequence(); });
    if (found.head)
        found.damage = find_damage(found.data, found.head->number, page_size);
    return found;
}

std::string describe_tag(std::uint64_t tag) {
    if (!StreamTag::is_stream(tag))
        return {};
    const StreamTag parts = StreamTag::unpack(tag);
    return parts.committed ? fmt::format("data 0 of {}", parts.number)
                           : fmt::format("data {}", parts.number);
}

} // namespace labyrinth
