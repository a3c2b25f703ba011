// SPDX-License-Identifier: GPL-2.0-only
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include <linux/labyrinth.h>

#include "parse.hh"
#include "tap.hh"

using namespace labyrinth;

namespace {

/// "value", or "usage" for a refusal that will be exit status 1.
template <class T> std::string shown(const Result<T>& result) {
    if (!result)
        return result.error().blame == Blame::usage ? "usage" : "refused";
    return std::to_string(*result);
}

std::string shown(const Result<std::string>& result) {
    return result ? *result : "usage";
}

std::string shown(const Result<OwnerRef>& result) {
    if (!result)
        return "usage";
    if (const auto* id = std::get_if<std::uint32_t>(&*result))
        return "#" + std::to_string(*id);
    return std::get<std::string>(*result);
}

void numbers(tap::Report& t) {
    const auto number = [](const char* word) { return shown(parse_number("x", word, 1, 100)); };
    t.same(number("1"), "1", "number: the least");
    t.same(number("100"), "100", "number: the most");
    for (const char* bad :
         {"0", "101", "", " 1", "1 ", "+1", "-1", "1x", "0x1", "1.0", "99999999999999999999999999"})
        t.same(number(bad), "usage", "number: '" + std::string(bad) + "' is refused");
    t.same(shown(parse_number("x", "18446744073709551615", 0, UINT64_MAX)), "18446744073709551615",
           "number: 2^64 - 1");
    t.same(shown(parse_number("x", "18446744073709551616", 0, UINT64_MAX)), "usage",
           "number: 2^64 is refused");
}

void pages(tap::Report& t) {
    const auto size = [](const char* word) { return shown(parse_pages("x", word, 4096)); };
    t.same(size("0"), "0", "pages: none");
    t.same(size("12"), "12", "pages: a plain number is pages");
    t.same(size("4K"), "1", "pages: K is bytes");
    t.same(size("64M"), "16384", "pages: M");
    t.same(size("2G"), "524288", "pages: G");
    for (const char* bad : {"3K", "1k", "4KB", "4 K", "K", "", "-1", "18446744073709551615",
                            "18014398509481984G", "unlimited"})
        t.same(size(bad), "usage", "pages: '" + std::string(bad) + "' is refused");
    t.same(shown(parse_pages("x", "4K", 16384)), "usage", "pages: 4K is no page of 16 KiB");
    t.same(shown(parse_quota("x", "4K", 4096)), "1", "quota: as pages");
    t.same(shown(parse_quota("x", "unlimited", 4096)), "18446744073709551615", "quota: none");
    t.same(shown(parse_quota("x", "Unlimited", 4096)), "usage", "quota: in lower case only");
}

void durations(tap::Report& t) {
    const auto ns = [](const char* word) { return shown(parse_duration("x", word)); };
    t.same(ns("1ns"), "1", "duration: ns");
    t.same(ns("3us"), "3000", "duration: us");
    t.same(ns("500ms"), "500000000", "duration: ms");
    t.same(ns("2s"), "2000000000", "duration: s");
    t.same(ns("1m"), "60000000000", "duration: m");
    t.same(ns("1h"), "3600000000000", "duration: h");
    for (const char* bad :
         {"0s", "5", "s", "", "1.5s", "-1s", "1 s", "1d", "9999999999999h", "1sx"})
        t.same(ns(bad), "usage", "duration: '" + std::string(bad) + "' is refused");
}

void handles(tap::Report& t) {
    t.same(shown(parse_handle("0x1f")), "31", "handle: short");
    t.same(shown(parse_handle("0X1F")), "31", "handle: capitals all through");
    t.same(shown(parse_handle("0xffffffffffffffff")), "18446744073709551615",
           "handle: the largest");
    t.same(shown(parse_handle("0x000000010000002A")), "4294967338", "handle: 16 digits, capitals");
    for (const char* bad : {"0x0", "0x", "1f", "", "0x1g", "0x10000000000000000",
                            "0x00000000000000001", "0x-1", "0x 1", " 0x1"})
        t.same(shown(parse_handle(bad)), "usage", "handle: '" + std::string(bad) + "' is refused");
    t.same(format_handle(0x2a), "0x000000000000002a", "handle: printed with 16 digits");
    const auto back = parse_handle(format_handle(0xfedcba9876543210));
    t.check(back && *back == 0xfedcba9876543210, "handle: what is printed is understood");
}

void tags(tap::Report& t) {
    t.same(shown(parse_tag("0")), "0", "tag: 0");
    t.same(shown(parse_tag("0xff")), "255", "tag: hex");
    t.same(shown(parse_tag("18446744073709551615")), "18446744073709551615", "tag: the largest");
    t.same(shown(parse_tag("0x1abcffffffffffff")), std::to_string(0x1abcffffffffffff),
           "tag: right below those of write");
    t.same(shown(parse_tag("0x1abe000000000000")), std::to_string(0x1abe000000000000),
           "tag: right above those of write");
    for (const char* bad : {"0x1abd000000000000", "0x1abdffffffffffff", "", "x", "-1", "1 "})
        t.same(shown(parse_tag(bad)), "usage", "tag: '" + std::string(bad) + "' is refused");
}

void owners(tap::Report& t) {
    const std::string longest(LABYRINTH_NAME_SIZE - 1, 'a');
    t.same(shown(parse_owner_name("a.b_C-9")), "a.b_C-9", "owner name: every kind of character");
    t.same(shown(parse_owner_name(longest)), longest, "owner name: 31 characters");
    for (const std::string& bad :
         {std::string(), longest + "a", std::string("a b"), std::string("a/b"),
          std::string("\303\244"), std::string("a\0b", 3), std::string("a\n"), std::string("a{")})
        t.same(shown(parse_owner_name(bad)), "usage", "owner name: a bad one is refused");
    t.same(shown(parse_owner_name("12")), "12", "owner name: after -o digits are a name");
    for (const char* bad : {"12", "0", "0x1", "-x"})
        t.same(shown(parse_new_owner_name(bad)), "usage",
               "new owner: '" + std::string(bad) + "' is refused");
    t.same(shown(parse_new_owner_name("db1")), "db1", "new owner: a good name");
    t.same(shown(parse_owner_ref("7")), "#7", "owner: digits are a number");
    t.same(shown(parse_owner_ref("#7")), "#7", "owner: #7 is a number");
    t.same(shown(parse_owner_ref("4294967295")), "#4294967295", "owner: the largest number");
    t.same(shown(parse_owner_ref("7a")), "7a", "owner: a name may start with a digit");
    for (const char* bad : {"#", "#x", "4294967296", "", "#-1", "a b"})
        t.same(shown(parse_owner_ref(bad)), "usage",
               "owner: '" + std::string(bad) + "' is refused");
}

void receivers(tap::Report& t) {
    t.same(shown(parse_receiver("db")), "db", "receiver: a name");
    t.same(shown(parse_receiver("#7")), "#7", "receiver: a number");
    for (const char* bad : {"0", "#0", "", "a b"})
        t.same(shown(parse_receiver(bad)), "usage",
               "receiver: '" + std::string(bad) + "' is refused");
    t.same(shown(parse_accept("none")), "0", "accept: none");
    t.same(shown(parse_accept("uid")), "1", "accept: uid");
    t.same(shown(parse_accept("any")), "2", "accept: any");
    for (const char* bad : {"", "all", "ANY", "1", "any "})
        t.same(shown(parse_accept(bad)), "usage", "accept: '" + std::string(bad) + "' is refused");
}

void modes(tap::Report& t) {
    t.same(shown(parse_mode("0600")), std::to_string(0600), "mode: octal with 0");
    t.same(shown(parse_mode("640")), std::to_string(0640), "mode: octal without 0");
    t.same(shown(parse_mode("0")), "0", "mode: nobody");
    for (const char* bad : {"1000", "8", "", "rw", "-1", "0x10"})
        t.same(shown(parse_mode(bad)), "usage", "mode: '" + std::string(bad) + "' is refused");
}

void shapes(tap::Report& t) {
    t.same(shown(parse_count("1")), "1", "count: one");
    t.same(shown(parse_count("16777216")), "16777216", "count: the largest registry");
    for (const char* bad : {"0", "16777217", "", "-1", "1x"})
        t.same(shown(parse_count(bad)), "usage", "count: '" + std::string(bad) + "' is refused");
    t.same(shown(parse_order("0")), "0", "order: one page");
    t.same(shown(parse_order("31")), "31", "order: the largest");
    for (const char* bad : {"32", "", "-1", "1x"})
        t.same(shown(parse_order(bad)), "usage", "order: '" + std::string(bad) + "' is refused");
    t.same(shown(parse_scope("process")), "0", "scope: process");
    t.same(shown(parse_scope("thread")), "1", "scope: thread");
    for (const char* bad : {"", "threads", "1", "unknown-2"})
        t.same(shown(parse_scope(bad)), "usage", "scope: '" + std::string(bad) + "' is refused");
}

void tails(tap::Report& t) {
    using Words = std::vector<std::string_view>;
    const auto own = [](const Words& words) { return std::to_string(own_words(words)); };
    t.same(own({"labyrinth", "hold", "-n", "2", "--", "ls", "-l"}), "4", "words: up to the --");
    t.same(own({"labyrinth", "hold", "--", "a", "--", "b"}), "2", "words: up to the first --");
    t.same(own({"labyrinth", "-j", "--color", "auto", "hold", "--", "a"}), "5",
           "words: behind global flags");
    t.same(own({"labyrinth", "--color", "hold", "free", "--", "a"}), "6",
           "words: a flag's value is no command");
    t.same(own({"labyrinth", "free", "-o", "hold", "--", "0x1"}), "6",
           "words: other commands keep all");
    t.same(own({"labyrinth", "show", "hold", "--", "x"}), "5", "words: hold as an owner's name");
    t.same(own({"labyrinth", "--", "hold", "--", "x"}), "5", "words: -- before the command");
    t.same(own({"labyrinth", "hold"}), "2", "words: hold without --");
    t.same(own({"labyrinth", "--color"}), "2", "words: a flag without its value");
    t.same(own({"labyrinth"}), "1", "words: none");
    t.same(own({}), "0", "words: not even the program's name");
}

} // namespace

void test_parse(tap::Report& t) {
    numbers(t);
    pages(t);
    durations(t);
    handles(t);
    tags(t);
    owners(t);
    receivers(t);
    modes(t);
    shapes(t);
    tails(t);
}
