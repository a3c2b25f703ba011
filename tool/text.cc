// SPDX-License-Identifier: GPL-2.0-only
#include "text.hh"

#include <algorithm>

#include <fmt/core.h>
#include <linux/labyrinth.h>

namespace labyrinth {

std::string escape(std::string_view raw) {
    std::string out;
    for (const char c : raw) {
        if (c >= ' ' && c <= '~' && c != '\\')
            out += c;
        else
            out += fmt::format("\\x{:02x}", static_cast<unsigned char>(c));
    }
    return out;
}

std::string format_age(std::uint64_t ns) {
    constexpr std::uint64_t us = 1'000, ms = 1'000'000, s = 1'000'000'000;
    if (ns < us)
        return fmt::format("{}ns", ns);
    if (ns < ms)
        return fmt::format("{}.{}us", ns / us, ns % us / 100);
    if (ns < s)
        return fmt::format("{}.{}ms", ns / ms, ns % ms / (ms / 10));
    const std::uint64_t seconds = ns / s;
    if (seconds < 60)
        return fmt::format("{}.{}s", seconds, ns % s / (s / 10));
    if (seconds < 3600)
        return fmt::format("{}m{:02}s", seconds / 60, seconds % 60);
    if (seconds < 86400)
        return fmt::format("{}h{:02}m", seconds / 3600, seconds % 3600 / 60);
    return fmt::format("{}d{:02}h", seconds / 86400, seconds % 86400 / 3600);
}

std::string format_limit(std::uint64_t pages) {
    return pages == LABYRINTH_UNLIMITED ? "unlimited" : fmt::format("{}", pages);
}

void Table::row(std::vector<std::string> cells) {
    rows_.push_back(std::move(cells));
}

std::string Table::render(std::string_view before, std::string_view after) const {
    std::vector<std::size_t> widths;
    for (std::size_t i = 0; i < columns_.size(); i++) {
        std::size_t width = columns_[i].title.size();
        for (const auto& row : rows_)
            width = std::max(width, row[i].size());
        widths.push_back(width);
    }

    const auto line = [&](auto cell) {
        std::string out;
        for (std::size_t i = 0; i < columns_.size(); i++) {
            if (i > 0)
                out += "  ";
            out += columns_[i].align == Align::right ? fmt::format("{:>{}}", cell(i), widths[i])
                                                     : fmt::format("{:<{}}", cell(i), widths[i]);
        }
        out.erase(out.find_last_not_of(' ') + 1);
        return out;
    };

    std::string out(before);
    out += line([&](std::size_t i) -> const std::string& { return columns_[i].title; });
    out += after;
    out += '\n';
    for (const auto& row : rows_) {
        out += line([&](std::size_t i) -> const std::string& { return row[i]; });
        out += '\n';
    }
    return out;
}

} // namespace labyrinth
