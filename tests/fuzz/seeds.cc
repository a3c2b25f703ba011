// SPDX-License-Identifier: GPL-2.0-only
//
// usage: seeds DIRECTORY
//
// What the fuzzers begin with, in DIRECTORY/TARGET/: answers as the kernel gives
// them, and for the registry bytes enough to get somewhere.
#include <cstdio>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <initializer_list>
#include <string>
#include <vector>

#include <linux/genetlink.h>
#include <linux/labyrinth_netlink.h>
#include <linux/netlink.h>

#include "attr.hh"

using namespace labyrinth;

namespace {

std::string text(Bytes bytes) {
    return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

template <class T> std::string plain(const T& value) {
    return text(std::as_bytes(std::span(&value, 1)));
}

class Seeds {
public:
    explicit Seeds(std::filesystem::path directory) : directory_(std::move(directory)) {}
    void put(const char* target, const std::string& bytes) {
        std::filesystem::create_directories(directory_ / target);
        const std::string name = "seed-" + std::to_string(number_++);
        std::ofstream(directory_ / target / name, std::ios::binary) << bytes;
    }

private:
    std::filesystem::path directory_;
    int number_ = 0;
};

void u32s(AttrBuilder& b, int from, int to) {
    for (int type = from; type <= to; type++)
        b.u32(static_cast<std::uint16_t>(type), 1U << type);
}

void u64s(AttrBuilder& b, int from, int to) {
    for (int type = from; type <= to; type++)
        b.u64(static_cast<std::uint16_t>(type), 1ULL << (3 * type));
}

AttrBuilder info() {
    AttrBuilder b, node;
    node.u32(LABYRINTH_A_RESERVE_NODE, 0);
    u64s(node, LABYRINTH_A_RESERVE_LOW, LABYRINTH_A_RESERVE_CPU);
    b.string(LABYRINTH_A_INFO_VERSION, "1.2");
    u32s(b, LABYRINTH_A_INFO_PAGE_SIZE, LABYRINTH_A_INFO_MAX_BATCH);
    u64s(b, LABYRINTH_A_INFO_SLOTS, LABYRINTH_A_INFO_PAGES_TAKEN);
    b.u32(LABYRINTH_A_INFO_OWNERS, 3).u64(LABYRINTH_A_INFO_GUARANTEED, 8);
    b.flag(LABYRINTH_A_INFO_DEBUG).nest(LABYRINTH_A_INFO_RESERVE, node);
    return b.u64(LABYRINTH_A_INFO_CEILING, 99);
}

AttrBuilder owner() {
    AttrBuilder b;
    u32s(b, LABYRINTH_A_OWNER_ID, LABYRINTH_A_OWNER_KIND);
    b.string(LABYRINTH_A_OWNER_NAME, "d\x1b[31mb");
    u32s(b, LABYRINTH_A_OWNER_UID, LABYRINTH_A_OWNER_PID);
    u64s(b, LABYRINTH_A_OWNER_USED, LABYRINTH_A_OWNER_GUARANTEE_AVAILABLE);
    b.u32(LABYRINTH_A_OWNER_EMERGENCY, 1).u64(LABYRINTH_A_OWNER_QUARANTINED, 0);
    b.u64(LABYRINTH_A_OWNER_AGE, 123456789).u32(LABYRINTH_A_OWNER_ATTACHED, 1);
    u32s(b, LABYRINTH_A_OWNER_ACCEPT, LABYRINTH_A_OWNER_DEFERRED);
    return b.u64(LABYRINTH_A_OWNER_REVOKED, 5);
}

AttrBuilder page() {
    AttrBuilder b;
    b.u64(LABYRINTH_A_PAGE_HANDLE, 0x10000000002ULL);
    u32s(b, LABYRINTH_A_PAGE_OWNER, LABYRINTH_A_PAGE_RUNG);
    u64s(b, LABYRINTH_A_PAGE_TAG, LABYRINTH_A_PAGE_PHYS);
    return b.u32(LABYRINTH_A_PAGE_MAPPED, 1);
}

AttrBuilder stats() {
    AttrBuilder b;
    b.nest(LABYRINTH_A_STATS_ALLOC, AttrBuilder().u64(1, 11).u64(3, 33));
    b.nest(LABYRINTH_A_STATS_FAIL, AttrBuilder().u64(4, 44));
    u64s(b, LABYRINTH_A_STATS_FREE, LABYRINTH_A_STATS_QUARANTINED);
    u64s(b, LABYRINTH_A_STATS_GIVEN, LABYRINTH_A_STATS_DROPPED);
    return b.nest(LABYRINTH_A_STATS_REFUSED, AttrBuilder().u64(12, 5));
}

AttrBuilder latency() {
    AttrBuilder b, buckets;
    b.u32(LABYRINTH_A_LATENCY_ENABLED, 1).u64(LABYRINTH_A_LATENCY_DEADLINE, 5000);
    b.u32(LABYRINTH_A_LATENCY_CONTEXT, 0).u32(LABYRINTH_A_LATENCY_RUNG, 1);
    b.u64(LABYRINTH_A_LATENCY_COUNT, 33).u64(LABYRINTH_A_LATENCY_LONGEST, 70000);
    b.u64(LABYRINTH_A_LATENCY_LATE, 1);
    buckets.u64(1, 10).u64(40, 11).u64(LABYRINTH_LATENCY_BUCKETS, 12);
    buckets.u64(LABYRINTH_LATENCY_BUCKETS + 1, 13); // there is none
    return b.nest(LABYRINTH_A_LATENCY_BUCKET, buckets);
}

AttrBuilder verdict() {
    AttrBuilder b;
    u32s(b, LABYRINTH_A_VERIFY_RESULT, LABYRINTH_A_VERIFY_TRIES);
    u64s(b, LABYRINTH_A_VERIFY_SLOTS, LABYRINTH_A_VERIFY_PAGES);
    b.string(LABYRINTH_A_VERIFY_BOOK, "rings").string(LABYRINTH_A_VERIFY_TEXT, "what differs");
    return b.u64(LABYRINTH_A_VERIFY_EXPECTED, 5).u64(LABYRINTH_A_VERIFY_FOUND, 4);
}

std::string message(std::uint16_t type, std::uint16_t flags, const std::string& payload) {
    const nlmsghdr header{.nlmsg_len = static_cast<std::uint32_t>(NLMSG_HDRLEN + payload.size()),
                          .nlmsg_type = type,
                          .nlmsg_flags = flags};
    return plain(header) + payload + std::string((4 - payload.size() % 4) % 4, '\0');
}

std::string answer(const AttrBuilder& attrs, std::uint16_t flags = 0) {
    const genlmsghdr header{.cmd = 1, .version = LABYRINTH_GENL_VERSION};
    return message(0x1f, flags, plain(header) + text(attrs.bytes()));
}

std::string refusal(int error, bool extack) {
    AttrBuilder said;
    if (extack)
        said.string(NLMSGERR_ATTR_MSG, "no such owner").u32(NLMSGERR_ATTR_OFFS, 20);
    const nlmsgerr refused{.error = error, .msg = {.nlmsg_len = sizeof(nlmsghdr)}};
    return message(NLMSG_ERROR, extack ? NLM_F_ACK_TLVS | NLM_F_CAPPED : 0,
                   plain(refused) + text(said.bytes()));
}

std::string done(int error) {
    const AttrBuilder said = AttrBuilder()
                                 .string(NLMSGERR_ATTR_MSG, "why")
                                 .u32(NLMSGERR_ATTR_MISS_TYPE, LABYRINTH_A_OWNER_NAME);
    return message(NLMSG_DONE, NLM_F_MULTI | NLM_F_ACK_TLVS, plain(error) + text(said.bytes()));
}

std::string datagrams(char what, std::initializer_list<std::string> parts) {
    std::string all(1, what);
    for (const std::string& part : parts)
        all += plain(static_cast<std::uint16_t>(part.size())) + part;
    return all;
}

void messages(Seeds& seeds) {
    const std::vector<AttrBuilder> answers = {info(),  stats(), verdict(), owner(),
                                              owner(), page(),  page(),    owner(),
                                              owner(), owner(), info(),    latency()};
    for (std::size_t i = 0; i < answers.size(); i++) {
        const char what = static_cast<char>(i);
        seeds.put("message", datagrams(what, {answer(answers[i]), refusal(0, false)}));
        seeds.put("message", datagrams(what, {answer(answers[i], NLM_F_MULTI) +
                                                  answer(answers[i], NLM_F_MULTI),
                                              done(0)}));
        seeds.put("message", datagrams(what, {refusal(-2, true)}));
    }
    seeds.put("message", datagrams(4, {answer(owner(), NLM_F_MULTI | NLM_F_DUMP_INTR), done(0),
                                       answer(owner(), NLM_F_MULTI), done(-1)}));
    seeds.put("message", datagrams(6, {answer(page(), NLM_F_MULTI), message(NLMSG_DONE, 0, "")}));
    seeds.put("message", datagrams(11, {answer(latency()), refusal(0, false),
                                        answer(latency(), NLM_F_MULTI), done(0)}));
}

/// The same each time, and nothing in particular.
std::string noise(std::size_t length, std::uint64_t state) {
    std::string bytes(length, '\0');
    for (char& byte : bytes) {
        state = state * 6364136223846793005ULL + 1442695040888963407ULL;
        byte = static_cast<char>(state >> 56);
    }
    return bytes;
}

void all(Seeds& seeds) {
    const std::vector<AttrBuilder> answers = {info(),    owner(),   page(), stats(),
                                              latency(), verdict(), owner()};
    for (std::size_t i = 0; i < answers.size(); i++)
        seeds.put("decode", static_cast<char>(i) + text(answers[i].bytes()));
    messages(seeds);
    for (std::uint64_t i = 0; i < 8; i++) {
        seeds.put("registry", noise(200 << i % 4, i));
        seeds.put("stream", noise(40 << i % 4, i));
    }
    const char* const words[] = {"17",        "64M", "500ms", "0x10000000002", "0x2a",
                                 "db.main-1", "#7",  "0600",  "hold\0--\0x",   "[none] integrity"};
    for (int i = 0; i < 10; i++)
        seeds.put("parse",
                  static_cast<char>(i) + std::string(words[i], i == 8 ? 9 : std::strlen(words[i])));
}

} // namespace

int main(int argc, char** argv) {
    if (argc != 2) {
        std::fprintf(stderr, "usage: seeds DIRECTORY\n");
        return 1;
    }
    Seeds seeds(argv[1]);
    all(seeds);
    return 0;
}
