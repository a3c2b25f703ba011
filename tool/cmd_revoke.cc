// SPDX-License-Identifier: GPL-2.0-only
//
// revoke: take blocks away from whoever holds them.
#include <algorithm>
#include <cerrno>

#include <CLI/CLI.hpp>
#include <fmt/core.h>
#include <linux/labyrinth_netlink.h>

#include "commands.hh"
#include "explain.hh"
#include "family.hh"
#include "parse.hh"

namespace labyrinth {
namespace {

struct RevokeOptions {
    std::string owner;
    std::vector<std::string> handles;
};

struct RevokePlan {
    OwnerRef owner;
    std::vector<Handle> handles; ///< none: all
};

Result<RevokePlan> parse_plan(const RevokeOptions& options) {
    auto owner = parse_owner_ref(options.owner);
    if (!owner)
        return owner.error();
    RevokePlan plan{.owner = *owner, .handles = {}};
    for (const std::string& word : options.handles) {
        auto handle = parse_handle(word);
        if (!handle)
            return handle.error();
        if (std::ranges::find(plan.handles, *handle) != plan.handles.end())
            return usage_error("revoke", format_handle(*handle) + " is there twice");
        plan.handles.push_back(*handle);
    }
    return plan;
}

/// None is taken where one is not the owner's: there is no call for several.
Status check_handles(Family& family, const RevokePlan& plan, const Owner& owner) {
    for (const Handle handle : plan.handles) {
        auto page = family.page(handle);
        if (!page && page.error().err != ENOENT)
            return page.error();
        const bool theirs = page && page->owner == owner.id;
        if (theirs && page->state != LABYRINTH_PAGE_TRANSIT)
            continue;
        return explain_revoke(
            {.what = fmt::format("revoking {} of {}", format_handle(handle), describe(plan.owner)),
             .err = theirs ? EBUSY : ENOENT},
            owner, handle);
    }
    return ok();
}

/// @pages: taken so far, on failure too.
Status revoke(Family& family, const RevokePlan& plan, const std::optional<Owner>& owner,
              std::uint64_t& pages) {
    std::vector<std::optional<Handle>> each(plan.handles.begin(), plan.handles.end());
    if (each.empty())
        each.emplace_back(std::nullopt);
    for (const std::optional<Handle>& handle : each) {
        auto taken = family.revoke(plan.owner, handle);
        if (!taken)
            return explain_revoke(taken.error(), owner, handle);
        pages += *taken;
    }
    return ok();
}

Status run_revoke(const RevokeOptions& options, Context& context) {
    auto plan = parse_plan(options);
    if (!plan)
        return plan.error();
    auto family = Family::open();
    if (!family)
        return family.error();
    // Who may not see the owner is told by the kernel what else he may not.
    auto known = family->owner(plan->owner);
    const std::optional<Owner> owner = known ? std::optional(*known) : std::nullopt;
    if (owner) {
        Status theirs = check_handles(*family, *plan, *owner);
        if (!theirs)
            return theirs;
    }
    RevokeReport report{.owner = plan->owner};
    Status done = revoke(*family, *plan, owner, report.pages);
    if (done || report.pages > 0)
        context.out().revoke(report);
    return done;
}

} // namespace

void register_revoke(CLI::App& app, Context& context) {
    auto options = std::make_shared<RevokeOptions>();
    CLI::App* revoke = app.add_subcommand("revoke", "Take pages away from an owner (root)");
    revoke->add_option("OWNER", options->owner, "Whose: name or number")->required()->type_name("");
    revoke->add_option("HANDLE", options->handles, "These blocks (0x...); all without")
        ->type_name("");
    revoke->callback([options, &context] { context.finish(run_revoke(*options, context)); });
}

} // namespace labyrinth
