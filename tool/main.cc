// SPDX-License-Identifier: GPL-2.0-only
//
// labyrinth(8). Exit status: 0 done, 1 the command line is wrong, 2 the kernel
// or the system refused.
#include <csignal>
#include <cstddef>
#include <cstdio>
#include <exception>
#include <string>
#include <string_view>
#include <vector>

#include <CLI/CLI.hpp>

#include "commands.hh"
#include "parse.hh"
#include "system.hh"
#include "text.hh"

namespace labyrinth {
namespace {

void declare(CLI::App& app, Context& context) {
    Globals& globals = context.globals();
    app.name("labyrinth");
    app.fallthrough(); // global flags work behind the command too
    app.require_subcommand(0, 1);
    app.set_version_flag("-V,--version", "labyrinth " LABYRINTH_VERSION, "Print the version");
    app.add_flag("-j,--json", globals.json, "Print JSON");
    app.add_flag("-p,--pretty", globals.pretty, "Print JSON, indented");
    app.add_option("--color", globals.color, "auto, always or never; never with NO_COLOR set")
        ->type_name("WHEN")
        ->check(CLI::IsMember({"auto", "always", "never"}));

    register_inspect(app, context);
    register_stats(app, context);
    register_reserve(app, context);
    register_owner(app, context);
    register_pages(app, context);
    register_alloc(app, context);
    register_free(app, context);
    register_data(app, context);
    register_give(app, context);
    register_take(app, context);
    register_hold(app, context);
    register_revoke(app, context);
}

/// -j and -p, for errors that come up before the flags are known.
void look_for_json(int argc, char** argv, Globals& globals) {
    for (int i = 1; i < argc; i++) {
        const std::string_view word = argv[i]; // NOLINT: argv is what it is
        globals.json = globals.json || word == "-j" || word == "--json";
        globals.pretty = globals.pretty || word == "-p" || word == "--pretty";
    }
}

/// Parts what is another command's from the tool's own words: CLI11 would read
/// lists and options into it. The number of the latter.
int cut_tail(int argc, char** argv, Context& context) {
    const std::vector<std::string_view> words(argv, argv + argc);
    const std::size_t own = own_words(words);
    if (own < words.size())
        context.tail().assign(words.begin() + static_cast<std::ptrdiff_t>(own) + 1, words.end());
    return static_cast<int>(own);
}

/// CLI11 says help and version by exception as well.
void parse(CLI::App& app, int argc, char** argv, Context& context) {
    try {
        app.parse(argc, argv);
    } catch (const CLI::CallForHelp&) {
        context.print(app.help());
    } catch (const CLI::CallForVersion& version) {
        context.print(std::string(version.what()) + "\n");
    } catch (const CLI::ParseError& error) {
        look_for_json(argc, argv, context.globals());
        context.fail(usage_error("", escape(error.what()),
                                 "see `labyrinth --help`, or `labyrinth "
                                 "COMMAND --help`"));
    }
}

int run(int argc, char** argv) {
    occupy_standard_descriptors();
    (void)std::signal(SIGPIPE, SIG_IGN); // a closed pipe is an error to report
    Context context;
    CLI::App app("Pages that exactly one owner can touch.");
    declare(app, context);
    if (argc < 2) {
        std::fputs(app.help().c_str(), stderr);
        return 1;
    }
    parse(app, cut_tail(argc, argv, context), argv, context);
    return context.exit_status();
}

} // namespace
} // namespace labyrinth

int main(int argc, char** argv) {
    try {
        return labyrinth::run(argc, argv);
    } catch (const std::exception& cannot_continue) {
        (void)std::fprintf(stderr, "labyrinth: %s\n", cannot_continue.what());
        return 2;
    }
}
