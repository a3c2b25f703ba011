// SPDX-License-Identifier: GPL-2.0-only
#include "names.hh"
#include "system.hh"
#include "tap.hh"
#include "text.hh"

#include <cerrno>

#include <linux/labyrinth.h>
#include <linux/labyrinth_netlink.h>

using namespace labyrinth;

namespace {

void escapes(tap::Report& t) {
    t.same(escape("plain name-1"), "plain name-1", "escape: printable text stays");
    t.same(escape("\033[31mred\033[0m"), "\\x1b[31mred\\x1b[0m",
           "escape: terminal codes are shown");
    t.same(escape("a\nb\r\tc\x7f"), "a\\x0ab\\x0d\\x09c\\x7f", "escape: control characters");
    t.same(escape("\xc2\x9b"), "\\xc2\\x9b", "escape: C1 controls in UTF-8");
    t.same(escape("a\\x41"), "a\\x5cx41", "escape: what looks escaped is told apart");
    t.same(escape(std::string_view("a\0b", 3)), "a\\x00b", "escape: NUL");
}

void ages(tap::Report& t) {
    t.same(format_age(0), "0ns", "age: none");
    t.same(format_age(999), "999ns", "age: ns");
    t.same(format_age(1'500), "1.5us", "age: us");
    t.same(format_age(12'540'000), "12.5ms", "age: ms");
    t.same(format_age(59'990'000'000), "59.9s", "age: s");
    t.same(format_age(187'000'000'000), "3m07s", "age: minutes");
    t.same(format_age(3'600'000'000'000), "1h00m", "age: hours");
    t.same(format_age(187'200'000'000'000), "2d04h", "age: days");
    t.same(format_limit(LABYRINTH_UNLIMITED), "unlimited", "limit: none");
    t.same(format_limit(0), "0", "limit: 0 is one");
}

void tables(tap::Report& t) {
    Table table({{"A"}, {"LONG", Table::Align::right}, {"C"}});
    table.row({"wide cell", "1", ""});
    table.row({"x", "12345", "y"});
    t.same(table.render("<", ">"),
           "<A           LONG  C>\n"
           "wide cell      1\n"
           "x          12345  y\n",
           "table: columns line up, no blanks at the end");
    t.same(Table({{"A"}}).render("", ""), "A\n", "table: without rows it still says its titles");
}

void names(tap::Report& t) {
    t.same(rung_name(LABYRINTH_RUNG_FALLBACK), "fallback", "rung: last");
    t.same(rung_name(7), "unknown-7", "rung: one from a later kernel");
    t.same(reason_name(LABYRINTH_REASON_SOILED), "soiled", "reason: soiled");
    t.same(reason_name(LABYRINTH_REASON_INBOX), "inbox", "reason: inbox");
    t.same(reason_name(LABYRINTH_REASON_REFUSED), "refused", "reason: last");
    t.same(reason_words(LABYRINTH_REASON_INBOX), "the inbox has no room", "reason: in words");
    t.same(accept_name(LABYRINTH_ACCEPT_UID), "uid", "accept: uid");
    t.same(accept_name(3), "unknown-3", "accept: one from a later kernel");
    t.same(context_name(LABYRINTH_CONTEXT_HARDIRQ), "hardirq", "context: hardirq");
    t.same(context_name(LABYRINTH_CONTEXT_NMI), "nmi", "context: last");
    t.same(kind_name(LABYRINTH_OWNER_NAMED), "named", "kind: named");
    t.same(kind_name(0), "unknown-0", "kind: there is no 0");
    t.same(state_name(LABYRINTH_PAGE_QUARANTINED), "quarantined", "state: quarantined");
    t.same(attribute_name(LABYRINTH_CMD_OWNER_ADD, LABYRINTH_A_OWNER_QUOTA), "owner-quota",
           "attribute: of an owner");
    t.same(attribute_name(LABYRINTH_CMD_OWNER_SET, LABYRINTH_A_OWNER_ATTACHED), "owner-attached",
           "attribute: in front of the gap of an owner's");
    t.same(attribute_name(LABYRINTH_CMD_OWNER_SET, LABYRINTH_A_OWNER_INBOX), "owner-inbox",
           "attribute: behind it");
    t.same(attribute_name(LABYRINTH_CMD_OWNER_SET, LABYRINTH_A_OWNER_DEFERRED), "owner-deferred",
           "attribute: the last of an owner");
    t.same(attribute_name(LABYRINTH_CMD_LATENCY_SET, LABYRINTH_A_LATENCY_DEADLINE),
           "latency-deadline", "attribute: of the latency record");
    t.same(attribute_name(LABYRINTH_CMD_RESERVE_SET, LABYRINTH_A_RESERVE_LOW), "reserve-low",
           "attribute: of the reserve");
    t.same(attribute_name(LABYRINTH_CMD_PAGE_GET, LABYRINTH_A_PAGE_OWNER), "page-owner",
           "attribute: of a page");
    t.same(attribute_name(LABYRINTH_CMD_VERIFY, 1), "", "attribute: one that is never sent");
    t.same(errno_words(EDQUOT), "EDQUOT (Disk quota exceeded)", "errno: name and text");
    t.same(errno_name(9999), "E9999", "errno: one without a name");
    t.same(errno_words(9999), "E9999 (unknown error)", "errno: nor words");
}

void system_facts_text(tap::Report& t) {
    t.same(selected_lockdown("none [integrity] confidentiality"), "integrity",
           "lockdown: integrity");
    t.same(selected_lockdown("[none] integrity confidentiality"), "none", "lockdown: none");
    t.same(selected_lockdown(""), "", "lockdown: no file");
    t.same(selected_lockdown("] [x"), "", "lockdown: nonsense");
    for (const char* word : {"", "-1", "+1", "1x", ":", "nosuchname"})
        t.check(!resolve_user(word) && !resolve_group(word),
                "'" + std::string(word) + "' is neither a user nor a group");
    for (const auto& [word, id] : {std::pair("root", 0U), std::pair("17", 17U)}) {
        const auto user = resolve_user(word);
        const auto group = resolve_group(word);
        t.check(user && *user == id && group && *group == id,
                "a user and a group, by name or by number: " + std::string(word));
    }
}

} // namespace

void test_text(tap::Report& t) {
    escapes(t);
    ages(t);
    tables(t);
    names(t);
    system_facts_text(t);
}
