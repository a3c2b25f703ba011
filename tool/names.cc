// SPDX-License-Identifier: GPL-2.0-only
#include "names.hh"

#include <array>
#include <cstring>
#include <span>
#include <string_view>

#include <fmt/core.h>
#include <linux/labyrinth.h>
#include <linux/labyrinth_netlink.h>

namespace labyrinth {
namespace {

using Words = std::span<const std::string_view>;

std::string pick(Words words, std::uint32_t number) {
    if (number < words.size() && !words[number].empty())
        return std::string(words[number]);
    return fmt::format("unknown-{}", number);
}

constexpr std::array<std::string_view, 7> rungs = {"none",      "cpu",   "guarantee", "reserve",
                                                   "emergency", "buddy", "fallback"};
static_assert(rungs.size() == LABYRINTH_RUNG_FALLBACK + 1);

constexpr std::array<std::string_view, 7> rung_sentences = {
    "no rung was reached", "this CPU's ready stack", "the owner's guarantee", "the node's reserve",
    "the emergency part",  "the system's allocator", "the fallback"};
static_assert(rung_sentences.size() == rungs.size());

constexpr std::array<std::string_view, 15> reasons = {
    "none",    "quota",  "memlock", "dying",  "empty", "system",  "context", "slots",
    "timeout", "killed", "closed",  "soiled", "inbox", "refused", "ceiling"};
static_assert(reasons.size() == LABYRINTH_REASON_CEILING + 1);

constexpr std::array<std::string_view, 15> reason_sentences = {
    "refused before any page was tried for",
    "the owner's quota is used up",
    "RLIMIT_MEMLOCK is used up",
    "the owner is being removed",
    "the reserve is empty, and strict goes no further",
    "the system's allocator has no page to give at once",
    "the reserve is empty, and the system's allocator can't be called here",
    "every slot of the registry is taken",
    "the timeout passed before a page came",
    "the wait was interrupted",
    "the hand-out is closed (suspend to disk)",
    "too much has been freed that is not wiped yet",
    "the inbox has no room",
    "the receiver does not accept pages from the giver",
    "the module has taken as much of the machine's memory as it may"};
static_assert(reason_sentences.size() == reasons.size());

constexpr std::array<std::string_view, 4> kinds = {"", "file", "named", "kernel"};
static_assert(kinds.size() == LABYRINTH_OWNER_KERNEL + 1);

constexpr std::array<std::string_view, 8> states = {
    "vacant", "ready", "owned", "leaving", "in-transit", "dirty", "quarantined", "retired"};
static_assert(states.size() == LABYRINTH_PAGE_RETIRED + 1);

constexpr std::array<std::string_view, 2> scopes = {"process", "thread"};
static_assert(scopes.size() == LABYRINTH_SCOPE_THREAD + 1);

constexpr std::array<std::string_view, 3> verdicts = {"agree", "disagree", "busy"};

constexpr std::array<std::string_view, 3> accepts = {"none", "uid", "any"};
static_assert(accepts.size() == LABYRINTH_ACCEPT_ANY + 1);

constexpr std::array<std::string_view, 4> contexts = {"process", "softirq", "hardirq", "nmi"};
static_assert(contexts.size() == LABYRINTH_CONTEXT_NMI + 1);

constexpr std::array<std::string_view, 8> reserve_attributes = {
    "", "node", "low", "high", "emergency", "available", "guaranteed", "emergency-available"};

constexpr std::array<std::string_view, 23> owner_attributes = {
    "",          "id",          "kind",     "name",     "uid",       "gid",
    "mode",      "pid",         "used",     "quota",    "guarantee", "guarantee-available",
    "emergency", "quarantined", "age",      "attached", "",          "accept",
    "inbox",     "inbox-used",  "deferred", "handle",   "revoked"};
static_assert(owner_attributes.size() == LABYRINTH_A_OWNER_MAX + 1);

constexpr std::array<std::string_view, 3> page_attributes = {"", "handle", "owner"};

constexpr std::array<std::string_view, 4> latency_attributes = {"", "enabled", "deadline", "reset"};

std::string prefixed(std::string_view prefix, Words words, std::uint16_t type) {
    if (type >= words.size() || words[type].empty())
        return {};
    return fmt::format("{}-{}", prefix, words[type]);
}

} // namespace

std::string rung_name(std::uint32_t rung) {
    return pick(rungs, rung);
}
std::string reason_name(std::uint32_t reason) {
    return pick(reasons, reason);
}
std::string kind_name(std::uint32_t kind) {
    return pick(kinds, kind);
}
std::string state_name(std::uint32_t state) {
    return pick(states, state);
}
std::string scope_name(std::uint32_t scope) {
    return pick(scopes, scope);
}
std::string verdict_name(std::uint32_t result) {
    return pick(verdicts, result);
}
std::string accept_name(std::uint32_t accept) {
    return pick(accepts, accept);
}
std::string context_name(std::uint32_t context) {
    return pick(contexts, context);
}
std::string rung_words(std::uint32_t rung) {
    return pick(rung_sentences, rung);
}
std::string reason_words(std::uint32_t reason) {
    return pick(reason_sentences, reason);
}

std::string attribute_name(std::uint8_t command, std::uint16_t type) {
    switch (command) {
    case LABYRINTH_CMD_OWNER_GET:
    case LABYRINTH_CMD_OWNER_ADD:
    case LABYRINTH_CMD_OWNER_DEL:
    case LABYRINTH_CMD_OWNER_SET:
    case LABYRINTH_CMD_REVOKE:
        return prefixed("owner", owner_attributes, type);
    case LABYRINTH_CMD_PAGE_GET:
        return prefixed("page", page_attributes, type);
    case LABYRINTH_CMD_RESERVE_SET:
        return prefixed("reserve", reserve_attributes, type);
    case LABYRINTH_CMD_LATENCY_SET:
        return prefixed("latency", latency_attributes, type);
    default:
        return {};
    }
}

std::string errno_name(int err) {
    const char* name = ::strerrorname_np(err);
    return name != nullptr ? std::string(name) : fmt::format("E{}", err);
}

std::string errno_words(int err) {
    const char* text = ::strerrordesc_np(err);
    return fmt::format("{} ({})", errno_name(err), text != nullptr ? text : "unknown error");
}

} // namespace labyrinth
