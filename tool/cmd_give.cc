// SPDX-License-Identifier: GPL-2.0-only
//
// give: a named owner's blocks to another owner, contents and all.
#include <optional>

#include <CLI/CLI.hpp>
#include <fmt/core.h>

#include "batch.hh"
#include "commands.hh"
#include "explain.hh"
#include "family.hh"
#include "parse.hh"
#include "session.hh"

namespace labyrinth {
namespace {

struct GiveOptions {
    std::optional<std::string> owner;
    std::optional<std::string> to;
    HandleWords handles;
};

struct GivePlan {
    std::string owner;
    OwnerRef to;
    std::vector<Handle> handles;
};

Result<GivePlan> parse_plan(const GiveOptions& options) {
    auto owner = required_owner("give", options.owner);
    if (!owner)
        return owner.error();
    if (!options.to)
        return usage_error("give", "no receiver named", "say who gets them: --to OWNER");
    auto to = parse_receiver(*options.to);
    if (!to)
        return to.error();
    auto handles = parse_handles("give", options.handles);
    if (!handles)
        return handles.error();
    return GivePlan{.owner = *owner, .to = *to, .handles = std::move(*handles)};
}

std::string describe_refusal(const Error& error, const GivePlan& plan) {
    return fmt::format("giving {} of owner {} to {}", describe_handles(error, plan.handles),
                       plan.owner, describe(plan.to));
}

Status run_give(const GiveOptions& options, Context& context) {
    auto plan = parse_plan(options);
    if (!plan)
        return plan.error();
    auto device = open_owner(plan->owner, Device::Access::read_write);
    if (!device)
        return device.error();
    if (options.handles.all) {
        auto all = list_handles(*device, plan->owner);
        if (!all)
            return all.error();
        plan->handles = std::move(*all);
    }
    const Status given = give_all(*device, plan->handles, plan->to);
    if (!given)
        return explain_give(given.error(), describe_refusal(given.error(), *plan), plan->owner,
                            *options.to, look_up(plan->to));
    context.out().give({.owner = plan->owner, .to = plan->to, .given = plan->handles.size()});
    return ok();
}

} // namespace

void register_give(CLI::App& app, Context& context) {
    auto options = std::make_shared<GiveOptions>();
    CLI::App* give = app.add_subcommand("give", "Give a named owner's blocks to another owner");
    give->add_option("-o", options->owner, "The named owner that gives")->type_name("NAME");
    give->add_option("--to", options->to, "Who gets them: an owner's name or number")
        ->type_name("OWNER");
    give->add_option("HANDLE", options->handles.words, "Blocks to give (0x...)")->type_name("");
    give->add_flag("--all", options->handles.all, "All that it holds");
    give->callback([options, &context] { context.finish(run_give(*options, context)); });
}

} // namespace labyrinth
