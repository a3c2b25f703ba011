// SPDX-License-Identifier: GPL-2.0-only
//
// free: give a named owner's blocks back.
#include <optional>

#include <CLI/CLI.hpp>
#include <fmt/core.h>

#include "batch.hh"
#include "commands.hh"
#include "explain.hh"
#include "session.hh"

namespace labyrinth {
namespace {

struct FreeOptions {
    std::optional<std::string> owner;
    HandleWords handles;
    bool partial = false;
};

Status run_free(const FreeOptions& options, Context& context) {
    auto owner = required_owner("free", options.owner);
    if (!owner)
        return owner.error();
    auto handles = parse_handles("free", options.handles);
    if (!handles)
        return handles.error();
    auto device = open_owner(*owner, Device::Access::read_write);
    if (!device)
        return device.error();
    if (options.handles.all)
        handles = list_handles(*device, *owner);
    if (!handles)
        return handles.error();
    auto freed = release_all(*device, *handles, options.partial);
    if (!freed)
        return explain_page(freed.error(),
                            fmt::format("freeing {} of owner {}",
                                        describe_handles(freed.error(), *handles), *owner),
                            *owner);
    context.out().free({.owner = *owner, .wanted = handles->size(), .freed = *freed});
    return ok();
}

} // namespace

void register_free(CLI::App& app, Context& context) {
    auto options = std::make_shared<FreeOptions>();
    CLI::App* free = app.add_subcommand("free", "Give a named owner's blocks back");
    free->add_option("-o", options->owner, "The named owner")->type_name("NAME");
    free->add_option("HANDLE", options->handles.words, "Blocks to free (0x...)")->type_name("");
    free->add_flag("--all", options->handles.all, "All that it holds");
    free->add_flag("--partial", options->partial, "Skip those that can't be freed");
    free->callback([options, &context] { context.finish(run_free(*options, context)); });
}

} // namespace labyrinth
