// SPDX-License-Identifier: GPL-2.0-only
//
// The tool's rooms that need no kernel module, each tested through its face.
#include <csignal>

#include "tap.hh"

int main() {
    // Ignored in what a script started in the background, or nohup: and then in our children.
    for (const int signal : {SIGINT, SIGTERM, SIGHUP})
        (void)std::signal(signal, SIG_DFL);
    tap::Report t;
    test_parse(t);
    test_text(t);
    test_attr(t);
    test_decode(t);
    test_layout(t);
    test_stream(t);
    test_stream_faults(t);
    test_batch(t);
    test_explain(t);
    test_output(t);
    test_histogram(t);
    test_inbox(t);
    test_wait(t);
    test_hold(t);
    return t.finish();
}
