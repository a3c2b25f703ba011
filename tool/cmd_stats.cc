// SPDX-License-Identifier: GPL-2.0-only
//
// stats, stats set: what has been counted, and how long allocations took.
#include <optional>

#include <CLI/CLI.hpp>
#include <fmt/core.h>

#include "commands.hh"
#include "family.hh"
#include "parse.hh"
#include "text.hh"

namespace labyrinth {
namespace {

/// As words of the command line.
struct LatencyOptions {
    bool show = false;
    std::optional<std::string> record;
    std::optional<std::string> deadline;
    bool reset = false;
};

Status run_counters(Context& context) {
    auto family = Family::open();
    if (!family)
        return family.error();
    auto stats = family->stats();
    if (!stats)
        return stats.error();
    context.out().stats(*stats);
    return ok();
}

Status run_latency(Context& context) {
    auto family = Family::open();
    if (!family)
        return family.error();
    auto latency = family->latency();
    if (!latency)
        return latency.error();
    context.out().latency(*latency);
    if (!latency->enabled && latency->records.empty())
        context.warn("nothing has been recorded; begin with `labyrinth stats set --latency on` "
                     "(as root)");
    return ok();
}

Result<LatencyChange> parse_change(const LatencyOptions& options) {
    LatencyChange change;
    change.reset = options.reset;
    if (options.record && *options.record != "on" && *options.record != "off")
        return usage_error("--latency",
                           fmt::format("'{}' is not on or off", escape(*options.record)));
    if (options.record)
        change.enabled = *options.record == "on";
    if (options.deadline == "none") {
        change.deadline_ns = 0;
    } else if (options.deadline) {
        auto deadline = parse_duration("--deadline", *options.deadline);
        if (!deadline)
            return deadline.error();
        change.deadline_ns = *deadline;
    }
    if (change.empty())
        return usage_error("stats set", "nothing to change",
                           "say what: --latency, --deadline or --reset");
    return change;
}

Status run_set(const LatencyOptions& options, Context& context) {
    auto change = parse_change(options);
    if (!change)
        return change.error();
    auto family = Family::open();
    if (!family)
        return family.error();
    Status set = family->latency_set(*change);
    if (set)
        context.out().done();
    return set;
}

} // namespace

void register_stats(CLI::App& app, Context& context) {
    auto options = std::make_shared<LatencyOptions>();
    CLI::App* stats = app.add_subcommand("stats", "Show counters since the module was loaded");
    stats->require_subcommand(0, 1);
    auto* show = stats->add_flag("--latency", options->show, "Show how long allocations took");
    CLI::App* set = stats->add_subcommand("set", "Change the latency record (root)");
    set->excludes(show);
    set->add_option("--latency", options->record, "Record it: on or off")->type_name("HOW");
    set->add_option("--deadline", options->deadline, "Count what takes longer as late, or none")
        ->type_name("DURATION");
    set->add_flag("--reset", options->reset, "Forget what has been recorded");
    set->callback([options, &context] { context.finish(run_set(*options, context)); });
    stats->callback([stats, options, &context] {
        if (stats->get_subcommands().empty())
            context.finish(options->show ? run_latency(context) : run_counters(context));
    });
}

} // namespace labyrinth
