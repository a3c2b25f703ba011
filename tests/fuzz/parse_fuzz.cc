// SPDX-License-Identifier: GPL-2.0-only
//
// Words of the command line: whatever they are, they are taken as a second, slower
// reading of the rules takes them, or refused with a text that harms no terminal.
// The first byte says what the others are a word for.
#include <array>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include <linux/labyrinth.h>

#include "fuzz.hh"
#include "names.hh"
#include "parse.hh"
#include "session.hh"
#include "stream_layout.hh"
#include "system.hh"
#include "text.hh"

using namespace labyrinth;
using fuzz::require;

namespace {

using Wide = unsigned __int128;
constexpr std::uint64_t page = 4096;
constexpr Wide beyond = Wide{1} << 64;

int digit(char c) {
    if (c >= '0' && c <= '9')
        return c - '0';
    if (c >= 'a' && c <= 'f')
        return c - 'a' + 10;
    return c >= 'A' && c <= 'F' ? c - 'A' + 10 : 99;
}

/// All of @word as digits of @base, cut off at 2^64 so that nothing is lost.
std::optional<Wide> digits(std::string_view word, int base) {
    Wide value = 0;
    for (const char c : word) {
        if (digit(c) >= base)
            return std::nullopt;
        value =
            std::min(value * static_cast<unsigned>(base) + static_cast<unsigned>(digit(c)), beyond);
    }
    return word.empty() ? std::nullopt : std::optional(value);
}

std::optional<std::uint64_t> at_most(std::optional<Wide> value, Wide most) {
    if (!value || *value > most)
        return std::nullopt;
    return static_cast<std::uint64_t>(*value);
}

/// A number and one of some suffixes, multiplied; the longest suffix that fits.
struct Suffix {
    std::string_view name;
    std::uint64_t times;
};

std::optional<Wide> scaled(std::string_view word, std::span<const Suffix> suffixes) {
    for (const Suffix& suffix : suffixes) {
        if (!word.ends_with(suffix.name))
            continue;
        const auto number = digits(word.substr(0, word.size() - suffix.name.size()), 10);
        if (number && *number < beyond)
            return *number * suffix.times;
    }
    return std::nullopt;
}

std::optional<std::uint64_t> pages(std::string_view word) {
    static constexpr std::array<Suffix, 3> units = {
        {{"K", 1U << 10}, {"M", 1U << 20}, {"G", 1U << 30}}};
    if (const auto plain = digits(word, 10))
        return at_most(plain, beyond - 2);
    const auto bytes = at_most(scaled(word, units), beyond - 1);
    return bytes && *bytes % page == 0 ? std::optional(*bytes / page) : std::nullopt;
}

std::optional<std::uint64_t> duration(std::string_view word) {
    static constexpr std::array<Suffix, 6> units = {{{"ns", 1},
                                                     {"us", 1'000},
                                                     {"ms", 1'000'000},
                                                     {"s", 1'000'000'000},
                                                     {"m", 60'000'000'000},
                                                     {"h", 3'600'000'000'000}}};
    const auto ns = at_most(scaled(word, units), beyond - 1);
    return ns && *ns > 0 ? ns : std::nullopt;
}

std::optional<std::uint64_t> hexadecimal(std::string_view word) {
    if (word.size() < 3 || word.size() > 18 || word[0] != '0' || (word[1] != 'x' && word[1] != 'X'))
        return std::nullopt;
    return at_most(digits(word.substr(2), 16), beyond - 1);
}

std::optional<std::uint64_t> handle(std::string_view word) {
    const auto value = hexadecimal(word);
    return value && *value != 0 ? value : std::nullopt;
}

std::optional<std::uint64_t> tag(std::string_view word) {
    const auto value = hexadecimal(word);
    const auto either = value ? value : at_most(digits(word, 10), beyond - 1);
    return either && *either >> 48 != 0x1ABD ? either : std::nullopt;
}

template <class T>
void same(const Result<T>& said, const std::optional<std::uint64_t>& wanted, const char* what) {
    if (!said)
        fuzz::require_usage(said.error());
    require(static_cast<bool>(said) == wanted.has_value(), what);
    if (said)
        require(*said == *wanted, what);
}

bool is_name(std::string_view word) {
    const auto fits = [](char c) {
        return std::string_view("._-").find(c) != std::string_view::npos || digit(c) < 10 ||
               ((c | 0x20) >= 'a' && (c | 0x20) <= 'z');
    };
    return !word.empty() && word.size() <= 31 && std::ranges::all_of(word, fits);
}

void names(std::string_view word) {
    const bool number = digits(word, 10).has_value();
    const bool prefix = word.starts_with("0x") || word.starts_with("0X");
    const auto owner = parse_owner_name(word);
    const auto fresh = parse_new_owner_name(word);
    require(static_cast<bool>(owner) == is_name(word), "parse_owner_name takes names");
    require(static_cast<bool>(fresh) ==
                (is_name(word) && !number && !prefix && !word.starts_with('-')),
            "parse_new_owner_name takes what can't be anything else");
    require(!owner || *owner == word, "a name is taken as it is");
    require(!fresh || *fresh == word, "a new name is taken as it is");
    if (!owner)
        fuzz::require_usage(owner.error());
    if (!fresh)
        fuzz::require_usage(fresh.error());
}

void references(std::string_view word) {
    const bool hash = word.starts_with('#');
    const auto id = digits(word.substr(hash ? 1 : 0), 10);
    const bool number = id && *id <= 0xffffffff;
    const bool name = !hash && !id && is_name(word);
    const auto ref = parse_owner_ref(word);
    const auto to = parse_receiver(word);
    require(static_cast<bool>(ref) == (number || name), "parse_owner_ref: a number or a name");
    require(static_cast<bool>(to) == ((number && *id != 0) || name), "parse_receiver: not 0");
    if (number)
        require(std::get<0>(*ref) == static_cast<std::uint32_t>(*id), "an owner's number");
    if (name)
        require(std::get<1>(*ref) == word, "an owner's name");
    if (!to)
        fuzz::require_usage(to.error());
}

template <std::size_t N>
std::optional<std::uint64_t> place(std::string_view word,
                                   const std::array<std::string_view, N>& words) {
    const auto* found = std::ranges::find(words, word);
    return found == words.end() ? std::nullopt
                                : std::optional<std::uint64_t>(found - words.begin());
}

void choices(std::string_view word) {
    static constexpr std::array<std::string_view, 2> scopes = {"process", "thread"};
    static constexpr std::array<std::string_view, 3> accepts = {"none", "uid", "any"};
    same(parse_scope(word), place(word, scopes), "parse_scope");
    same(parse_accept(word), place(word, accepts), "parse_accept");
    same(parse_mode(word), at_most(digits(word, 8), 0777), "parse_mode");
    same(parse_order(word), at_most(digits(word, 10), 31), "parse_order");
    const auto count = at_most(digits(word, 10), 1U << 24);
    same(parse_count(word), count && *count > 0 ? count : std::nullopt, "parse_count");
}

/// Words are cut at NUL, as those of a command line are.
std::vector<std::string_view> words_of(std::string_view text) {
    std::vector<std::string_view> words = {"labyrinth"};
    for (std::size_t at = 0; at < text.size();) {
        const std::size_t end = std::min(text.find('\0', at), text.size());
        words.push_back(text.substr(at, end - at));
        at = end + 1;
    }
    return words;
}

void command_lines(std::string_view text) {
    const std::vector<std::string_view> words = words_of(text);
    const std::size_t own = own_words(words);
    require(own >= 1 && own <= words.size(), "own_words stays within the words");
    require(own == words.size() || words[own] == "--", "own_words ends at --");
    require(own == words.size() ||
                std::ranges::find(words.begin(), words.begin() + static_cast<std::ptrdiff_t>(own),
                                  "hold") != words.begin() + static_cast<std::ptrdiff_t>(own),
            "only hold passes words on");

    HandleWords given{.words = {words.begin() + 1, words.end()}, .all = text.size() % 7 == 0};
    const auto handles = parse_handles("free", given);
    if (!handles)
        fuzz::require_usage(handles.error());
    require(!handles || handles->size() == given.words.size(), "a handle for each word");

    PolicyWords policy{.strict = text.size() % 2 == 0};
    if (words.size() > 1)
        policy.fallback = words[1];
    if (words.size() > 2)
        policy.timeout = words[2];
    const auto parsed = parse_policy(policy, text.size() % 3 == 0);
    if (!parsed)
        fuzz::require_usage(parsed.error());
    require(!parsed || (parsed->timeout_ns != 0) == (words.size() > 2), "a timeout if one is said");
}

/// What is shown to a person.
void texts(std::string_view text) {
    const std::string shown = escape(text);
    require(fuzz::printable(shown) && shown.find('\n') == std::string::npos, "escape() escapes");
    require(shown.size() >= text.size(), "escape() drops nothing");
    const std::string mode = selected_lockdown(text);
    require(mode.empty() || text.find("[" + mode + "]") != std::string_view::npos,
            "selected_lockdown() finds what is between brackets");

    Table table({{"A"}, {"B", Table::Align::right}});
    table.row({shown, std::string(text.size() % 40, 'x')});
    table.row({"", shown});
    require(fuzz::printable(table.render("", "")), "a table is printable");
}

void numbers(std::string_view word) {
    std::uint64_t value = 0;
    for (const char c : word.substr(0, 8))
        value = value << 8 | static_cast<unsigned char>(c);
    const StreamTag parts = StreamTag::unpack(value);
    require(!StreamTag::is_stream(value) || parts.pack() == value, "a tag is what its parts are");
    require(describe_tag(value).empty() != StreamTag::is_stream(value), "our tags are described");
    require(fuzz::printable(format_age(value)) && fuzz::printable(format_limit(value)),
            "an age and a limit are printable");
    const auto back = parse_handle(format_handle(value));
    require(static_cast<bool>(back) == (value != 0) && (!back || *back == value),
            "a handle is read as it is written");
    require(fuzz::printable(attribute_name(static_cast<std::uint8_t>(value),
                                           static_cast<std::uint16_t>(value >> 8))) &&
                fuzz::printable(errno_words(static_cast<int>(value & 0xffff))) &&
                fuzz::printable(reason_words(static_cast<std::uint32_t>(value))),
            "names of numbers are printable");
}

} // namespace

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    if (size == 0)
        return 0;
    const std::string_view word(reinterpret_cast<const char*>(data) + 1, size - 1);
    switch (data[0] % 10) {
    case 0:
        same(
            parse_number("n", word, 3, 1U << 20),
            [&] {
                const auto n = at_most(digits(word, 10), 1U << 20);
                return n && *n >= 3 ? n : std::nullopt;
            }(),
            "parse_number");
        break;
    case 1:
        same(parse_pages("n", word, page), pages(word), "parse_pages");
        same(parse_quota("n", word, page),
             word == "unlimited" ? std::optional<std::uint64_t>(LABYRINTH_UNLIMITED) : pages(word),
             "parse_quota");
        break;
    case 2:
        same(parse_duration("n", word), duration(word), "parse_duration");
        break;
    case 3:
        same(parse_handle(word), handle(word), "parse_handle");
        break;
    case 4:
        same(parse_tag(word), tag(word), "parse_tag");
        break;
    case 5:
        names(word);
        break;
    case 6:
        references(word);
        break;
    case 7:
        choices(word);
        break;
    case 8:
        command_lines(word);
        break;
    default:
        texts(word);
        numbers(word);
    }
    return 0;
}
