// SPDX-License-Identifier: GPL-2.0-only
//
// pages, show: who holds what.
#include <limits>
#include <optional>

#include <CLI/CLI.hpp>

#include "commands.hh"
#include "family.hh"
#include "parse.hh"

namespace labyrinth {
namespace {

struct PagesOptions {
    std::optional<std::string> name;
    std::optional<std::string> number;
};

struct ShowOptions {
    std::string target;
};

/// The owner that -o or --owner names, if any.
Result<std::optional<OwnerRef>> wanted_owner(const PagesOptions& options) {
    if (options.name) {
        auto name = parse_owner_name(*options.name);
        if (!name)
            return name.error();
        return std::optional<OwnerRef>(*name);
    }
    if (!options.number)
        return std::optional<OwnerRef>();
    auto id =
        parse_number("--owner", *options.number, 0, std::numeric_limits<std::uint32_t>::max());
    if (!id)
        return id.error();
    return std::optional<OwnerRef>(static_cast<std::uint32_t>(*id));
}

Status run_pages(const PagesOptions& options, Context& context) {
    auto ref = wanted_owner(options);
    if (!ref)
        return ref.error();
    auto family = Family::open();
    if (!family)
        return family.error();
    std::optional<std::uint32_t> id;
    if (ref->has_value()) { // an owner that is not there is an error, not an empty list
        auto owner = family->owner(**ref);
        if (!owner)
            return owner.error();
        id = owner->id;
    }
    auto pages = family->pages(id);
    if (!pages)
        return pages.error();
    context.out().pages(*pages);
    return ok();
}

Status run_show(const ShowOptions& options, Context& context) {
    if (looks_like_handle(options.target)) {
        auto handle = parse_handle(options.target);
        if (!handle)
            return handle.error();
        auto family = Family::open();
        if (!family)
            return family.error();
        auto page = family->page(*handle);
        if (!page)
            return page.error();
        context.out().page(*page);
        return ok();
    }
    auto ref = parse_owner_ref(options.target);
    if (!ref)
        return ref.error();
    auto family = Family::open();
    if (!family)
        return family.error();
    auto owner = family->owner(*ref);
    if (!owner)
        return owner.error();
    context.out().owner(*owner);
    return ok();
}

} // namespace

void register_pages(CLI::App& app, Context& context) {
    auto pages_options = std::make_shared<PagesOptions>();
    CLI::App* pages = app.add_subcommand("pages", "List the blocks that owners hold");
    auto* name =
        pages->add_option("-o", pages_options->name, "Only the named owner's")->type_name("NAME");
    pages->add_option("--owner", pages_options->number, "Only those of the owner with this number")
        ->type_name("N")
        ->excludes(name);
    pages->callback(
        [pages_options, &context] { context.finish(run_pages(*pages_options, context)); });

    auto show_options = std::make_shared<ShowOptions>();
    CLI::App* show = app.add_subcommand("show", "Show one block or one owner");
    show->add_option("TARGET", show_options->target, "A handle (0x...), an owner's name or number")
        ->required()
        ->type_name("");
    show->callback([show_options, &context] { context.finish(run_show(*show_options, context)); });
}

} // namespace labyrinth
