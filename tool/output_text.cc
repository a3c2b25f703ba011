// SPDX-License-Identifier: GPL-2.0-only
#include "output.hh"

#include <algorithm>

#include <linux/labyrinth.h>
#include <linux/labyrinth_netlink.h>

#include <fmt/core.h>

#include "histogram.hh"
#include "names.hh"
#include "parse.hh"
#include "stream_layout.hh"
#include "text.hh"

namespace labyrinth {
namespace {

constexpr auto right = Table::Align::right;

std::string number(std::uint64_t value) {
    return fmt::format("{}", value);
}

template <class T> std::string or_dash(const std::optional<T>& value) {
    return value ? number(*value) : "-";
}

std::string mode_text(const Owner& owner) {
    return owner.mode ? fmt::format("{:04o}", *owner.mode) : "-";
}

std::string age_text(const Page& page) {
    return page.age_ns ? format_age(*page.age_ns) : "-";
}

std::string mapped_text(const Page& page) {
    return page.mapped ? (*page.mapped ? "yes" : "no") : "-";
}

std::string inbox_text(const Owner& owner) {
    return owner.inbox ? fmt::format("{}/{}", owner.inbox_used, *owner.inbox) : "-";
}

std::string tag_text(std::uint64_t tag) {
    const std::string known = describe_tag(tag);
    return known.empty() ? fmt::format("{:#x}", tag) : known;
}

Table summary(const std::vector<LatencyRecord>& records) {
    Table table({{"CONTEXT"},
                 {"RUNG"},
                 {"COUNT", right},
                 {"P50", right},
                 {"P99", right},
                 {"P99.9", right},
                 {"LONGEST", right},
                 {"LATE", right}});
    for (const LatencyRecord& r : records)
        table.row({context_name(r.context), rung_name(r.rung), number(r.count),
                   format_age(percentile(r, 500)), format_age(percentile(r, 990)),
                   format_age(percentile(r, 999)), format_age(r.longest_ns), number(r.late)});
    return table;
}

/// A row for each power of two; each bucket's own count is in the JSON.
Table bars(const std::vector<Octave>& octaves) {
    constexpr std::uint32_t width = 50;
    std::uint64_t most = 0;
    for (const Octave& octave : octaves)
        most = std::max(most, octave.count);
    Table table({{"FROM", right}, {"TO", right}, {"CALLS", right}, {""}});
    for (const Octave& octave : octaves)
        table.row({format_age(octave.span.first),
                   octave.span.last == endless ? "-" : format_age(octave.span.last),
                   number(octave.count), std::string(bar_length(octave.count, most, width), '#')});
    return table;
}

class TextOutput final : public Output {
public:
    TextOutput(TextSink& sink, bool color) : Output(sink), color_(color) {}

    void info(const InfoReport& report) override {
        const Info& i = report.info;
        field("version", escape(i.version) + (i.debug ? " (debug)" : ""));
        field("page size", number(i.page_size) + " bytes");
        field("largest order", number(i.max_order));
        field("largest batch", number(i.max_batch));
        field("slots", fmt::format("{}, {} vacant", i.slots, i.slots_vacant));
        field("pages taken",
              number(i.pages_taken) + (i.ceiling ? ", at most " + format_limit(*i.ceiling) : ""));
        field("owners", number(i.owners));
        field("guaranteed", number(i.guaranteed) + " pages");
        if (report.caller)
            field("memlock", fmt::format("{} of {} pages", report.caller->memlock_used,
                                         format_limit(report.caller->memlock_limit)));
        sink().put("\n");
        reserve(i.reserve);
    }

    void stats(const Stats& s) override {
        for (const auto& [rung, count] : s.alloc)
            field("alloc " + rung_name(rung), number(count));
        for (const auto& [reason, count] : s.fail)
            field("fail " + reason_name(reason), number(count));
        field("free", number(s.free));
        field("recycled", number(s.recycled));
        field("returned", number(s.returned));
        field("refilled", number(s.refilled));
        field("refill failed", number(s.refill_failed));
        field("refill held", number(s.refill_held));
        field("quarantined", number(s.quarantined));
        field("given", number(s.given));
        field("taken", number(s.taken));
        field("dropped", number(s.dropped));
        for (const auto& [reason, count] : s.refused)
            field("refused " + reason_name(reason), number(count));
        field("deferred", number(s.deferred));
        field("revoked", number(s.revoked));
    }

    void latency(const Latency& l) override {
        field("recording", l.enabled ? "on" : "off");
        field("deadline", l.deadline_ns > 0 ? format_age(l.deadline_ns) : "none");
        if (l.records.empty())
            return;
        sink().put("\n");
        print(summary(l.records));
        for (const LatencyRecord& record : l.records) {
            sink().put("\n");
            field(context_name(record.context), rung_name(record.rung));
            print(bars(octaves(record.buckets)));
        }
    }

    void verdict(const Verdict& v) override {
        if (v.result == Verdict::agree)
            line(paint(green, "all books agree"), v);
        else if (v.result == Verdict::disagree)
            line(paint(red, "the books disagree"), v);
        else
            line(paint(yellow, "too busy to tell"), v);
    }

    void owner(const Owner& o) override {
        field("owner", number(o.id));
        field("kind", kind_name(o.kind));
        field("name", escape(o.name));
        field("user", or_dash(o.uid));
        field("group", or_dash(o.gid));
        field("mode", mode_text(o));
        field("process", or_dash(o.pid));
        field("used", number(o.used) + " pages");
        field("quota", format_limit(o.quota));
        field("guarantee", fmt::format("{}, {} at hand", o.guarantee, o.guarantee_available));
        field("emergency", o.emergency ? "yes" : "no");
        field("quarantined", number(o.quarantined));
        field("age", format_age(o.age_ns));
        field("accept", accept_name(o.accept));
        field("inbox", o.inbox ? fmt::format("{} of {}, {} still to come", o.inbox_used, *o.inbox,
                                             o.deferred)
                               : "none yet");
    }

    void owners(const Listing<Owner>& owners) override {
        Table table({{"OWNER", right},
                     {"KIND"},
                     {"NAME"},
                     {"UID", right},
                     {"GID", right},
                     {"MODE"},
                     {"PID", right},
                     {"USED", right},
                     {"QUOTA", right},
                     {"GUARANTEE", right},
                     {"EMERGENCY"},
                     {"ACCEPT"},
                     {"INBOX", right},
                     {"AGE", right}});
        for (const Owner& o : owners.entries)
            table.row({number(o.id), kind_name(o.kind), escape(o.name), or_dash(o.uid),
                       or_dash(o.gid), mode_text(o), or_dash(o.pid), number(o.used),
                       format_limit(o.quota), number(o.guarantee), o.emergency ? "yes" : "no",
                       accept_name(o.accept), inbox_text(o), format_age(o.age_ns)});
        print(table);
    }

    void owner_added(const OwnerAdded& added) override { sink().put(number(added.id) + "\n"); }

    void page(const Page& p) override {
        field("handle", format_handle(p.handle));
        field("owner", number(p.owner));
        field("state", state_name(p.state));
        field("order", number(p.order));
        field("scope", scope_name(p.scope));
        field("mapped", mapped_text(p));
        field("rung", rung_name(p.rung));
        field("age", age_text(p));
        field("used", number(p.used) + " bytes");
        field("tag", tag_text(p.tag));
        if (p.phys)
            field("physical", format_handle(*p.phys));
    }

    void pages(const Listing<Page>& pages) override {
        Table table({{"HANDLE"},
                     {"OWNER", right},
                     {"STATE"},
                     {"ORDER", right},
                     {"SCOPE"},
                     {"MAPPED"},
                     {"RUNG"},
                     {"AGE", right},
                     {"USED", right},
                     {"TAG"}});
        for (const Page& p : pages.entries)
            table.row({format_handle(p.handle), number(p.owner), state_name(p.state),
                       number(p.order), scope_name(p.scope), mapped_text(p), rung_name(p.rung),
                       age_text(p), number(p.used), tag_text(p.tag)});
        print(table);
    }

    void reserve(const std::vector<Reserve>& nodes) override {
        Table table({{"NODE", right},
                     {"LOW", right},
                     {"HIGH", right},
                     {"EMERGENCY", right},
                     {"AVAILABLE", right},
                     {"GUARANTEED", right},
                     {"EMERGENCY-AVAILABLE", right},
                     {"CPU", right}});
        for (const Reserve& r : nodes)
            table.row({number(r.node), number(r.low), number(r.high), number(r.emergency),
                       number(r.available), number(r.guaranteed), number(r.emergency_available),
                       number(r.cpu)});
        print(table);
    }

    void alloc(const AllocReport& r) override {
        for (const Handle handle : r.handles)
            sink().put(format_handle(handle) + "\n");
    }

    void free(const FreeReport& r) override {
        sink().put(r.freed == r.wanted ? fmt::format("freed {}\n", r.freed)
                                       : fmt::format("freed {} of {}\n", r.freed, r.wanted));
    }

    void give(const GiveReport& r) override { sink().put(fmt::format("gave {}\n", r.given)); }

    void revoke(const RevokeReport& r) override {
        sink().put(fmt::format("revoked {} {}\n", r.pages, r.pages == 1 ? "page" : "pages"));
    }

    void hold(const HoldReport& r) override {
        field("owner", r.name ? fmt::format("{} ({})", r.owner, *r.name) : number(r.owner));
        field("mapped", r.place ? fmt::format("{:#018x}-{:#018x}", r.place->begin, r.place->end)
                                : "no: a mapping would serve every thread");
        for (const Handle handle : r.handles)
            sink().put(format_handle(handle) + "\n");
    }

    void hold_end(const HoldEnd& e) override {
        for (const Handle handle : e.revoked)
            sink().put(fmt::format("revoked {}\n", format_handle(handle)));
    }

    void taken(const TakenBlock& t) override {
        sink().put(fmt::format("{} {} {}\n", format_handle(t.block.handle),
                               format_handle(t.block.tag), t.block.used));
    }

    void write(const WriteReport& r) override {
        sink().put(fmt::format("wrote {} bytes in {} pages\n", r.written.bytes, r.written.pages));
    }

    void read(const ReadReport& r) override {
        sink().put(fmt::format("read {} bytes from {} pages\n", r.extent.bytes, r.extent.pages));
    }

    void done() override {}

    std::string error(const Error& e) const override {
        std::string out = e.what.empty() ? fmt::format("labyrinth: {}\n", e.cause)
                                         : fmt::format("labyrinth: {}: {}\n", e.what, e.cause);
        for (std::size_t at = 0; at < e.hint.size();) {
            const std::size_t end = std::min(e.hint.find('\n', at), e.hint.size());
            out += fmt::format("  hint: {}\n", e.hint.substr(at, end - at));
            at = end + 1;
        }
        return out;
    }

private:
    static constexpr const char *bold = "\033[1m", *red = "\033[31m", *green = "\033[32m",
                                *yellow = "\033[33m", *plain = "\033[0m";

    std::string paint(const char* how, const std::string& text) const {
        return color_ ? how + text + plain : text;
    }

    void field(const std::string& name, const std::string& value) {
        const std::string padded = fmt::format("{:<15}", name);
        sink().put(paint(bold, padded) + " " + value + "\n");
    }

    void print(const Table& table) {
        sink().put(table.render(color_ ? bold : "", color_ ? plain : ""));
    }

    void line(const std::string& verdict, const Verdict& v) {
        sink().put(fmt::format("{}: {} slots, {} pages, {} {}\n", verdict, v.slots, v.pages,
                               v.tries, v.tries == 1 ? "try" : "tries"));
        if (!v.book.empty())
            field("book", escape(v.book));
        if (!v.text.empty())
            field("difference", escape(v.text));
        if (v.expected)
            field("expected", number(*v.expected));
        if (v.found)
            field("found", number(*v.found));
    }

    bool color_;
};

} // namespace

std::unique_ptr<Output> make_text_output(TextSink& sink, bool color) {
    return std::make_unique<TextOutput>(sink, color);
}

} // namespace labyrinth
