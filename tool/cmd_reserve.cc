// SPDX-License-Identifier: GPL-2.0-only
//
// reserve, reserve set: the clean pages at hand, node by node.
#include <array>
#include <limits>
#include <optional>

#include <CLI/CLI.hpp>

#include "commands.hh"
#include "family.hh"
#include "parse.hh"
#include "system.hh"

namespace labyrinth {
namespace {

struct ReserveOptions {
    std::optional<std::string> node;
    std::optional<std::string> low;
    std::optional<std::string> high;
    std::optional<std::string> emergency;
};

Status parse_size(std::optional<std::uint64_t>& to, const char* what,
                  const std::optional<std::string>& word) {
    if (!word)
        return ok();
    auto pages = parse_pages(what, *word, system_page_size());
    if (!pages)
        return pages.error();
    to = *pages;
    return ok();
}

Result<ReserveChange> parse_change(const ReserveOptions& options) {
    ReserveChange change;
    const std::array<Status, 3> steps = {
        parse_size(change.low, "--low", options.low),
        parse_size(change.high, "--high", options.high),
        parse_size(change.emergency, "--emergency", options.emergency)};
    for (const Status& step : steps)
        if (!step)
            return step.error();
    if (!change.low && !change.high && !change.emergency)
        return usage_error("reserve set", "nothing to change",
                           "say what: --low, --high or --emergency");
    if (change.low && change.high && *change.low > *change.high)
        return usage_error("reserve set", "--low is above --high");
    if (!options.node)
        return change;
    auto node = parse_number("--node", *options.node, 0, std::numeric_limits<std::uint32_t>::max());
    if (!node)
        return node.error();
    change.node = static_cast<std::uint32_t>(*node);
    return change;
}

Status run_reserve(Context& context) {
    auto family = Family::open();
    if (!family)
        return family.error();
    auto info = family->info();
    if (!info)
        return info.error();
    context.out().reserve(info->reserve);
    return ok();
}

Status run_reserve_set(const ReserveOptions& options, Context& context) {
    auto change = parse_change(options);
    if (!change)
        return change.error();
    auto family = Family::open();
    if (!family)
        return family.error();
    Status set = family->reserve_set(*change);
    if (set)
        context.out().done();
    return set;
}

} // namespace

void register_reserve(CLI::App& app, Context& context) {
    auto options = std::make_shared<ReserveOptions>();
    CLI::App* reserve = app.add_subcommand("reserve", "Show the reserve of each node");
    reserve->require_subcommand(0, 1);
    CLI::App* set = reserve->add_subcommand("set", "Change the reserve (root)");
    set->add_option("--node", options->node, "This node's only; all nodes' without")
        ->type_name("N");
    set->add_option("--low", options->low, "Refill starts below it")->type_name("SIZE");
    set->add_option("--high", options->high, "Refill stops at it")->type_name("SIZE");
    set->add_option("--emergency", options->emergency, "The emergency part")->type_name("SIZE");
    set->callback([options, &context] { context.finish(run_reserve_set(*options, context)); });
    reserve->callback([reserve, &context] {
        if (reserve->get_subcommands().empty())
            context.finish(run_reserve(context));
    });
}

} // namespace labyrinth
