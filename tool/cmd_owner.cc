// SPDX-License-Identifier: GPL-2.0-only
//
// owners, owner add|del|set: named owners, and what owners may have.
#include <array>
#include <optional>

#include <CLI/CLI.hpp>
#include <linux/labyrinth.h>

#include "commands.hh"
#include "family.hh"
#include "parse.hh"
#include "system.hh"

namespace labyrinth {
namespace {

/// As words of the command line.
struct OwnerOptions {
    std::string owner;
    std::optional<std::string> uid;
    std::optional<std::string> gid;
    std::optional<std::string> mode;
    std::optional<std::string> quota;
    std::optional<std::string> guarantee;
    std::optional<std::string> accept;
    std::optional<std::string> inbox;
    bool emergency = false;
    bool no_emergency = false;
};

/// Parses @word into @to if it is there.
template <class T, class Parse>
Status parse_into(std::optional<T>& to, const std::optional<std::string>& word, Parse parse) {
    if (!word)
        return ok();
    auto value = parse(*word);
    if (!value)
        return value.error();
    to = *value;
    return ok();
}

Result<std::uint32_t> parse_inbox(const std::string& word) {
    auto blocks = parse_number("--inbox", word, 1, LABYRINTH_INBOX_MAX);
    if (!blocks)
        return blocks.error();
    return static_cast<std::uint32_t>(*blocks);
}

Result<OwnerChange> parse_change(const OwnerOptions& options) {
    const std::uint64_t size = system_page_size();
    OwnerChange change;
    const std::array<Status, 7> steps = {
        parse_into(change.uid, options.uid, resolve_user),
        parse_into(change.gid, options.gid, resolve_group),
        parse_into(change.mode, options.mode, parse_mode),
        parse_into(change.quota, options.quota,
                   [&](const std::string& word) { return parse_quota("--quota", word, size); }),
        parse_into(change.guarantee, options.guarantee,
                   [&](const std::string& word) { return parse_pages("--guarantee", word, size); }),
        parse_into(change.accept, options.accept, parse_accept),
        parse_into(change.inbox, options.inbox, parse_inbox),
    };
    for (const Status& step : steps)
        if (!step)
            return step.error();
    if (options.emergency || options.no_emergency)
        change.emergency = options.emergency;
    return change;
}

Status run_owners(Context& context) {
    auto family = Family::open();
    if (!family)
        return family.error();
    auto owners = family->owners();
    if (!owners)
        return owners.error();
    if (owners->interrupted)
        context.warn("owners came and went during the listing");
    context.out().owners(*owners);
    return ok();
}

Status run_owner_add(const OwnerOptions& options, Context& context) {
    auto name = parse_new_owner_name(options.owner);
    if (!name)
        return name.error();
    auto change = parse_change(options);
    if (!change)
        return change.error();
    auto family = Family::open();
    if (!family)
        return family.error();
    auto id = family->owner_add(*name, *change);
    if (!id)
        return id.error();
    context.out().owner_added({.id = *id, .name = *name});
    return ok();
}

Status run_owner_del(const OwnerOptions& options, Context& context) {
    auto ref = parse_owner_ref(options.owner);
    if (!ref)
        return ref.error();
    auto family = Family::open();
    if (!family)
        return family.error();
    Status gone = family->owner_del(*ref);
    if (gone)
        context.out().done();
    return gone;
}

Status run_owner_set(const OwnerOptions& options, Context& context) {
    auto ref = parse_owner_ref(options.owner);
    if (!ref)
        return ref.error();
    auto change = parse_change(options);
    if (!change)
        return change.error();
    if (change->empty())
        return usage_error("owner set", "nothing to change",
                           "say what: --uid, --gid, --mode, --quota, --guarantee, --emergency, "
                           "--no-emergency, --accept or --inbox");
    auto family = Family::open();
    if (!family)
        return family.error();
    Status set = family->owner_set(*ref, *change);
    if (set)
        context.out().done();
    return set;
}

void add_change_options(CLI::App& command, OwnerOptions& options) {
    command.add_option("--uid", options.uid, "User that it belongs to (name or number)")
        ->type_name("USER");
    command.add_option("--gid", options.gid, "Group that it belongs to (name or number)")
        ->type_name("GROUP");
    command.add_option("--mode", options.mode, "Who may act as it: read and write, in octal")
        ->type_name("MODE");
    command.add_option("--quota", options.quota, "Most pages it may hold, or unlimited")
        ->type_name("SIZE");
    command.add_option("--guarantee", options.guarantee, "Pages set aside for it")
        ->type_name("SIZE");
    command
        .add_option("--accept", options.accept,
                    "Whose pages it takes: none, uid (its user's) or any (none)")
        ->type_name("WHOSE");
    command.add_option("--inbox", options.inbox, "Blocks that may wait in its inbox (1024)")
        ->type_name("N");
}

} // namespace

void register_owner(CLI::App& app, Context& context) {
    app.add_subcommand("owners", "List owners")->callback([&context] {
        context.finish(run_owners(context));
    });

    auto options = std::make_shared<OwnerOptions>();
    CLI::App* owner = app.add_subcommand("owner", "Make, remove and change owners (root)");
    owner->require_subcommand(1);

    CLI::App* add = owner->add_subcommand("add", "Make a named owner; prints its number");
    add->add_option("NAME", options->owner, "1 to 31 of A-Z a-z 0-9 . _ -")
        ->required()
        ->type_name("");
    add_change_options(*add, *options);
    add->add_flag("--emergency", options->emergency, "May take from the emergency part");
    add->callback([options, &context] { context.finish(run_owner_add(*options, context)); });

    CLI::App* del = owner->add_subcommand("del", "Remove a named owner and free its pages");
    del->add_option("OWNER", options->owner, "Name or number")->required()->type_name("");
    del->callback([options, &context] { context.finish(run_owner_del(*options, context)); });

    CLI::App* set = owner->add_subcommand("set", "Change an owner");
    set->add_option("OWNER", options->owner, "Name or number")->required()->type_name("");
    add_change_options(*set, *options);
    auto* may =
        set->add_flag("--emergency", options->emergency, "May take from the emergency part");
    set->add_flag("--no-emergency", options->no_emergency, "May not any more")->excludes(may);
    set->callback([options, &context] { context.finish(run_owner_set(*options, context)); });
}

} // namespace labyrinth
