// SPDX-License-Identifier: GPL-2.0-only
//
// write, read: a file in a named owner's pages.
#include <optional>

#include <CLI/CLI.hpp>
#include <fmt/core.h>
#include <linux/labyrinth.h>

#include "commands.hh"
#include "explain.hh"
#include "parse.hh"
#include "session.hh"
#include "stream.hh"

namespace labyrinth {
namespace {

struct WriteOptions {
    std::optional<std::string> owner;
    std::string file = "-";
    bool append = false;
    bool replace = false;
    PolicyWords policy;
};

struct ReadOptions {
    std::optional<std::string> owner;
    std::string file = "-";
    std::optional<std::string> handle;
    bool whole = false;
};

WriteMode mode_of(const WriteOptions& options) {
    if (options.append)
        return WriteMode::append;
    return options.replace ? WriteMode::replace : WriteMode::fresh;
}

Status run_write(const WriteOptions& options, Context& context) {
    auto owner = required_owner("write", options.owner);
    if (!owner)
        return owner.error();
    auto policy = parse_policy(options.policy, false);
    if (!policy)
        return policy.error();
    // The signals that end the command are taken between batches only.
    if (policy->fallback == LABYRINTH_FALLBACK_WAIT && policy->timeout_ns == 0)
        return usage_error("write", "--fallback wait without --timeout",
                           "name how long each batch may wait: a wait can't be interrupted here");
    auto source = FileSource::open(options.file);
    if (!source)
        return source.error();
    auto device = open_owner(*owner, Device::Access::read_write);
    if (!device)
        return device.error();
    auto written = write_stream(*device, *source, mode_of(options), *policy);
    if (!written) {
        const std::string what = fmt::format("writing to owner {}, which is unchanged", *owner);
        return written.error().wanted > 0
                   ? explain_alloc(written.error(), what, *owner, standing_of(*device))
                   : explain_page(written.error(), what, *owner);
    }
    context.out().write({.owner = *owner, .written = *written});
    if (written->left_over)
        context.warn("the data are in place, but old pages could not be freed; the next write "
                     "tries again");
    return ok();
}

Result<Extent> copy_to(Device& device, const ReadOptions& options, Handle handle, FileSink& sink) {
    auto extent =
        handle != 0 ? read_block(device, handle, options.whole, sink) : read_stream(device, sink);
    if (!extent)
        return extent;
    const Status closed = sink.finish();
    if (!closed)
        return closed.error();
    return extent;
}

/// Whether there is something to read, before a file is made for it.
Status check_readable(Device& device, Handle handle) {
    if (handle != 0) {
        auto block = device.query(handle);
        return block ? ok() : Status(block.error());
    }
    auto extent = measure_stream(device);
    return extent ? ok() : Status(extent.error());
}

Result<Handle> parse_read(const ReadOptions& options, const Context& context) {
    if (context.json() && options.file == "-")
        return usage_error("read", "standard output can't carry both the data and JSON",
                           "name a file for the data: `labyrinth read -j -o NAME FILE`");
    if (!options.handle)
        return Handle{0};
    return parse_handle(*options.handle);
}

Status run_read(const ReadOptions& options, Context& context) {
    auto owner = required_owner("read", options.owner);
    if (!owner)
        return owner.error();
    auto handle = parse_read(options, context);
    if (!handle)
        return handle.error();
    auto device = open_owner(*owner, Device::Access::read_only);
    if (!device)
        return device.error();
    const std::string what =
        *handle != 0 ? fmt::format("reading {} of owner {}", format_handle(*handle), *owner)
                     : fmt::format("reading owner {}", *owner);
    const Status readable = check_readable(*device, *handle);
    if (!readable)
        return explain_page(readable.error(), what, *owner);
    auto sink = FileSink::open(options.file);
    if (!sink)
        return sink.error();
    auto extent = copy_to(*device, options, *handle, *sink);
    if (!extent)
        return explain_page(extent.error(), what, *owner);
    if (options.file != "-")
        context.out().read({.owner = *owner, .file = options.file, .extent = *extent});
    return ok();
}

} // namespace

void register_data(CLI::App& app, Context& context) {
    auto put = std::make_shared<WriteOptions>();
    CLI::App* write = app.add_subcommand("write", "Put a file into a named owner's pages");
    write->add_option("-o", put->owner, "The named owner")->type_name("NAME");
    write->add_option("FILE", put->file, "What to write; - is standard input (-)")->type_name("");
    auto* append = write->add_flag("--append", put->append, "Behind the data that it holds");
    write->add_flag("--replace", put->replace, "In place of the data that it holds")
        ->excludes(append);
    write->add_flag("--strict", put->policy.strict, "Pages from the reserve only");
    write->add_option("--fallback", put->policy.fallback, "If none is at hand: fail or wait (fail)")
        ->type_name("HOW");
    write->add_option("--timeout", put->policy.timeout, "Wait so long at most for each batch")
        ->type_name("DURATION");
    write->callback([put, &context] { context.finish(run_write(*put, context)); });

    auto get = std::make_shared<ReadOptions>();
    CLI::App* read = app.add_subcommand("read", "Get the data back, byte for byte");
    read->add_option("-o", get->owner, "The named owner")->type_name("NAME");
    read->add_option("FILE", get->file, "Where to; - is standard output (-)")->type_name("");
    auto* handle = read->add_option("--handle", get->handle, "This block only: its used bytes")
                       ->type_name("HANDLE");
    read->add_flag("--whole", get->whole, "All bytes of the block")->needs(handle);
    read->callback([get, &context] { context.finish(run_read(*get, context)); });
}

} // namespace labyrinth
