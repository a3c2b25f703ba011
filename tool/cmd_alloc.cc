// SPDX-License-Identifier: GPL-2.0-only
//
// alloc: take blocks for a named owner.
#include <limits>

#include <CLI/CLI.hpp>
#include <fmt/core.h>
#include <linux/labyrinth.h>

#include "batch.hh"
#include "commands.hh"
#include "explain.hh"
#include "names.hh"
#include "parse.hh"
#include "session.hh"

namespace labyrinth {
namespace {

struct AllocOptions {
    std::optional<std::string> owner;
    std::string count = "1";
    std::string order = "0";
    std::string tag = "0";
    std::string scope = "process";
    bool partial = false;
    PolicyWords policy;
};

struct AllocPlan {
    std::string owner;
    std::uint64_t count = 0;
    AllocRequest request;
};

constexpr std::uint64_t most_deferred = LABYRINTH_INBOX_MAX; // each needs a place

Status check_deferral(const AllocPolicy& policy, std::uint64_t count) {
    if (!policy.defers())
        return ok();
    if (policy.partial)
        return usage_error("--partial", "with --fallback defer nothing is left out");
    if (count > most_deferred)
        return usage_error("--count", fmt::format("no inbox has room for {}; the largest has {}",
                                                  count, most_deferred));
    return ok();
}

Status check_scope(const std::string& word) {
    auto scope = parse_scope(word);
    if (!scope)
        return scope.error();
    if (*scope == LABYRINTH_SCOPE_THREAD)
        return usage_error("--scope",
                           "pages for one thread alone go with it, and this command ends at once",
                           "have them held: `labyrinth hold --scope thread`");
    return ok();
}

Result<AllocPlan> parse_plan(const AllocOptions& options) {
    auto owner = required_owner("alloc", options.owner);
    if (!owner)
        return owner.error();
    auto count = parse_count(options.count);
    if (!count)
        return count.error();
    auto order = parse_order(options.order);
    if (!order)
        return order.error();
    const Status outlives = check_scope(options.scope);
    if (!outlives)
        return outlives.error();
    auto tag = parse_tag(options.tag);
    if (!tag)
        return tag.error();
    // The last block's tag counts too.
    if (*tag > std::numeric_limits<std::uint64_t>::max() - *count ||
        !parse_tag(fmt::format("{}", *tag + *count - 1)))
        return usage_error(
            "--tag", fmt::format("{} blocks from there run into tags that are taken", *count));
    auto policy = parse_policy(options.policy, true);
    if (!policy)
        return policy.error();
    policy->partial = options.partial;
    const Status deferrable = check_deferral(*policy, *count);
    if (!deferrable)
        return deferrable.error();
    return AllocPlan{.owner = *owner,
                     .count = *count,
                     .request = {.policy = *policy, .order = *order, .tag = *tag}};
}

std::string describe_plan(const AllocPlan& plan) {
    const std::string order =
        plan.request.order > 0 ? fmt::format(" of order {}", plan.request.order) : "";
    return fmt::format("allocating {} {}{} for owner {}", plan.count,
                       plan.count == 1 ? "block" : "blocks", order, plan.owner);
}

Status run_alloc(const AllocOptions& options, Context& context) {
    auto plan = parse_plan(options);
    if (!plan)
        return plan.error();
    auto device = open_owner(plan->owner, Device::Access::read_write);
    if (!device)
        return device.error();
    auto reply = alloc_all(*device, plan->request, plan->count);
    if (!reply)
        return explain_alloc(reply.error(), describe_plan(*plan), plan->owner,
                             standing_of(*device));
    context.out().alloc({.owner = plan->owner,
                         .wanted = plan->count,
                         .handles = reply->handles,
                         .order = plan->request.order,
                         .rung = reply->rung,
                         .reason = reply->reason,
                         .deferred = plan->request.policy.defers() ? std::optional(reply->deferred)
                                                                   : std::nullopt});
    // Whoever can't be told the handles has taken nothing.
    Status told = context.flush();
    if (!told)
        (void)release_all(*device, reply->handles, true);
    else if (reply->deferred > 0)
        context.warn(fmt::format("{} of {} at once; {} will come into the inbox: `labyrinth take "
                                 "-o {} --follow`",
                                 reply->handles.size(), plan->count, reply->deferred, plan->owner));
    else if (reply->handles.size() < plan->count)
        context.warn(fmt::format("{} of {}: {}", reply->handles.size(), plan->count,
                                 reason_words(reply->reason)));
    return told;
}

} // namespace

void register_alloc(CLI::App& app, Context& context) {
    auto options = std::make_shared<AllocOptions>();
    CLI::App* alloc = app.add_subcommand("alloc", "Take blocks for a named owner; prints handles");
    alloc->add_option("-o", options->owner, "The named owner")->type_name("NAME");
    alloc->add_option("-n,--count", options->count, "How many (1)")->type_name("COUNT");
    alloc->add_option("--order", options->order, "Blocks of 2^K pages (0)")->type_name("K");
    alloc->add_option("--tag", options->tag, "Tag of the first; each further has one more (0)")
        ->type_name("N");
    alloc->add_option("--scope", options->scope, "process; for `thread` there is hold (process)")
        ->type_name("SCOPE");
    alloc->add_flag("--strict", options->policy.strict, "From the reserve only");
    alloc->add_flag("--partial", options->partial, "Keep what could be had");
    alloc
        ->add_option("--fallback", options->policy.fallback,
                     "If none is at hand: fail, wait or defer (fail)")
        ->type_name("HOW");
    alloc->add_option("--timeout", options->policy.timeout, "Wait so long at most: 500ms, 2s, 1m")
        ->type_name("DURATION");
    alloc->callback([options, &context] { context.finish(run_alloc(*options, context)); });
}

} // namespace labyrinth
