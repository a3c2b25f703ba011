// SPDX-License-Identifier: GPL-2.0-only
//
// Keys are the contract's attribute names, lower case, with dashes; they stay.
// Numbers of 64 bits that are names rather than amounts (handles, tags, physical
// addresses) are strings in hex, for readers that count in doubles. No limit is
// null. Names that are not UTF-8 have U+FFFD in place of what is wrong.
#include "output.hh"

#include <fmt/core.h>
#include <linux/labyrinth.h>
#include <nlohmann/json.hpp>

#include "histogram.hh"
#include "names.hh"
#include "parse.hh"

namespace labyrinth {
namespace {

using Json = nlohmann::ordered_json;

Json limit(std::uint64_t pages) {
    return pages == LABYRINTH_UNLIMITED ? Json(nullptr) : Json(pages);
}

template <class T> void add_if(Json& object, const char* key, const std::optional<T>& value) {
    if (value)
        object[key] = *value;
}

Json to_json(const Reserve& r) {
    return {{"node", r.node},
            {"low", r.low},
            {"high", r.high},
            {"emergency", r.emergency},
            {"available", r.available},
            {"guaranteed", r.guaranteed},
            {"emergency-available", r.emergency_available},
            {"cpu", r.cpu}};
}

Json to_json(const std::vector<Reserve>& nodes) {
    Json array = Json::array();
    for (const Reserve& node : nodes)
        array.push_back(to_json(node));
    return array;
}

Json to_json(const Owner& o) {
    Json object = {{"id", o.id}, {"kind", kind_name(o.kind)}, {"name", o.name}};
    add_if(object, "uid", o.uid);
    add_if(object, "gid", o.gid);
    if (o.mode)
        object["mode"] = fmt::format("{:04o}", *o.mode);
    add_if(object, "pid", o.pid);
    object["used"] = o.used;
    object["quota"] = limit(o.quota);
    object["guarantee"] = o.guarantee;
    object["guarantee-available"] = o.guarantee_available;
    object["emergency"] = o.emergency;
    object["quarantined"] = o.quarantined;
    object["age-ns"] = o.age_ns;
    add_if(object, "attached", o.attached);
    object["accept"] = accept_name(o.accept);
    add_if(object, "inbox", o.inbox);
    object["inbox-used"] = o.inbox_used;
    object["deferred"] = o.deferred;
    return object;
}

Json to_json(const Page& p) {
    Json object = {{"handle", format_handle(p.handle)}, {"owner", p.owner},
                   {"state", state_name(p.state)},      {"order", p.order},
                   {"scope", scope_name(p.scope)},      {"rung", rung_name(p.rung)},
                   {"tag", format_handle(p.tag)},       {"used", p.used}};
    add_if(object, "age-ns", p.age_ns);
    if (p.phys)
        object["phys"] = format_handle(*p.phys);
    add_if(object, "mapped", p.mapped);
    return object;
}

Json to_json(const std::vector<Handle>& handles) {
    Json array = Json::array();
    for (const Handle handle : handles)
        array.push_back(format_handle(handle));
    return array;
}

Json to_json(const ByNumber& counts, std::string (*name)(std::uint32_t)) {
    Json object = Json::object();
    for (const auto& [number, count] : counts)
        object[name(number)] = count;
    return object;
}

Json to_json(const LatencyRecord& r) {
    Json buckets = Json::array();
    for (const auto& [bucket, count] : r.buckets) {
        const TimeSpan span = bucket_span(bucket);
        Json object = {{"from-ns", span.first}};
        if (span.last != endless)
            object["to-ns"] = span.last;
        object["count"] = count;
        buckets.push_back(std::move(object));
    }
    return {{"context", context_name(r.context)},
            {"rung", rung_name(r.rung)},
            {"count", r.count},
            {"p50-ns", percentile(r, 500)},
            {"p99-ns", percentile(r, 990)},
            {"p999-ns", percentile(r, 999)},
            {"longest-ns", r.longest_ns},
            {"late", r.late},
            {"bucket", std::move(buckets)}};
}

class JsonOutput final : public Output {
public:
    JsonOutput(TextSink& sink, bool pretty) : Output(sink), indent_(pretty ? 4 : -1) {}

    void info(const InfoReport& report) override {
        const Info& i = report.info;
        Json object = {{"version", i.version},
                       {"page-size", i.page_size},
                       {"max-order", i.max_order},
                       {"max-batch", i.max_batch},
                       {"slots", i.slots},
                       {"slots-vacant", i.slots_vacant},
                       {"pages-taken", i.pages_taken},
                       {"owners", i.owners},
                       {"guaranteed", i.guaranteed},
                       {"debug", i.debug},
                       {"reserve", to_json(i.reserve)}};
        if (i.ceiling)
            object["ceiling"] = limit(*i.ceiling);
        if (report.caller)
            object["caller"] = {{"quota", limit(report.caller->quota)},
                                {"memlock-used", report.caller->memlock_used},
                                {"memlock-limit", limit(report.caller->memlock_limit)}};
        emit(object);
    }

    void stats(const Stats& s) override {
        emit({{"alloc", to_json(s.alloc, rung_name)},
              {"fail", to_json(s.fail, reason_name)},
              {"free", s.free},
              {"recycled", s.recycled},
              {"returned", s.returned},
              {"refilled", s.refilled},
              {"refill-failed", s.refill_failed},
              {"refill-held", s.refill_held},
              {"quarantined", s.quarantined},
              {"given", s.given},
              {"taken", s.taken},
              {"dropped", s.dropped},
              {"refused", to_json(s.refused, reason_name)},
              {"deferred", s.deferred},
              {"revoked", s.revoked}});
    }

    void latency(const Latency& l) override {
        Json records = Json::array();
        for (const LatencyRecord& record : l.records)
            records.push_back(to_json(record));
        emit({{"enabled", l.enabled},
              {"deadline-ns", l.deadline_ns > 0 ? Json(l.deadline_ns) : Json(nullptr)},
              {"latency", std::move(records)}});
    }

    void verdict(const Verdict& v) override {
        Json object = {{"result", verdict_name(v.result)},
                       {"tries", v.tries},
                       {"slots", v.slots},
                       {"pages", v.pages}};
        if (!v.book.empty())
            object["book"] = v.book;
        if (!v.text.empty())
            object["text"] = v.text;
        add_if(object, "expected", v.expected);
        add_if(object, "found", v.found);
        emit(object);
    }

    void owner(const Owner& owner) override { emit(to_json(owner)); }
    void page(const Page& page) override { emit(to_json(page)); }
    void owners(const Listing<Owner>& owners) override { list("owners", owners); }
    void pages(const Listing<Page>& pages) override { list("pages", pages); }

    void owner_added(const OwnerAdded& added) override {
        emit({{"id", added.id}, {"name", added.name}});
    }

    void reserve(const std::vector<Reserve>& nodes) override {
        emit({{"reserve", to_json(nodes)}});
    }

    void alloc(const AllocReport& r) override {
        Json object = {{"owner", r.owner},
                       {"wanted", r.wanted},
                       {"order", r.order},
                       {"rung", rung_name(r.rung)},
                       {"handles", to_json(r.handles)}};
        if (r.handles.size() < r.wanted)
            object["reason"] = reason_name(r.reason);
        add_if(object, "deferred", r.deferred);
        emit(object);
    }

    void give(const GiveReport& r) override {
        Json object = {{"owner", r.owner}};
        std::visit([&](const auto& to) { object["to"] = to; }, r.to);
        object["given"] = r.given;
        emit(object);
    }

    void revoke(const RevokeReport& r) override {
        Json object;
        std::visit([&](const auto& owner) { object["owner"] = owner; }, r.owner);
        object["revoked"] = r.pages;
        emit(object);
    }

    void hold(const HoldReport& r) override {
        Json object = {{"owner", r.owner}};
        add_if(object, "name", r.name);
        object["order"] = r.order;
        object["scope"] = scope_name(r.scope);
        object["rung"] = rung_name(r.rung);
        object["mapped"] = r.place.has_value();
        if (r.place) {
            object["address"] = format_handle(r.place->begin);
            object["bytes"] = r.place->end - r.place->begin;
        }
        object["handles"] = to_json(r.handles);
        emit(object);
    }

    void hold_end(const HoldEnd& e) override {
        emit({{"freed", e.freed}, {"revoked", to_json(e.revoked)}});
    }

    void taken(const TakenBlock& t) override {
        emit({{"owner", t.owner},
              {"handle", format_handle(t.block.handle)},
              {"tag", format_handle(t.block.tag)},
              {"used", t.block.used},
              {"order", t.block.order}});
    }

    void free(const FreeReport& r) override {
        emit({{"owner", r.owner}, {"wanted", r.wanted}, {"freed", r.freed}});
    }

    void write(const WriteReport& r) override {
        emit({{"owner", r.owner},
              {"bytes", r.written.bytes},
              {"pages", r.written.pages},
              {"pages-freed", r.written.pages_freed},
              {"left-over", r.written.left_over}});
    }

    void read(const ReadReport& r) override {
        emit({{"owner", r.owner},
              {"file", r.file},
              {"bytes", r.extent.bytes},
              {"pages", r.extent.pages}});
    }

    void done() override { emit({{"ok", true}}); }

    std::string error(const Error& e) const override {
        Json object = {{"error", e.what.empty() ? e.cause : e.what + ": " + e.cause},
                       {"errno", e.err},
                       {"errno-name", e.err != 0 ? errno_name(e.err) : ""},
                       {"hint", e.hint}};
        if (e.reason != LABYRINTH_REASON_NONE) {
            object["reason"] = reason_name(e.reason);
            object["rung"] = rung_name(e.rung);
        }
        if (!e.attribute.empty())
            object["attribute"] = e.attribute;
        return dump(object) + "\n";
    }

private:
    std::string dump(const Json& value) const {
        return value.dump(indent_, ' ', false, Json::error_handler_t::replace);
    }

    void emit(const Json& value) { sink().put(dump(value) + "\n"); }

    /// Entry by entry: a dump may have a million, and no tree of them is needed.
    template <class T> void list(const char* key, const Listing<T>& listing) {
        const char* separator = indent_ < 0 ? "" : "\n";
        sink().put(fmt::format("{{\"{}\":[", key));
        for (std::size_t i = 0; i < listing.entries.size(); i++) {
            sink().put(i == 0 ? separator : indent_ < 0 ? "," : ",\n");
            sink().put(dump(to_json(listing.entries[i])));
        }
        sink().put(fmt::format("{}],\"interrupted\":{}}}\n", separator, listing.interrupted));
    }

    int indent_;
};

} // namespace

std::unique_ptr<Output> make_json_output(TextSink& sink, bool pretty) {
    return std::make_unique<JsonOutput>(sink, pretty);
}

} // namespace labyrinth
