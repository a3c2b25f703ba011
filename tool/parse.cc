// SPDX-License-Identifier: GPL-2.0-only
#include "parse.hh"

#include <algorithm>
#include <array>
#include <charconv>
#include <limits>
#include <optional>

#include <fmt/core.h>
#include <linux/labyrinth.h>

#include "names.hh"
#include "stream_layout.hh"
#include "text.hh"

namespace labyrinth {
namespace {

Error bad_word(std::string_view what, std::string_view word, std::string_view expected) {
    return usage_error(std::string(what), fmt::format("'{}' is not {}", escape(word), expected));
}

/// The number at the front of @word, which is cut down to what follows it.
std::optional<std::uint64_t> take_digits(std::string_view& word, int base) {
    std::uint64_t value = 0;
    const auto [end, problem] =
        std::from_chars(word.data(), word.data() + word.size(), value, base);
    if (problem != std::errc{})
        return std::nullopt;
    word.remove_prefix(static_cast<std::size_t>(end - word.data()));
    return value;
}

/// All of @word is a number in @base.
std::optional<std::uint64_t> whole(std::string_view word, int base) {
    const auto value = take_digits(word, base);
    return word.empty() ? value : std::nullopt;
}

std::optional<std::uint64_t> product(std::uint64_t a, std::uint64_t b) {
    std::uint64_t result = 0;
    if (__builtin_mul_overflow(a, b, &result))
        return std::nullopt;
    return result;
}

std::optional<std::uint64_t> hex(std::string_view word) {
    if (!looks_like_handle(word))
        return std::nullopt;
    word.remove_prefix(2);
    return word.size() <= 16 ? whole(word, 16) : std::nullopt;
}

bool all_digits(std::string_view word) {
    return !word.empty() && std::ranges::all_of(word, [](char c) { return c >= '0' && c <= '9'; });
}

bool name_character(char c) {
    return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '.' ||
           c == '_' || c == '-';
}

} // namespace

Result<std::uint64_t> parse_number(std::string_view what, std::string_view word,
                                   std::uint64_t least, std::uint64_t most) {
    const auto value = whole(word, 10);
    if (!value || *value < least || *value > most)
        return bad_word(what, word, fmt::format("a number from {} to {}", least, most));
    return *value;
}

Result<std::uint64_t> parse_pages(std::string_view what, std::string_view word,
                                  std::uint64_t page_size) {
    constexpr std::string_view expected =
        "a number of pages, or of bytes with suffix K, M or G (as in 64M)";
    std::string_view rest = word;
    const auto number = take_digits(rest, 10);
    if (!number)
        return bad_word(what, word, expected);
    if (rest.empty()) {
        if (*number == LABYRINTH_UNLIMITED)
            return bad_word(what, word, expected);
        return *number;
    }
    const int shift = rest == "K" ? 10 : rest == "M" ? 20 : rest == "G" ? 30 : 0;
    const auto bytes = product(*number, std::uint64_t{1} << shift);
    if (shift == 0 || !bytes)
        return bad_word(what, word, expected);
    if (*bytes % page_size != 0)
        return bad_word(what, word,
                        fmt::format("a multiple of the page size, {} bytes", page_size));
    return *bytes / page_size;
}

Result<std::uint64_t> parse_quota(std::string_view what, std::string_view word,
                                  std::uint64_t page_size) {
    if (word == "unlimited")
        return LABYRINTH_UNLIMITED;
    return parse_pages(what, word, page_size);
}

Result<std::uint64_t> parse_duration(std::string_view what, std::string_view word) {
    struct Unit {
        std::string_view name;
        std::uint64_t ns;
    };
    static constexpr std::array<Unit, 6> units = {{{"ns", 1},
                                                   {"us", 1'000},
                                                   {"ms", 1'000'000},
                                                   {"s", 1'000'000'000},
                                                   {"m", 60'000'000'000},
                                                   {"h", 3'600'000'000'000}}};
    std::string_view rest = word;
    const auto number = take_digits(rest, 10);
    const auto* unit = std::ranges::find(units, rest, &Unit::name);
    const auto ns = number && unit != units.end() ? product(*number, unit->ns) : std::nullopt;
    if (!ns || *ns == 0)
        return bad_word(what, word, "a duration above 0 with its unit, as in 500ms, 2s or 1m");
    return *ns;
}

bool looks_like_handle(std::string_view word) {
    return word.starts_with("0x") || word.starts_with("0X");
}

Result<Handle> parse_handle(std::string_view word) {
    const auto value = hex(word);
    if (!value || *value == 0)
        return bad_word("HANDLE", word, "a handle: 0x and up to 16 hex digits, not 0");
    return *value;
}

Result<std::uint64_t> parse_tag(std::string_view word) {
    const auto value = looks_like_handle(word) ? hex(word) : whole(word, 10);
    if (!value)
        return bad_word("--tag", word, "a number of 64 bits, decimal or 0x and hex digits");
    if (StreamTag::is_stream(*value))
        return bad_word("--tag", word,
                        fmt::format("free to use: tags from {:#x} to {:#x} mark the pages that "
                                    "`labyrinth write` made",
                                    StreamTag::first, StreamTag::last));
    return *value;
}

Result<std::uint64_t> parse_count(std::string_view word) {
    constexpr std::uint64_t most = 1U << 24; // the largest registry
    return parse_number("--count", word, 1, most);
}

Result<std::uint32_t> parse_order(std::string_view word) {
    constexpr std::uint64_t most = 31; // beyond any kernel's; it says its own
    auto order = parse_number("--order", word, 0, most);
    if (!order)
        return order.error();
    return static_cast<std::uint32_t>(*order);
}

Result<std::uint32_t> parse_scope(std::string_view word) {
    for (std::uint32_t scope = LABYRINTH_SCOPE_PROCESS; scope <= LABYRINTH_SCOPE_THREAD; scope++)
        if (word == scope_name(scope))
            return scope;
    return bad_word("--scope", word, "process or thread");
}

Result<std::uint32_t> parse_mode(std::string_view word) {
    const auto value = whole(word, 8);
    if (!value || *value > 0777)
        return bad_word("--mode", word, "a mode in octal, 0 to 0777");
    return static_cast<std::uint32_t>(*value);
}

Result<std::string> parse_owner_name(std::string_view word) {
    const bool fits = !word.empty() && word.size() < LABYRINTH_NAME_SIZE;
    if (!fits || !std::ranges::all_of(word, name_character))
        return bad_word(
            "owner", word,
            fmt::format("a name: 1 to {} of A-Z a-z 0-9 . _ -", LABYRINTH_NAME_SIZE - 1));
    return std::string(word);
}

Result<std::string> parse_new_owner_name(std::string_view word) {
    if (all_digits(word) || looks_like_handle(word))
        return bad_word("owner", word,
                        "a good name: it would be taken for an owner's number or a handle");
    if (word.starts_with('-'))
        return bad_word("owner", word, "a good name: it would be taken for an option");
    return parse_owner_name(word);
}

Result<OwnerRef> parse_owner_ref(std::string_view word) {
    std::string_view digits = word;
    if (digits.starts_with('#'))
        digits.remove_prefix(1);
    if (all_digits(digits) || digits.size() != word.size()) {
        auto id = parse_number("owner", digits, 0, std::numeric_limits<std::uint32_t>::max());
        if (!id)
            return id.error();
        return OwnerRef(static_cast<std::uint32_t>(*id));
    }
    auto name = parse_owner_name(word);
    if (!name)
        return name.error();
    return OwnerRef(std::move(*name));
}

Result<OwnerRef> parse_receiver(std::string_view word) {
    auto ref = parse_owner_ref(word);
    if (ref && *ref == OwnerRef(std::uint32_t{0}))
        return bad_word("--to", word, "an owner: numbers start at 1");
    return ref;
}

Result<std::uint32_t> parse_accept(std::string_view word) {
    for (std::uint32_t accept = LABYRINTH_ACCEPT_NONE; accept <= LABYRINTH_ACCEPT_ANY; accept++)
        if (word == accept_name(accept))
            return accept;
    return bad_word("--accept", word, "none, uid or any");
}

std::size_t own_words(std::span<const std::string_view> words) {
    std::size_t at = 1; // behind the program's name
    while (at < words.size() && words[at].starts_with('-') && words[at] != "--")
        at += words[at] == "--color" ? 2 : 1;
    if (at >= words.size() || words[at] != "hold")
        return words.size();
    const auto end = std::ranges::find(words.subspan(at), "--");
    return static_cast<std::size_t>(end - words.begin());
}

std::string format_handle(Handle handle) {
    return fmt::format("{:#018x}", handle);
}

} // namespace labyrinth
