// SPDX-License-Identifier: GPL-2.0-only
//
// TAP for C++: a test is a sentence and whether it holds.
#pragma once

#include <cstdio>
#include <string>
#include <string_view>

namespace tap {

/// Counts and prints. One for the program.
class Report {
public:
    /// One line of TAP; @why is shown if it does not hold.
    void check(bool holds, std::string_view sentence, const std::string& why = {}) {
        count_++;
        std::printf("%sok %d - %.*s\n", holds ? "" : "not ", count_,
                    static_cast<int>(sentence.size()), sentence.data());
        if (holds)
            return;
        failed_++;
        if (!why.empty())
            std::printf("# %s\n", why.c_str());
    }

    /// Both are shown if they differ.
    void same(const std::string& got, const std::string& expected, std::string_view sentence) {
        check(got == expected, sentence, "got '" + got + "', expected '" + expected + "'");
    }

    /// The plan, at the end; the exit status.
    int finish() const {
        std::printf("1..%d\n# %d failed\n", count_, failed_);
        return failed_ == 0 && count_ > 0 ? 0 : 1;
    }

private:
    int count_ = 0;
    int failed_ = 0;
};

} // namespace tap

void test_parse(tap::Report& t);
void test_text(tap::Report& t);
void test_attr(tap::Report& t);
void test_decode(tap::Report& t);
void test_layout(tap::Report& t);
void test_stream(tap::Report& t);
void test_stream_faults(tap::Report& t);
void test_batch(tap::Report& t);
void test_explain(tap::Report& t);
void test_output(tap::Report& t);
void test_histogram(tap::Report& t);
void test_inbox(tap::Report& t);
void test_wait(tap::Report& t);
void test_hold(tap::Report& t);
