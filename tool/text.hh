// SPDX-License-Identifier: GPL-2.0-only
//
// Small matters of text for a person's eyes.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace labyrinth {

/// Printable ASCII as it is, everything else, and '\', as \xNN: names come from
/// processes, and a terminal obeys what it is sent.
std::string escape(std::string_view raw);

/// "850ns", "12.5ms", "3m07s", "2d04h".
std::string format_age(std::uint64_t ns);

/// "unlimited" for no limit.
std::string format_limit(std::uint64_t pages);

/// Columns that line up; the width of each is its longest entry's.
class Table {
public:
    enum class Align { left, right };
    struct Column {
        std::string title;
        Align align = Align::left;
    };

    explicit Table(std::vector<Column> columns) : columns_(std::move(columns)) {}
    /// As many cells as there are columns, already escaped.
    void row(std::vector<std::string> cells);
    /// One line for each row, the titles first, between @before and @after.
    std::string render(std::string_view before, std::string_view after) const;

private:
    std::vector<Column> columns_;
    std::vector<std::vector<std::string>> rows_;
};

} // namespace labyrinth
