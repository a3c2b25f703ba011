// SPDX-License-Identifier: GPL-2.0-only
//
// Values in, bytes out: text for a person, or JSON. Commands don't format.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "files.hh"
#include "model.hh"
#include "support.hh"

namespace labyrinth {

struct InfoReport {
    Info info;
    std::optional<Standing> caller{}; ///< if the device could be opened
};

struct AllocReport {
    std::string owner;
    std::uint64_t wanted = 0; ///< blocks
    std::vector<Handle> handles{};
    std::uint32_t order = 0;
    std::uint32_t rung = 0;
    std::uint32_t reason = 0;                ///< why there are fewer than wanted
    std::optional<std::uint64_t> deferred{}; ///< blocks to come, where they may
};

struct GiveReport {
    std::string owner;
    OwnerRef to;
    std::uint64_t given = 0; ///< blocks
};

struct RevokeReport {
    OwnerRef owner;
    std::uint64_t pages = 0; ///< taken from it
};

/// What `hold` has, once it has it.
struct HoldReport {
    std::uint32_t owner = 0;           ///< number
    std::optional<std::string> name{}; ///< a named owner's
    std::vector<Handle> handles{};
    std::uint32_t order = 0;
    std::uint32_t scope = 0;
    std::uint32_t rung = 0;
    std::optional<AddressRange> place{}; ///< where the blocks are mapped, if they are
};

/// What became of it.
struct HoldEnd {
    std::uint64_t freed = 0;       ///< blocks
    std::vector<Handle> revoked{}; ///< taken away before that
};

struct TakenBlock {
    std::string owner;
    Block block;
};

struct FreeReport {
    std::string owner;
    std::uint64_t wanted = 0; ///< blocks
    std::uint64_t freed = 0;
};

struct WriteReport {
    std::string owner;
    Written written;
};

struct ReadReport {
    std::string owner;
    std::string file;
    Extent extent;
};

struct OwnerAdded {
    std::uint32_t id = 0;
    std::string name;
};

/// One document for each command, but for taken() and hold_end().
class Output {
public:
    explicit Output(TextSink& sink) : sink_(sink) {}
    Output(const Output&) = delete;
    Output& operator=(const Output&) = delete;
    Output(Output&&) = delete;
    Output& operator=(Output&&) = delete;
    virtual ~Output() = default;

    virtual void info(const InfoReport& report) = 0;
    virtual void stats(const Stats& stats) = 0;
    virtual void latency(const Latency& latency) = 0;
    virtual void verdict(const Verdict& verdict) = 0;
    virtual void owner(const Owner& owner) = 0;
    virtual void owners(const Listing<Owner>& owners) = 0;
    virtual void owner_added(const OwnerAdded& added) = 0;
    virtual void page(const Page& page) = 0;
    virtual void pages(const Listing<Page>& pages) = 0;
    virtual void reserve(const std::vector<Reserve>& nodes) = 0;
    virtual void alloc(const AllocReport& report) = 0;
    virtual void free(const FreeReport& report) = 0;
    virtual void give(const GiveReport& report) = 0;
    virtual void revoke(const RevokeReport& report) = 0;
    virtual void hold(const HoldReport& report) = 0;
    /// A document of its own, at the end.
    virtual void hold_end(const HoldEnd& end) = 0;
    /// One of those that were taken: a document of its own, as they come.
    virtual void taken(const TakenBlock& taken) = 0;
    virtual void write(const WriteReport& report) = 0;
    virtual void read(const ReadReport& report) = 0;
    /// Done, and there is nothing to tell.
    virtual void done() = 0;
    /// What goes to standard error.
    virtual std::string error(const Error& error) const = 0;

protected:
    TextSink& sink() { return sink_; }

private:
    TextSink& sink_;
};

std::unique_ptr<Output> make_text_output(TextSink& sink, bool color);
std::unique_ptr<Output> make_json_output(TextSink& sink, bool pretty);

} // namespace labyrinth
