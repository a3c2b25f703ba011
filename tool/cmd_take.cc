// SPDX-License-Identifier: GPL-2.0-only
//
// take: what has come into a named owner's inbox, to standard output.
#include <limits>
#include <optional>

#include <CLI/CLI.hpp>
#include <fmt/core.h>
#include <unistd.h>

#include "commands.hh"
#include "explain.hh"
#include "inbox.hh"
#include "parse.hh"
#include "session.hh"
#include "stream.hh"

namespace labyrinth {
namespace {

struct TakeOptions {
    std::optional<std::string> owner;
    std::optional<std::string> count;
    bool follow = false;
    std::optional<std::string> timeout;
    bool free = false;
    bool data = false;
};

struct TakeCommand {
    std::string owner;
    std::optional<std::uint64_t> count;
    std::uint64_t timeout_ns = 0;
};

/// To standard output. Each of the two ways of passing blocks on adds its own.
class ToOutput : public Delivery {
public:
    ToOutput(Device& device, std::uint64_t timeout_ns)
        : device_(device), timeout_ns_(timeout_ns), relay_(device.descriptor(), STDOUT_FILENO) {}
    Result<Wake> incoming() override { return relay_.incoming(timeout_ns_); }
    Result<Wake> room() override { return relay_.room(); }

protected:
    Device& device() { return device_; }

private:
    Device& device_;
    std::uint64_t timeout_ns_;
    Relay relay_;
};

/// What each block is.
class Lines final : public ToOutput {
public:
    /// So many lines fit what Relay::room() found, indented JSON too.
    static constexpr std::uint32_t at_a_time = 16;

    Lines(Device& device, const TakeCommand& command, Context& context)
        : ToOutput(device, command.timeout_ns), owner_(command.owner), context_(context) {}

    Status deliver(std::span<const Handle> handles) override {
        for (const Handle handle : handles) {
            auto block = device().query(handle);
            if (!block)
                return block.error();
            context_.out().taken({.owner = owner_, .block = *block});
        }
        return context_.flush();
    }

private:
    std::string owner_;
    Context& context_;
};

/// The used bytes of each block.
class Data final : public ToOutput {
public:
    Data(Device& device, const TakeCommand& command, FileSink& sink)
        : ToOutput(device, command.timeout_ns), sink_(sink) {}

    Status deliver(std::span<const Handle> handles) override {
        for (const Handle handle : handles) {
            auto extent = read_block(device(), handle, false, sink_);
            if (!extent)
                return extent.error();
        }
        return ok();
    }

private:
    FileSink& sink_;
};

Status check_options(const TakeOptions& options, const Context& context) {
    if (options.timeout && !options.follow)
        return usage_error("--timeout", "only --follow waits");
    if (options.data && context.json())
        return usage_error("take", "standard output can't carry both the data and JSON");
    return ok();
}

Result<TakeCommand> parse_command(const TakeOptions& options, const Context& context) {
    TakeCommand command;
    auto owner = required_owner("take", options.owner);
    if (!owner)
        return owner.error();
    command.owner = *owner;
    const Status fine = check_options(options, context);
    if (!fine)
        return fine.error();
    if (options.count) {
        auto count =
            parse_number("--count", *options.count, 1, std::numeric_limits<std::uint64_t>::max());
        if (!count)
            return count.error();
        command.count = *count;
    }
    if (options.timeout) {
        auto timeout = parse_duration("--timeout", *options.timeout);
        if (!timeout)
            return timeout.error();
        command.timeout_ns = *timeout;
    }
    return command;
}

Result<Taken> take_to_output(Device& device, const TakePlan& plan, const TakeCommand& command,
                             bool data, Context& context) {
    if (data) {
        auto sink = FileSink::open("-");
        if (!sink)
            return sink.error();
        Data delivery(device, command, *sink);
        return take_all(device, plan, delivery);
    }
    Lines delivery(device, command, context);
    return take_all(device, plan, delivery);
}

/// What is there now, and not what a giver adds while it is being taken.
std::uint64_t once_through(const Device& device) {
    const auto standing = standing_of(device);
    return standing ? standing->inbox : std::numeric_limits<std::uint64_t>::max();
}

/// Whether what was asked for came.
Status judge(const Taken& taken, const TakeCommand& command, const Device& device) {
    if (taken.end == Taken::End::interrupted)
        return ok();
    if (taken.end == Taken::End::timeout && (command.count || taken.blocks == 0))
        return explain_late(command.owner, taken.blocks, command.count);
    if (taken.blocks == 0)
        return explain_empty(command.owner, standing_of(device));
    return ok();
}

Status run_take(const TakeOptions& options, Context& context) {
    auto command = parse_command(options, context);
    if (!command)
        return command.error();
    auto device = open_owner(command->owner, Device::Access::read_write);
    if (!device)
        return device.error();
    TakePlan plan{.at_a_time = options.data ? 1 : Lines::at_a_time,
                  .follow = options.follow,
                  .release = options.free || options.data};
    if (command->count)
        plan.most = *command->count;
    else if (!options.follow)
        plan.most = once_through(*device);
    auto taken = take_to_output(*device, plan, *command, options.data, context);
    if (!taken)
        return explain_take(taken.error(), command->owner);
    return judge(*taken, *command, *device);
}

} // namespace

void register_take(CLI::App& app, Context& context) {
    auto options = std::make_shared<TakeOptions>();
    CLI::App* take = app.add_subcommand("take", "Take what has come into a named owner's inbox");
    take->add_option("-o", options->owner, "The named owner")->type_name("NAME");
    take->add_option("-n,--count", options->count, "So many at most (all that are there)")
        ->type_name("COUNT");
    take->add_flag("--follow", options->follow, "Wait for more, until interrupted or --count came");
    take->add_option("--timeout", options->timeout, "Wait so long at most for the next")
        ->type_name("DURATION");
    auto* free = take->add_flag("--free", options->free, "Free each once its line is out");
    take->add_flag("--data", options->data, "Write each block's used bytes, and free it")
        ->excludes(free);
    take->callback([options, &context] { context.finish(run_take(*options, context)); });
}

} // namespace labyrinth
