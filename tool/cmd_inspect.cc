// SPDX-License-Identifier: GPL-2.0-only
//
// info, verify: the whole of it at a glance.
#include <cerrno>

#include <CLI/CLI.hpp>

#include "commands.hh"
#include "device.hh"
#include "family.hh"
#include "session.hh"

namespace labyrinth {
namespace {

Status run_info(Context& context) {
    auto family = Family::open();
    if (!family)
        return family.error();
    auto info = family->info();
    if (!info)
        return info.error();
    InfoReport report{.info = std::move(*info)};
    // How the caller stands is worth telling; that it may not open the device is
    // no failure of info.
    if (auto device = Device::open(Device::Access::read_only))
        report.caller = standing_of(*device);
    context.out().info(report);
    return ok();
}

Status run_verify(Context& context) {
    auto family = Family::open();
    if (!family)
        return family.error();
    auto verdict = family->verify();
    if (!verdict)
        return verdict.error();
    context.out().verdict(*verdict);
    if (verdict->result == Verdict::agree)
        return ok();
    Error error{.what = "verifying the books"};
    if (verdict->result == Verdict::busy) {
        error.cause = "too busy to tell: they differed each time, each time otherwise";
        error.hint = "try again when less is going on";
    } else {
        error.cause = "they disagree";
        error.hint = "this is a defect of the module: keep this output and `dmesg`, and report it";
    }
    return error;
}

} // namespace

void register_inspect(CLI::App& app, Context& context) {
    app.add_subcommand("info", "Show limits, capacity and reserves")->callback([&context] {
        context.finish(run_info(context));
    });
    app.add_subcommand("verify", "Compare the module's books; 2 if they disagree")
        ->callback([&context] { context.finish(run_verify(context)); });
}

} // namespace labyrinth
