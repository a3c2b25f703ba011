// SPDX-License-Identifier: GPL-2.0-only
//
// free: give a named owner's blocks back.
#include <optional>

#include <CLI/CLI.hpp>
#include <fmt/core.h>

#include "batch.hh"
#include "commands.hh"
#include "explain.hh"
#include "parse.hh"
#include "session.hh"

namespace labyrinth {
namespace {

struct FreeOptions {
    std::optional<std::string> owner;
    std::vector<std::string> handles;
    bool all = false;
    bool partial = false;
};

Result<std::vector<Handle>> parse_handles(const FreeOptions& options) {
    if (options.all != options.handles.empty())
        return usage_error("free",
                           options.all ? "handles and --all at once" : "neither handles nor --all");
    std::vector<Handle> handles;
    for (const std::string& word : options.handles) {
        auto handle = parse_handle(word);
        if (!handle)
            return handle.error();
        handles.push_back(*handle);
    }
    return handles;
}

/// Names the handle that was refused, where it is one.
std::string describe_refusal(const Error& error, const std::vector<Handle>& handles,
                             const std::string& owner) {
    if (error.err == ENOENT && error.index < handles.size())
        return fmt::format("freeing {} of owner {}", format_handle(handles[error.index]), owner);
    return fmt::format("freeing {} blocks of owner {}", handles.size(), owner);
}

Status run_free(const FreeOptions& options, Context& context) {
    auto owner = required_owner("free", options.owner);
    if (!owner)
        return owner.error();
    auto handles = parse_handles(options);
    if (!handles)
        return handles.error();
    auto device = open_owner(*owner, Device::Access::read_write);
    if (!device)
        return device.error();
    if (options.all) {
        auto blocks = all_blocks(*device);
        if (!blocks)
            return explain_page(blocks.error(), "listing the blocks of owner " + *owner, *owner);
        for (const Block& block : *blocks)
            handles->push_back(block.handle);
    }
    auto freed = release_all(*device, *handles, options.partial);
    if (!freed)
        return explain_page(freed.error(), describe_refusal(freed.error(), *handles, *owner),
                            *owner);
    context.out().free({.owner = *owner, .wanted = handles->size(), .freed = *freed});
    return ok();
}

} // namespace

void register_free(CLI::App& app, Context& context) {
    auto options = std::make_shared<FreeOptions>();
    CLI::App* free = app.add_subcommand("free", "Give a named owner's blocks back");
    free->add_option("-o", options->owner, "The named owner")->type_name("NAME");
    free->add_option("HANDLE", options->handles, "Blocks to free (0x...)")->type_name("");
    free->add_flag("--all", options->all, "All that it holds");
    free->add_flag("--partial", options->partial, "Skip those that can't be freed");
    free->callback([options, &context] { context.finish(run_free(*options, context)); });
}

} // namespace labyrinth
