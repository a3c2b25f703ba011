// SPDX-License-Identifier: GPL-2.0-only
#include "commands.hh"

#include <cstdio>
#include <cstdlib>

#include <fmt/core.h>
#include <unistd.h>

namespace labyrinth {
namespace {

/// NO_COLOR wins over all; otherwise as asked, by default on terminals only.
bool want_color(const std::string& asked) {
    const char* refused = std::getenv("NO_COLOR");
    if (refused != nullptr && *refused != '\0')
        return false;
    return asked == "always" || (asked == "auto" && ::isatty(STDOUT_FILENO) == 1);
}

} // namespace

Output& Context::out() {
    if (!output_)
        output_ = json() ? make_json_output(sink_, globals_.pretty)
                         : make_text_output(sink_, want_color(globals_.color));
    return *output_;
}

void Context::print(std::string_view text) {
    sink_.put(text);
    finish(ok());
}

void Context::warn(std::string_view text) const {
    if (!json())
        fmt::print(stderr, "labyrinth: warning: {}\n", text);
}

void Context::fail(const Error& error) {
    std::fputs(out().error(error).c_str(), stderr);
    exit_status_ = error.blame == Blame::usage ? 1 : 2;
}

void Context::finish(const Status& outcome) {
    const Status written = flush();
    if (!outcome)
        fail(outcome.error());
    else if (!written)
        fail(written.error());
}

} // namespace labyrinth
