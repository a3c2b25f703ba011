// SPDX-License-Identifier: GPL-2.0-only
#include "family.hh"

#include <cerrno>

#include <fmt/core.h>
#include <linux/labyrinth_netlink.h>

#include "decode.hh"
#include "explain.hh"
#include "parse.hh"
#include "system.hh"

namespace labyrinth {
namespace {

constexpr int dump_tries = 8;

/// Asks for one value.
template <class T>
Result<T> get(Netlink& link, std::uint8_t command, const AttrBuilder& request,
              Result<T> (*decode)(const Attrs&), const std::string& what) {
    std::optional<T> value;
    const Status done = link.ask(command, request, [&](const Attrs& attrs) -> Status {
        auto decoded = decode(attrs);
        if (!decoded)
            return decoded.error();
        value = std::move(*decoded);
        return ok();
    });
    if (!done)
        return explain_netlink(done.error(), what);
    if (!value)
        return explain_netlink(
            Error{.cause = "the kernel acknowledged, but did not answer", .err = EPROTO}, what);
    return std::move(*value);
}

/// Asks for all values, again while owners come and go under the dump.
template <class T>
Result<Listing<T>> list(Netlink& link, std::uint8_t command, const AttrBuilder& request,
                        Result<T> (*decode)(const Attrs&), const std::string& what) {
    Listing<T> listing;
    for (int i = 0; i < dump_tries; i++) {
        listing.entries.clear();
        const auto dump = link.dump(command, request, [&](const Attrs& attrs) -> Status {
            auto decoded = decode(attrs);
            if (!decoded)
                return decoded.error();
            listing.entries.push_back(std::move(*decoded));
            return ok();
        });
        if (!dump)
            return explain_netlink(dump.error(), what);
        listing.interrupted = *dump == Netlink::Dump::interrupted;
        if (!listing.interrupted)
            break;
    }
    return listing;
}

AttrBuilder named(const OwnerRef& ref) {
    AttrBuilder request;
    if (const auto* id = std::get_if<std::uint32_t>(&ref))
        request.u32(LABYRINTH_A_OWNER_ID, *id);
    else
        request.string(LABYRINTH_A_OWNER_NAME, std::get<std::string>(ref));
    return request;
}

void add_change(AttrBuilder& request, const OwnerChange& change) {
    if (change.uid)
        request.u32(LABYRINTH_A_OWNER_UID, *change.uid);
    if (change.gid)
        request.u32(LABYRINTH_A_OWNER_GID, *change.gid);
    if (change.mode)
        request.u32(LABYRINTH_A_OWNER_MODE, *change.mode);
    if (change.quota)
        request.u64(LABYRINTH_A_OWNER_QUOTA, *change.quota);
    if (change.guarantee)
        request.u64(LABYRINTH_A_OWNER_GUARANTEE, *change.guarantee);
    if (change.emergency)
        request.u32(LABYRINTH_A_OWNER_EMERGENCY, *change.emergency ? 1 : 0);
    if (change.accept)
        request.u32(LABYRINTH_A_OWNER_ACCEPT, *change.accept);
    if (change.inbox)
        request.u32(LABYRINTH_A_OWNER_INBOX, *change.inbox);
}

/// A command that is only acknowledged.
Status order(Netlink& link, std::uint8_t command, const AttrBuilder& request,
             const std::string& what) {
    Status done = link.ask(command, request);
    if (!done)
        return explain_netlink(done.error(), what);
    return done;
}

Result<std::uint32_t> decode_id(const Attrs& attrs) {
    if (auto id = attrs.u32(LABYRINTH_A_OWNER_ID))
        return *id;
    return Error{.cause = "attribute owner-id is missing", .err = EPROTO};
}

Result<std::uint64_t> decode_revoked(const Attrs& attrs) {
    if (auto pages = attrs.u64(LABYRINTH_A_OWNER_REVOKED))
        return *pages;
    return Error{.cause = "attribute owner-revoked is missing", .err = EPROTO};
}

} // namespace

std::string describe(const OwnerRef& ref) {
    if (const auto* id = std::get_if<std::uint32_t>(&ref))
        return fmt::format("owner #{}", *id);
    return fmt::format("owner {}", std::get<std::string>(ref));
}

bool OwnerChange::empty() const {
    return !uid && !gid && !mode && !quota && !guarantee && !emergency && !accept && !inbox;
}

Result<Family> Family::open() {
    auto link = Netlink::open();
    if (link)
        return Family(std::move(*link));
    if (link.error().err == ENOENT)
        return explain_family_unknown(system_facts());
    return link.error();
}

Result<Info> Family::info() {
    return get(link_, LABYRINTH_CMD_INFO_GET, {}, decode_info, "asking for info");
}

Result<Stats> Family::stats() {
    return get(link_, LABYRINTH_CMD_STATS_GET, {}, decode_stats, "asking for stats");
}

Result<Verdict> Family::verify() {
    return get(link_, LABYRINTH_CMD_VERIFY, {}, decode_verdict, "verifying the books");
}

Result<Owner> Family::owner(const OwnerRef& ref) {
    return get(link_, LABYRINTH_CMD_OWNER_GET, named(ref), decode_owner,
               "asking for " + describe(ref));
}

Result<Listing<Owner>> Family::owners() {
    return list(link_, LABYRINTH_CMD_OWNER_GET, {}, decode_owner, "listing owners");
}

Result<Page> Family::page(Handle handle) {
    AttrBuilder request;
    request.u64(LABYRINTH_A_PAGE_HANDLE, handle);
    return get(link_, LABYRINTH_CMD_PAGE_GET, request, decode_page,
               "asking for page " + format_handle(handle));
}

Result<Listing<Page>> Family::pages(std::optional<std::uint32_t> owner) {
    AttrBuilder request;
    if (owner)
        request.u32(LABYRINTH_A_PAGE_OWNER, *owner);
    return list(link_, LABYRINTH_CMD_PAGE_GET, request, decode_page, "listing pages");
}

Result<std::uint32_t> Family::owner_add(const std::string& name, const OwnerChange& change) {
    AttrBuilder request = named(name);
    add_change(request, change);
    return get(link_, LABYRINTH_CMD_OWNER_ADD, request, decode_id, "adding owner " + name);
}

Status Family::owner_del(const OwnerRef& ref) {
    return order(link_, LABYRINTH_CMD_OWNER_DEL, named(ref), "removing " + describe(ref));
}

Status Family::owner_set(const OwnerRef& ref, const OwnerChange& change) {
    AttrBuilder request = named(ref);
    add_change(request, change);
    return order(link_, LABYRINTH_CMD_OWNER_SET, request, "changing " + describe(ref));
}

Result<std::uint64_t> Family::revoke(const OwnerRef& ref, std::optional<Handle> handle) {
    AttrBuilder request = named(ref);
    if (handle)
        request.u64(LABYRINTH_A_OWNER_HANDLE, *handle);
    return get(link_, LABYRINTH_CMD_REVOKE, request, decode_revoked,
               fmt::format("revoking {} of {}", handle ? format_handle(*handle) : "all pages",
                           describe(ref)));
}

Status Family::reserve_set(const ReserveChange& change) {
    AttrBuilder request;
    if (change.node)
        request.u32(LABYRINTH_A_RESERVE_NODE, *change.node);
    if (change.low)
        request.u64(LABYRINTH_A_RESERVE_LOW, *change.low);
    if (change.high)
        request.u64(LABYRINTH_A_RESERVE_HIGH, *change.high);
    if (change.emergency)
        request.u64(LABYRINTH_A_RESERVE_EMERGENCY, *change.emergency);
    return order(link_, LABYRINTH_CMD_RESERVE_SET, request, "setting the reserve");
}

Result<Latency> Family::latency() {
    const std::string what = "asking for the latency record";
    auto latency = get(link_, LABYRINTH_CMD_LATENCY_GET, {}, decode_latency, what);
    if (!latency)
        return latency.error();
    auto records = list(link_, LABYRINTH_CMD_LATENCY_GET, {}, decode_latency_record, what);
    if (!records)
        return records.error();
    latency->records = std::move(records->entries);
    return latency;
}

Status Family::latency_set(const LatencyChange& change) {
    AttrBuilder request;
    if (change.enabled)
        request.u32(LABYRINTH_A_LATENCY_ENABLED, *change.enabled ? 1 : 0);
    if (change.deadline_ns)
        request.u64(LABYRINTH_A_LATENCY_DEADLINE, *change.deadline_ns);
    if (change.reset)
        request.flag(LABYRINTH_A_LATENCY_RESET);
    return order(link_, LABYRINTH_CMD_LATENCY_SET, request, "changing the latency record");
}

} // namespace labyrinth
