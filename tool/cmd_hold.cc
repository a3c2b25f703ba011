// SPDX-License-Identifier: GPL-2.0-only
//
// hold: take blocks, map them, and keep them until a signal or a command's end.
#include <cerrno>
#include <optional>

#include <CLI/CLI.hpp>
#include <fmt/core.h>
#include <linux/labyrinth.h>

#include "batch.hh"
#include "child.hh"
#include "commands.hh"
#include "explain.hh"
#include "hold.hh"
#include "mapping.hh"
#include "parse.hh"
#include "session.hh"
#include "wait.hh"

namespace labyrinth {
namespace {

struct HoldOptions {
    std::optional<std::string> owner;
    std::string count = "1";
    std::string order = "0";
    std::string scope = "process";
    PolicyWords policy;
};

struct HoldPlan {
    std::optional<std::string> owner; ///< none: the command's own
    std::uint64_t count = 0;
    AllocRequest request;
    std::vector<std::string> command;

    std::string owner_name() const { return owner.value_or(""); }
};

Result<AllocPolicy> parse_hold_policy(const PolicyWords& words) {
    auto policy = parse_policy(words, false);
    // A signal is looked at once the blocks are there.
    if (policy && policy->fallback == LABYRINTH_FALLBACK_WAIT && policy->timeout_ns == 0)
        return usage_error("hold", "--fallback wait without --timeout",
                           "name how long each batch may wait: a wait can't be interrupted here");
    return policy;
}

Result<AllocRequest> parse_request(const HoldOptions& options) {
    auto order = parse_order(options.order);
    if (!order)
        return order.error();
    auto scope = parse_scope(options.scope);
    if (!scope)
        return scope.error();
    auto policy = parse_hold_policy(options.policy);
    if (!policy)
        return policy.error();
    return AllocRequest{.policy = *policy, .order = *order, .scope = *scope};
}

Result<HoldPlan> parse_plan(const HoldOptions& options, Context& context) {
    HoldPlan plan;
    if (options.owner) {
        auto owner = parse_owner_name(*options.owner);
        if (!owner)
            return owner.error();
        plan.owner = *owner;
    }
    auto count = parse_count(options.count);
    if (!count)
        return count.error();
    plan.count = *count;
    auto request = parse_request(options);
    if (!request)
        return request.error();
    plan.request = *request;
    plan.command = context.tail();
    return plan;
}

/// As a message has it: "3 blocks for owner db".
std::string describe_blocks(const HoldPlan& plan) {
    return fmt::format("{} {}{}", plan.count, plan.count == 1 ? "block" : "blocks",
                       plan.owner ? " for owner " + *plan.owner : "");
}

/// Mapped, and each page there.
Result<Mapping> map_blocks(Device& device, const Holding& holding, std::uint32_t order) {
    auto mapping = Mapping::make(device, holding.handles(), order);
    if (!mapping)
        return mapping;
    const Status touched = mapping->touch();
    if (!touched)
        return touched.error();
    return mapping;
}

/// Waits for the end; the exit status.
Result<int> hold_on(const Device& device, const Fd& signals, const HoldPlan& plan,
                    const sigset_t& blocked) {
    if (plan.command.empty()) {
        const auto end = wait_for_end(signals, device.descriptor(), nullptr);
        return end ? Result<int>(0) : end.error();
    }
    auto child = Child::start(plan.command, blocked);
    if (!child)
        return child.error();
    const auto end = wait_for_end(signals, device.descriptor(), &*child);
    return end ? child->reap() : end.error();
}

void tell_end(const HoldEnd& end, std::size_t held, Context& context) {
    context.out().hold_end(end);
    if (!end.revoked.empty())
        context.warn(fmt::format("{} of {} {} revoked meanwhile", end.revoked.size(), held,
                                 held == 1 ? "block was" : "blocks were"));
}

/// From the blocks' coming to their going. What is in between may fail.
Status hold_blocks(Device& device, const HoldPlan& plan, const Fd& signals, const sigset_t& blocked,
                   Context& context) {
    auto reply = alloc_all(device, plan.request, plan.count);
    if (!reply)
        return explain_alloc(reply.error(), "allocating " + describe_blocks(plan),
                             plan.owner_name(), standing_of(device));
    Holding holding(device, std::move(reply->handles));
    std::optional<Mapping> mapping;
    if (plan.request.scope == LABYRINTH_SCOPE_PROCESS) {
        auto mapped = map_blocks(device, holding, plan.request.order);
        if (!mapped)
            return explain_page(mapped.error(), "mapping " + describe_blocks(plan),
                                plan.owner_name());
        mapping = std::move(*mapped);
    }
    const auto standing = standing_of(device);
    const auto held = holding.handles();
    context.out().hold({.owner = standing ? standing->owner : 0,
                        .name = plan.owner,
                        .handles = {held.begin(), held.end()},
                        .order = plan.request.order,
                        .scope = plan.request.scope,
                        .rung = reply->rung,
                        .place = mapping ? std::optional(mapping->range()) : std::nullopt});
    Status told = context.flush();
    if (!told)
        return told;
    auto status = hold_on(device, signals, plan, blocked);
    if (!status)
        return status.error();
    mapping.reset();
    auto end = holding.let_go();
    if (!end)
        return explain_page(end.error(), "releasing " + describe_blocks(plan), plan.owner_name());
    tell_end(*end, plan.count, context);
    context.exit_with(*status);
    return ok();
}

Status run_hold(const HoldOptions& options, Context& context) {
    auto plan = parse_plan(options, context);
    if (!plan)
        return plan.error();
    const sigset_t blocked = blocked_signals();
    const Fd signals = watch_signals();
    if (!signals)
        return Error{.what = "waiting for signals", .cause = "they can't be watched", .err = EIO};
    auto device = plan->owner ? open_owner(*plan->owner, Device::Access::read_write)
                              : open_device(Device::Access::read_write);
    if (!device)
        return device.error();
    return hold_blocks(*device, *plan, signals, blocked, context);
}

} // namespace

void register_hold(CLI::App& app, Context& context) {
    auto options = std::make_shared<HoldOptions>();
    CLI::App* hold = app.add_subcommand(
        "hold", "Take blocks, map them, and hold them until a signal or a command's end");
    hold->footer("Behind --, a command and its arguments: they are held while it runs.");
    hold->add_option("-o", options->owner, "As this named owner (as one of its own)")
        ->type_name("NAME");
    hold->add_option("-n,--count", options->count, "How many (1)")->type_name("COUNT");
    hold->add_option("--order", options->order, "Blocks of 2^K pages (0)")->type_name("K");
    hold->add_option("--scope", options->scope,
                     "Whose: process, or thread, which is not mapped (process)")
        ->type_name("SCOPE");
    hold->add_flag("--strict", options->policy.strict, "From the reserve only");
    hold->add_option("--fallback", options->policy.fallback,
                     "If none is at hand: fail or wait (fail)")
        ->type_name("HOW");
    hold->add_option("--timeout", options->policy.timeout, "Wait so long at most: 500ms, 2s, 1m")
        ->type_name("DURATION");
    hold->callback([options, &context] { context.finish(run_hold(*options, context)); });
}

} // namespace labyrinth
