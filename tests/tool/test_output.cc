// SPDX-License-Identifier: GPL-2.0-only
//
// Values into bytes, caught in a file that only memory knows.
#include <cerrno>
#include <functional>

#include <fcntl.h>
#include <linux/labyrinth.h>
#include <linux/labyrinth_netlink.h>
#include <nlohmann/json.hpp>
#include <sys/mman.h>

#include "output.hh"
#include "stream_layout.hh"
#include "tap.hh"

using namespace labyrinth;
using nlohmann::json;

namespace {

using Show = std::function<void(Output&)>;
using Make = std::function<std::unique_ptr<Output>(TextSink&)>;

std::string caught(const Make& make, const Show& show) {
    const Fd file(::memfd_create("output", MFD_CLOEXEC));
    TextSink sink(file.get());
    show(*make(sink));
    if (!sink.flush())
        return "flush failed";
    std::string text(static_cast<std::size_t>(::lseek(file.get(), 0, SEEK_END)), '\0');
    const ssize_t got = ::pread(file.get(), text.data(), text.size(), 0);
    return got == static_cast<ssize_t>(text.size()) ? text : "read failed";
}

std::string text(const Show& show) {
    return caught([](TextSink& sink) { return make_text_output(sink, false); }, show);
}

/// Parsed; null if it is not exactly one document.
json document(const Show& show, bool pretty = false) {
    const std::string raw =
        caught([&](TextSink& sink) { return make_json_output(sink, pretty); }, show);
    return json::accept(raw) && raw.ends_with('\n') ? json::parse(raw) : json();
}

Owner hostile() {
    Owner o;
    o.id = 3;
    o.kind = LABYRINTH_OWNER_FILE;
    o.name = "\033]0;evil\007\xff";
    o.quota = LABYRINTH_UNLIMITED;
    o.age_ns = 1'500;
    return o;
}

Page data_page() {
    Page p;
    p.handle = 0x8000000000000001;
    p.owner = 3;
    p.state = 2;
    p.rung = 3;
    p.tag = StreamTag{.generation = 1, .committed = true, .number = 2}.pack();
    p.used = 4096;
    p.age_ns = 1;
    return p;
}

void owners(tap::Report& t) {
    const Show show = [](Output& out) { out.owners({.entries = {hostile(), hostile()}}); };
    const std::string table = text(show);
    t.check(table.find('\033') == std::string::npos &&
                table.find("\\x1b]0;evil\\x07\\xff") != std::string::npos,
            "output: a name's control characters are shown, not obeyed");
    const json doc = document(show);
    t.check(doc.is_object() && doc["owners"].size() == 2 && doc["interrupted"] == false,
            "output: JSON list");
    t.check(doc["owners"][0]["quota"].is_null() && doc["owners"][0]["age-ns"] == 1500 &&
                doc["owners"][0]["kind"] == "file" && !doc["owners"][0].contains("pid"),
            "output: JSON owner");
    t.check(document(show, true) == doc, "output: indented JSON says the same");
    t.check(document([](Output& out) { out.owners({}); })["owners"].empty() &&
                document([](Output& out) { out.owners({}); }, true)["owners"].is_array(),
            "output: JSON list of none");
}

void pages(tap::Report& t) {
    const Show show = [](Output& out) { out.pages({.entries = {data_page()}}); };
    const json doc = document(show)["pages"][0];
    t.check(doc["handle"] == "0x8000000000000001" && doc["tag"] == "0x1abd000180000002" &&
                doc["state"] == "owned" && doc["rung"] == "reserve" && doc["used"] == 4096 &&
                doc["order"] == 0 && doc["scope"] == "process" && !doc.contains("phys"),
            "output: JSON page");
    t.check(text(show).find("0x8000000000000001") != std::string::npos &&
                text(show).find("data 0 of 2") != std::string::npos,
            "output: text page says whose data it is");
}

LatencyRecord interrupts() {
    LatencyRecord r;
    r.context = LABYRINTH_CONTEXT_HARDIRQ;
    r.rung = LABYRINTH_RUNG_CPU;
    r.count = 101;
    r.longest_ns = 1ULL << 35;
    r.late = 1;
    r.buckets = {{40, 100}, {LABYRINTH_LATENCY_BUCKETS - 1, 1}};
    return r;
}

void latencies(tap::Report& t) {
    const Latency latency{.enabled = true, .deadline_ns = 50'000, .records = {interrupts()}};
    const Show show = [&](Output& out) { out.latency(latency); };
    const json doc = document(show);
    const json record = doc["latency"][0];
    t.check(doc["enabled"] == true && doc["deadline-ns"] == 50'000 &&
                record["context"] == "hardirq" && record["rung"] == "cpu" &&
                record["count"] == 101 && record["late"] == 1 && record["longest-ns"] == 1ULL << 35,
            "output: JSON latency");
    t.check(record["p50-ns"] == 143 && record["p99-ns"] == 143 && record["p999-ns"] == 1ULL << 35,
            "output: JSON percentiles");
    t.check(record["bucket"] == json::parse(R"([{"from-ns":128,"to-ns":143,"count":100},
                                               {"from-ns":17179869184,"count":1}])"),
            "output: JSON histogram, the last bucket without an end");
    const std::string shown = text(show);
    t.check(shown.find("hardirq") != std::string::npos &&
                shown.find("143ns") != std::string::npos &&
                shown.find("  128ns    255ns    100  " + std::string(50, '#') + "\n") !=
                    std::string::npos &&
                shown.find("  17.1s        -      1  #\n") != std::string::npos,
            "output: text latency has bars");
    const json none = document([](Output& out) { out.latency({}); });
    t.check(none["enabled"] == false && none["deadline-ns"].is_null() && none["latency"].empty() &&
                none["latency"].is_array(),
            "output: JSON latency, nothing recorded");
    t.check(text([](Output& out) { out.latency({}); }).find("CONTEXT") == std::string::npos,
            "output: text latency, nothing recorded");
}

void gifts(tap::Report& t) {
    const TakenBlock taken{.owner = "db",
                           .block = {.handle = 1, .tag = 0xabc, .used = 42, .order = 2}};
    const Show show = [&](Output& out) { out.taken(taken); };
    t.same(text(show), "0x0000000000000001 0x0000000000000abc 42\n",
           "output: text take is handle, tag and used bytes");
    const json doc = document(show);
    t.check(doc["owner"] == "db" && doc["handle"] == "0x0000000000000001" &&
                doc["tag"] == "0x0000000000000abc" && doc["used"] == 42 && doc["order"] == 2,
            "output: JSON take");
    t.check(document([](Output& out) {
                out.give({.owner = "a", .to = std::string("db"), .given = 3});
            }) == json::parse(R"({"owner":"a","to":"db","given":3})"),
            "output: JSON give, to a name");
    t.check(document([](Output& out) {
                out.give({.owner = "a", .to = std::uint32_t{7}, .given = 3});
            })["to"] == 7,
            "output: JSON give, to a number");
    const json deferred = document([](Output& out) {
        out.alloc({.owner = "db", .wanted = 3, .handles = {1}, .reason = 4, .deferred = 2});
    });
    t.check(deferred["deferred"] == 2 && deferred["reason"] == "empty",
            "output: JSON alloc, deferred");
    t.check(!document([](Output& out) { out.alloc({.owner = "db"}); }).contains("deferred"),
            "output: JSON alloc, where nothing is deferred");
    Owner o = hostile();
    o.accept = LABYRINTH_ACCEPT_UID;
    const Show one = [&](Output& out) { out.owner(o); };
    t.check(document(one)["accept"] == "uid" && document(one)["inbox-used"] == 0 &&
                !document(one).contains("inbox"),
            "output: JSON owner without an inbox");
    o.inbox = 9;
    o.inbox_used = 4;
    o.deferred = 1;
    t.check(document(one)["inbox"] == 9 && document(one)["inbox-used"] == 4 &&
                document(one)["deferred"] == 1,
            "output: JSON owner with an inbox");
    t.check(text(one).find("4 of 9, 1 still to come") != std::string::npos,
            "output: text owner with an inbox");
    t.check(text([&](Output& out) { out.owners({.entries = {o}}); }).find("  4/9  ") !=
                std::string::npos,
            "output: text owners with an inbox");
    Page p = data_page();
    p.age_ns.reset();
    t.check(!document([&](Output& out) { out.page(p); }).contains("age-ns") &&
                text([&](Output& out) { out.pages({.entries = {p}}); }).find("  -  ") !=
                    std::string::npos,
            "output: a page without an age");
}

void infos(tap::Report& t) {
    InfoReport report;
    report.info.pages_taken = 40;
    const Show show = [&](Output& out) { out.info(report); };
    t.check(!document(show).contains("ceiling") &&
                text(show).find("pages taken     40\n") != std::string::npos,
            "output: info without a ceiling");
    report.info.ceiling = 50;
    t.check(document(show)["ceiling"] == 50 && document(show)["pages-taken"] == 40 &&
                text(show).find("pages taken     40, at most 50\n") != std::string::npos,
            "output: info with a ceiling");
    report.info.ceiling = LABYRINTH_UNLIMITED;
    t.check(document(show)["ceiling"].is_null() &&
                text(show).find("at most unlimited") != std::string::npos,
            "output: info with a ceiling that is none");
}

void mappings(tap::Report& t) {
    Page p = data_page();
    p.scope = LABYRINTH_SCOPE_THREAD;
    const Show one = [&](Output& out) { out.page(p); };
    const Show list = [&](Output& out) { out.pages({.entries = {p}}); };
    t.check(!document(one).contains("mapped") && document(one)["scope"] == "thread" &&
                text(one).find("mapped          -\n") != std::string::npos,
            "output: a page of which nothing is said");
    p.mapped = true;
    t.check(document(one)["mapped"] == true &&
                text(one).find("mapped          yes\n") != std::string::npos &&
                text(list).find("  thread  yes     ") != std::string::npos,
            "output: a page that is mapped");
    p.mapped = false;
    t.check(document(one)["mapped"] == false &&
                text(list).find("  thread  no      ") != std::string::npos,
            "output: a page that is not mapped");
}

void revocations(tap::Report& t) {
    const auto taken = [](OwnerRef owner, std::uint64_t pages) {
        return [=](Output& out) { out.revoke({.owner = owner, .pages = pages}); };
    };
    t.same(text(taken("db", 1)), "revoked 1 page\n", "output: text revoke of one");
    t.same(text(taken("db", 0)), "revoked 0 pages\n", "output: text revoke of none");
    t.check(document(taken("db", 3)) == json::parse(R"({"owner":"db","revoked":3})") &&
                document(taken(7U, 3))["owner"] == 7,
            "output: JSON revoke");
}

void holds(tap::Report& t) {
    HoldReport report{.owner = 7, .handles = {1, 2}, .order = 1, .scope = 0, .rung = 3};
    const Show show = [&](Output& out) { out.hold(report); };
    t.check(document(show) ==
                json::parse(R"({"owner":7,"order":1,"scope":"process","rung":"reserve",
                                "mapped":false,
                                "handles":["0x0000000000000001","0x0000000000000002"]})"),
            "output: JSON hold, not mapped");
    t.check(text(show).find("owner           7\nmapped          no: ") == 0,
            "output: text hold, not mapped");
    report.name = "db";
    report.place = AddressRange{.begin = 0x1000, .end = 0x3000};
    t.check(document(show)["name"] == "db" && document(show)["mapped"] == true &&
                document(show)["address"] == "0x0000000000001000" &&
                document(show)["bytes"] == 0x2000,
            "output: JSON hold, mapped");
    t.same(text(show),
           "owner           7 (db)\n"
           "mapped          0x0000000000001000-0x0000000000003000\n"
           "0x0000000000000001\n0x0000000000000002\n",
           "output: text hold, mapped");
    const Show end = [](Output& out) { out.hold_end({.freed = 2, .revoked = {1}}); };
    t.check(document(end) == json::parse(R"({"freed":2,"revoked":["0x0000000000000001"]})"),
            "output: JSON end of hold");
    t.same(text(end), "revoked 0x0000000000000001\n", "output: text end of hold");
    t.same(text([](Output& out) { out.hold_end({.freed = 2}); }), "",
           "output: text end of hold, nothing revoked");
}

void others(tap::Report& t) {
    Stats s;
    s.alloc = {{1, 5}, {3, 7}};
    s.fail = {{1, 2}};
    s.refill_held = 9;
    s.given = 21;
    s.revoked = 23;
    s.refused = {{LABYRINTH_REASON_INBOX, 22}};
    const json stats = document([&](Output& out) { out.stats(s); });
    t.check(stats["alloc"]["cpu"] == 5 && stats["alloc"]["reserve"] == 7 &&
                stats["fail"]["quota"] == 2 && stats["refill-held"] == 9,
            "output: JSON stats");
    t.check(stats["given"] == 21 && stats["refused"]["inbox"] == 22 && stats["dropped"] == 0 &&
                stats["revoked"] == 23,
            "output: JSON stats of gives");
    t.check(text([&](Output& out) { out.stats(s); }).find("revoked         23\n") !=
                std::string::npos,
            "output: text stats of what was revoked");
    const Verdict v{
        .result = 1, .tries = 2, .book = "rings", .text = "", .expected = 4, .found = 3};
    const json verdict = document([&](Output& out) { out.verdict(v); });
    t.check(verdict["result"] == "disagree" && verdict["book"] == "rings" &&
                verdict["expected"] == 4,
            "output: JSON verdict");
    t.check(text([&](Output& out) { out.verdict(v); }).find("disagree") != std::string::npos,
            "output: text verdict");
    const json alloc = document([](Output& out) {
        out.alloc({.owner = "db", .wanted = 2, .handles = {1}, .rung = 3, .reason = 1});
    });
    t.check(alloc["handles"] == json({"0x0000000000000001"}) && alloc["reason"] == "quota",
            "output: JSON alloc, partial");
    t.same(text([](Output& out) {
               out.alloc({.owner = "db", .handles = {1, 2}});
           }),
           "0x0000000000000001\n0x0000000000000002\n", "output: text alloc is handles and no more");
    t.check(document([](Output& out) { out.done(); })["ok"] == true, "output: JSON done");
    t.same(text([](Output& out) { out.done(); }), "", "output: text done is silence");
}

void spellings(tap::Report& t) {
    const auto verdict = [](std::uint32_t result) {
        return text([&](Output& out) {
            Verdict v;
            v.result = result;
            v.tries = 1;
            v.text = "what differs";
            out.verdict(v);
        });
    };
    t.check(verdict(Verdict::agree).starts_with("all books agree: ") &&
                verdict(Verdict::disagree).find("what differs") != std::string::npos &&
                verdict(Verdict::busy).starts_with("too busy to tell: "),
            "output: text verdicts");
    const json described = document([](Output& out) {
        Verdict v;
        v.result = Verdict::disagree;
        v.text = "what differs";
        out.verdict(v);
    });
    t.check(described["text"] == "what differs", "output: JSON verdict, in words");
    t.same(text([](Output& out) { out.free({.owner = "db", .wanted = 3, .freed = 2}); }), "freed 2 of 3\n",
           "output: text of what was freed in part");
    InfoReport report;
    report.info.debug = true;
    t.check(text([&](Output& out) { out.info(report); }).find(" (debug)") != std::string::npos,
            "output: text info of a debug build");
    const auto colored = [](TextSink& sink) { return make_text_output(sink, true); };
    t.check(caught(colored, [](Output& out) {
                out.owners({.entries = {hostile()}});
            }).starts_with("\033[1m"),
            "output: a table's head is bold where there are colours");
}

void errors(tap::Report& t) {
    const Fd null(::open("/dev/null", O_WRONLY | O_CLOEXEC));
    TextSink sink(null.get());
    const Error e{.what = "a",
                  .cause = "b",
                  .hint = "c\nd",
                  .err = EDQUOT,
                  .reason = LABYRINTH_REASON_QUOTA,
                  .rung = LABYRINTH_RUNG_NONE};
    t.same(make_text_output(sink, false)->error(e), "labyrinth: a: b\n  hint: c\n  hint: d\n",
           "output: text error");
    const json doc = json::parse(make_json_output(sink, false)->error(e));
    t.check(doc["error"] == "a: b" && doc["errno"] == EDQUOT && doc["errno-name"] == "EDQUOT" &&
                doc["hint"] == "c\nd" && doc["reason"] == "quota",
            "output: JSON error");
    t.same(make_text_output(sink, false)->error({.cause = "b"}), "labyrinth: b\n",
           "output: text error without what");
}

void sinks(tap::Report& t) {
    const Fd full(::open("/dev/full", O_WRONLY | O_CLOEXEC));
    TextSink sink(full.get());
    sink.put("x");
    const Status flushed = sink.flush();
    t.check(!flushed && flushed.error().err == ENOSPC, "output: a full device is a failure");
    t.check(!sink.flush(), "output: and stays one");
    const std::string large(200'000, 'x');
    t.check(text([&](Output& out) {
                Listing<Page> many;
                many.entries.resize(5000, data_page());
                out.pages(many);
            }).size() > 200'000,
            "output: more than one gathering of text is all there");
}

} // namespace

void test_output(tap::Report& t) {
    spellings(t);
    owners(t);
    pages(t);
    latencies(t);
    gifts(t);
    infos(t);
    mappings(t);
    revocations(t);
    holds(t);
    others(t);
    errors(t);
    sinks(t);
}
