// SPDX-License-Identifier: GPL-2.0-only
#include "system.hh"

#include <array>
#include <fstream>
#include <limits>
#include <optional>
#include <vector>

#include <fcntl.h>
#include <fmt/core.h>
#include <grp.h>
#include <linux/labyrinth.h>
#include <pwd.h>
#include <sys/stat.h>
#include <sys/utsname.h>
#include <unistd.h>

#include "parse.hh"
#include "text.hh"

namespace labyrinth {
namespace {

std::string first_line(const char* path) {
    std::ifstream file(path);
    std::string line;
    std::getline(file, line);
    return line;
}

std::string device_mode() {
    struct stat status {};
    if (::stat(LABYRINTH_DEVICE, &status) != 0)
        return {};
    return fmt::format("{:04o}, user {}, group {}", status.st_mode & 07777U, status.st_uid,
                       status.st_gid);
}

bool starts_with_digit(const std::string& word) {
    return !word.empty() && word.front() >= '0' && word.front() <= '9';
}

/// The number in @word, if it is one at all; (uint32_t)-1 means nobody.
Result<std::uint32_t> id_number(std::string_view what, const std::string& word) {
    auto id = parse_number(what, word, 0, std::numeric_limits<std::uint32_t>::max() - 1);
    if (!id)
        return id.error();
    return static_cast<std::uint32_t>(*id);
}

constexpr std::size_t name_service_buffer = 65536;

std::optional<std::uint32_t> user_by_name(const std::string& name) {
    std::vector<char> buffer(name_service_buffer);
    passwd entry{};
    passwd* found = nullptr;
    ::getpwnam_r(name.c_str(), &entry, buffer.data(), buffer.size(), &found);
    return found != nullptr ? std::optional(found->pw_uid) : std::nullopt;
}

std::optional<std::uint32_t> group_by_name(const std::string& name) {
    std::vector<char> buffer(name_service_buffer);
    group entry{};
    group* found = nullptr;
    ::getgrnam_r(name.c_str(), &entry, buffer.data(), buffer.size(), &found);
    return found != nullptr ? std::optional(found->gr_gid) : std::nullopt;
}

} // namespace

std::string selected_lockdown(std::string_view text) {
    const auto open = text.find('[');
    const auto close = text.find(']', open == std::string_view::npos ? 0 : open);
    if (open == std::string_view::npos || close == std::string_view::npos)
        return {};
    return std::string(text.substr(open + 1, close - open - 1));
}

SystemFacts system_facts() {
    SystemFacts facts;
    utsname name{};
    if (::uname(&name) == 0)
        facts.release = static_cast<const char*>(name.release);
    facts.lockdown = selected_lockdown(first_line("/sys/kernel/security/lockdown"));
    facts.signatures_only = first_line("/sys/module/module/parameters/sig_enforce") == "Y";
    facts.module_loaded = ::access("/sys/module/labyrinth", F_OK) == 0;
    facts.device_mode = device_mode();
    return facts;
}

Result<std::uint32_t> resolve_user(const std::string& word) {
    if (starts_with_digit(word))
        return id_number("--uid", word);
    if (const auto id = user_by_name(word))
        return *id;
    return usage_error("--uid", fmt::format("there is no user '{}'", escape(word)));
}

Result<std::uint32_t> resolve_group(const std::string& word) {
    if (starts_with_digit(word))
        return id_number("--gid", word);
    if (const auto id = group_by_name(word))
        return *id;
    return usage_error("--gid", fmt::format("there is no group '{}'", escape(word)));
}

std::uint64_t system_page_size() {
    const long size = ::sysconf(_SC_PAGESIZE);
    return size > 0 ? static_cast<std::uint64_t>(size) : 4096;
}

void occupy_standard_descriptors() {
    struct Place {
        int fd;
        int mode; // the one that does not serve
    };
    constexpr std::array<Place, 3> places = {{{0, O_WRONLY}, {1, O_RDONLY}, {2, O_RDONLY}}};
    for (const Place& place : places) {
        if (::fcntl(place.fd, F_GETFD) >= 0)
            continue;
        // open(2) takes the lowest that is free, and those below are taken.
        (void)::open("/dev/null", place.mode); // NOLINT: must survive exec of nothing
    }
}

} // namespace labyrinth
