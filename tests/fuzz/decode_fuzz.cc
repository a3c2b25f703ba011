// SPDX-License-Identifier: GPL-2.0-only
//
// Bytes that claim to be the attributes of the kernel's answer: taken only if all
// that must be there is, in the size that it must have, as a second reading of them
// finds; what is taken is printed as JSON that a parser takes, and as text that
// harms no terminal. The first byte says whose answer the others are.
#include <array>
#include <cstring>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include <linux/labyrinth_netlink.h>
#include <linux/netlink.h>
#include <nlohmann/json.hpp>
#include <sys/mman.h>
#include <unistd.h>

#include "decode.hh"
#include "fuzz.hh"
#include "histogram.hh"
#include "output.hh"

using namespace labyrinth;
using fuzz::require;

namespace {

// === A second reading ====================================================

using Found = std::vector<std::pair<unsigned, std::string_view>>;

/// Up to the first that is not well formed.
Found attributes(std::string_view bytes) {
    Found found;
    std::size_t at = 0;
    while (at + NLA_HDRLEN <= bytes.size()) {
        const auto byte = [&](std::size_t n) { return static_cast<unsigned char>(bytes[at + n]); };
        const unsigned length = byte(0) | byte(1) << 8U;
        if (length < NLA_HDRLEN || length > bytes.size() - at)
            break;
        found.emplace_back((byte(2) | byte(3) << 8U) & NLA_TYPE_MASK,
                           bytes.substr(at + NLA_HDRLEN, length - NLA_HDRLEN));
        at += (length + 3U) & ~3U;
    }
    return found;
}

const std::string_view* first(const Found& found, unsigned type) {
    const auto* const end = found.data() + found.size();
    const auto* const at =
        std::find_if(found.data(), end, [&](const auto& entry) { return entry.first == type; });
    return at == end ? nullptr : &at->second;
}

bool has(const Found& found, unsigned type, std::size_t size) {
    const auto* payload = first(found, type);
    return payload != nullptr && payload->size() == size;
}

bool has_all(const Found& found, std::size_t size, std::initializer_list<unsigned> types) {
    return std::ranges::all_of(types, [&](unsigned type) { return has(found, type, size); });
}

bool has_range(const Found& found, std::size_t size, unsigned from, unsigned to) {
    for (unsigned type = from; type <= to; type++)
        if (!has(found, type, size))
            return false;
    return true;
}

bool reserves_are_whole(const Found& found) {
    return std::ranges::all_of(found, [](const auto& entry) {
        if (entry.first != LABYRINTH_A_INFO_RESERVE)
            return true;
        const Found inner = attributes(entry.second);
        return has(inner, LABYRINTH_A_RESERVE_NODE, 4) &&
               has_range(inner, 8, LABYRINTH_A_RESERVE_LOW, LABYRINTH_A_RESERVE_CPU);
    });
}

/// What the first attribute of @type says, if it has the right size.
template <class T> std::optional<T> value(const Found& found, unsigned type) {
    T number{};
    if (!has(found, type, sizeof(number)))
        return std::nullopt;
    std::memcpy(&number, first(found, type)->data(), sizeof(number));
    return number;
}

// === Printing ============================================================

class Paper {
public:
    Paper() : fd_(::memfd_create("paper", 0)) {}
    template <class Print> std::string print(bool json, bool pretty, Print what) {
        require(::ftruncate(fd_.get(), 0) == 0 && ::lseek(fd_.get(), 0, SEEK_SET) == 0,
                "there is paper");
        TextSink sink(fd_.get());
        const auto output = json ? make_json_output(sink, pretty) : make_text_output(sink, false);
        what(*output);
        require(static_cast<bool>(sink.flush()), "it is printed");
        std::string text(static_cast<std::size_t>(::lseek(fd_.get(), 0, SEEK_END)), '\0');
        require(::pread(fd_.get(), text.data(), text.size(), 0) ==
                    static_cast<ssize_t>(text.size()),
                "it is there");
        return text;
    }

private:
    Fd fd_;
};

template <class Print> void print(Print what) {
    static Paper paper;
    require(fuzz::printable(paper.print(false, false, what)), "text harms no terminal");
    require(nlohmann::json::accept(paper.print(true, false, what)), "JSON is JSON");
    require(nlohmann::json::accept(paper.print(true, true, what)), "pretty JSON is JSON");
}

/// Each of @prints makes a document of what was said.
template <class T, class... Prints>
void judge(const Result<T>& said, bool whole, const char* whose, Prints... prints) {
    require(static_cast<bool>(said) == whole, whose);
    if (said) {
        (print([&](Output& output) { prints(output, *said); }), ...);
        return;
    }
    require(said.error().err == EPROTO && !said.error().cause.empty(), "a refusal says of what");
    require(fuzz::printable(said.error().cause), "a refusal harms no terminal");
}

// === The decoders ========================================================

void info(const Attrs& attrs, const Found& found) {
    const bool whole = has_all(found, 4,
                               {LABYRINTH_A_INFO_PAGE_SIZE, LABYRINTH_A_INFO_MAX_ORDER,
                                LABYRINTH_A_INFO_MAX_BATCH, LABYRINTH_A_INFO_OWNERS}) &&
                       has_all(found, 8,
                               {LABYRINTH_A_INFO_SLOTS, LABYRINTH_A_INFO_SLOTS_VACANT,
                                LABYRINTH_A_INFO_PAGES_TAKEN, LABYRINTH_A_INFO_GUARANTEED}) &&
                       reserves_are_whole(found);
    judge(
        decode_info(attrs), whole, "decode_info",
        [&](Output& output, const Info& said) {
            require(said.ceiling == value<std::uint64_t>(found, LABYRINTH_A_INFO_CEILING),
                    "ceiling");
            output.info({.info = said});
        },
        [](Output& output, const Info& said) { output.reserve(said.reserve); });
}

void owner(const Attrs& attrs, const Found& found) {
    const bool whole =
        has_all(found, 4,
                {LABYRINTH_A_OWNER_ID, LABYRINTH_A_OWNER_KIND, LABYRINTH_A_OWNER_EMERGENCY}) &&
        has_range(found, 8, LABYRINTH_A_OWNER_USED, LABYRINTH_A_OWNER_GUARANTEE_AVAILABLE) &&
        has_all(found, 8, {LABYRINTH_A_OWNER_QUARANTINED, LABYRINTH_A_OWNER_AGE});
    judge(
        decode_owner(attrs), whole, "decode_owner",
        [&](Output& output, const Owner& said) {
            require(said.id == value<std::uint32_t>(found, LABYRINTH_A_OWNER_ID), "owner-id");
            require(said.pid == value<std::uint32_t>(found, LABYRINTH_A_OWNER_PID), "owner-pid");
            require(said.inbox == value<std::uint32_t>(found, LABYRINTH_A_OWNER_INBOX),
                    "owner-inbox");
            require(said.used == value<std::uint64_t>(found, LABYRINTH_A_OWNER_USED), "owner-used");
            output.owner(said);
        },
        [](Output& output, const Owner& said) {
            output.owners({.entries = {said, said}, .interrupted = said.emergency});
        });
}

void page(const Attrs& attrs, const Found& found) {
    const bool whole =
        has_all(found, 8, {LABYRINTH_A_PAGE_HANDLE, LABYRINTH_A_PAGE_TAG, LABYRINTH_A_PAGE_USED}) &&
        has_range(found, 4, LABYRINTH_A_PAGE_OWNER, LABYRINTH_A_PAGE_RUNG);
    judge(
        decode_page(attrs), whole, "decode_page",
        [&](Output& output, const Page& said) {
            require(said.handle == value<std::uint64_t>(found, LABYRINTH_A_PAGE_HANDLE), "handle");
            require(said.phys == value<std::uint64_t>(found, LABYRINTH_A_PAGE_PHYS), "page-phys");
            require(said.age_ns == value<std::uint64_t>(found, LABYRINTH_A_PAGE_AGE), "page-age");
            output.page(said);
        },
        [](Output& output, const Page& said) {
            output.pages({.entries = {said, said}, .interrupted = said.mapped.value_or(false)});
        });
}

void stats(const Attrs& attrs, const Found& found) {
    const bool whole = first(found, LABYRINTH_A_STATS_ALLOC) != nullptr &&
                       first(found, LABYRINTH_A_STATS_FAIL) != nullptr &&
                       has_range(found, 8, LABYRINTH_A_STATS_FREE, LABYRINTH_A_STATS_QUARANTINED);
    judge(decode_stats(attrs), whole, "decode_stats", [&](Output& output, const Stats& said) {
        require(said.free == value<std::uint64_t>(found, LABYRINTH_A_STATS_FREE), "stats-free");
        output.stats(said);
    });
}

/// The histogram's arithmetic holds, whatever was counted.
void histogram(const LatencyRecord& record) {
    std::uint64_t least = 0;
    for (const std::uint32_t permille : {0U, 500U, 990U, 999U, 1000U}) {
        const std::uint64_t time = percentile(record, permille);
        require(time <= record.longest_ns, "a percentile is not beyond the longest");
        require(permille == 0 || time >= least, "percentiles rise");
        least = permille == 0 ? 0 : time;
    }
    for (const auto& entry : record.buckets)
        require(entry.first < LABYRINTH_LATENCY_BUCKETS, "a bucket that there is");
    std::uint64_t end = 0;
    for (const Octave& octave : octaves(record.buckets)) {
        require(octave.span.first >= end && octave.span.last >= octave.span.first,
                "octaves follow each other");
        end = octave.span.last;
    }
}

void latency(const Attrs& attrs, const Found& found) {
    const bool head =
        has(found, LABYRINTH_A_LATENCY_ENABLED, 4) && has(found, LABYRINTH_A_LATENCY_DEADLINE, 8);
    judge(decode_latency(attrs), head, "decode_latency",
          [](Output& output, const Latency& said) { output.latency(said); });
    const bool whole = has_all(found, 4, {LABYRINTH_A_LATENCY_CONTEXT, LABYRINTH_A_LATENCY_RUNG}) &&
                       has_range(found, 8, LABYRINTH_A_LATENCY_COUNT, LABYRINTH_A_LATENCY_LATE) &&
                       first(found, LABYRINTH_A_LATENCY_BUCKET) != nullptr;
    judge(decode_latency_record(attrs), whole, "decode_latency_record",
          [](Output& output, const LatencyRecord& said) {
              histogram(said);
              output.latency({.enabled = true, .deadline_ns = said.late, .records = {said, said}});
          });
}

void verdict(const Attrs& attrs, const Found& found) {
    const bool whole = has_range(found, 4, LABYRINTH_A_VERIFY_RESULT, LABYRINTH_A_VERIFY_TRIES) &&
                       has_range(found, 8, LABYRINTH_A_VERIFY_SLOTS, LABYRINTH_A_VERIFY_PAGES);
    judge(decode_verdict(attrs), whole, "decode_verdict", [&](Output& output, const Verdict& said) {
        require(said.found == value<std::uint64_t>(found, LABYRINTH_A_VERIFY_FOUND), "found");
        output.verdict(said);
    });
}

/// The room below the decoders.
void raw(const Attrs& attrs, const Found& found, std::string_view bytes) {
    std::size_t visited = 0;
    attrs.each([&](std::uint16_t type, Bytes payload) {
        require(visited < found.size() && type == found[visited].first &&
                    payload.size() == found[visited].second.size(),
                "each() shows what is there");
        visited++;
    });
    require(visited == found.size(), "each() shows all that is there");
    for (std::size_t at = 0; at <= bytes.size() + 8; at++)
        (void)attrs.type_at(at);
    (void)attrs.type_at(SIZE_MAX);
    for (const auto& [type, payload] : found) {
        const auto text = attrs.string(static_cast<std::uint16_t>(type));
        require(text && text->size() <= 65535, "a string ends with its attribute");
    }
}

} // namespace

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    if (size == 0)
        return 0;
    // A copy of its own, so that a byte too many is seen.
    const std::vector<std::byte> copy(reinterpret_cast<const std::byte*>(data) + 1,
                                      reinterpret_cast<const std::byte*>(data) + size);
    const std::string_view bytes(reinterpret_cast<const char*>(copy.data()), copy.size());
    const Attrs attrs{Bytes(copy)};
    const Found found = attributes(bytes);
    static constexpr std::array decoders = {info, owner, page, stats, latency, verdict};
    const std::size_t which = data[0] % (decoders.size() + 1);
    if (which < decoders.size())
        decoders.at(which)(attrs, found);
    else
        raw(attrs, found, bytes);
    return 0;
}
