// SPDX-License-Identifier: GPL-2.0-only
//
// What main and the commands share. One file for each family of commands; each
// declares its options in register_x() and acts in run_x().
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "files.hh"
#include "output.hh"
#include "support.hh"

namespace CLI {
class App;
}

namespace labyrinth {

/// Flags that every command takes.
struct Globals {
    bool json = false;
    bool pretty = false;
    std::string color = "auto";
};

/// One run of the tool: its flags, where its output goes, its exit status.
class Context {
public:
    Globals& globals() { return globals_; }
    /// True if the command's output is one JSON document.
    bool json() const { return globals_.json || globals_.pretty; }
    /// What commands put their values into. Asked for after the flags are known.
    Output& out();
    /// Text that is no value: help, version.
    void print(std::string_view text);
    /// Writes what there is to standard output; fails if that can't be done.
    Status flush() { return sink_.flush(); }
    /// Tells on standard error what the user should know of a command that works.
    void warn(std::string_view text) const;
    /// Ends a command: writes its output, then its error, and sets the status.
    void finish(const Status& outcome);
    /// Writes an error and sets the status.
    void fail(const Error& error);
    /// Words behind the tool's own: another command's line (hold).
    std::vector<std::string>& tail() { return tail_; }
    /// The status of a command that worked, where it is not 0.
    void exit_with(int status) { exit_status_ = status; }
    int exit_status() const { return exit_status_; }

private:
    Globals globals_;
    TextSink sink_;
    std::unique_ptr<Output> output_;
    std::vector<std::string> tail_;
    int exit_status_ = 0;
};

void register_inspect(CLI::App& app, Context& context); ///< info, verify
void register_stats(CLI::App& app, Context& context);   ///< stats, stats set
void register_pages(CLI::App& app, Context& context);   ///< pages, show
void register_owner(CLI::App& app, Context& context);   ///< owners, owner add|del|set
void register_reserve(CLI::App& app, Context& context); ///< reserve, reserve set
void register_alloc(CLI::App& app, Context& context);   ///< alloc
void register_free(CLI::App& app, Context& context);    ///< free
void register_data(CLI::App& app, Context& context);    ///< write, read
void register_give(CLI::App& app, Context& context);    ///< give
void register_take(CLI::App& app, Context& context);    ///< take
void register_hold(CLI::App& app, Context& context);    ///< hold
void register_revoke(CLI::App& app, Context& context);  ///< revoke

} // namespace labyrinth
