// SPDX-License-Identifier: GPL-2.0-only
//
// The tool's rooms that need no kernel module, each tested through its face.
#include "tap.hh"

int main() {
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
