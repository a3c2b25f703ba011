// SPDX-License-Identifier: GPL-2.0-only
#include <cstring>
#include <vector>

#include "attr.hh"
#include "tap.hh"

using namespace labyrinth;

namespace {

std::vector<std::byte> raw(std::initializer_list<unsigned> bytes) {
    std::vector<std::byte> out;
    for (const unsigned byte : bytes)
        out.push_back(static_cast<std::byte>(byte));
    return out;
}

std::size_t count(const Attrs& attrs) {
    std::size_t n = 0;
    attrs.each([&](std::uint16_t, Bytes) { n++; });
    return n;
}

} // namespace

void test_attr(tap::Report& t) {
    AttrBuilder inner;
    inner.u64(7, 0x1122334455667788);
    AttrBuilder built;
    built.u32(1, 42).string(2, "name").u64(3, 5).nest(4, inner);
    const Attrs attrs(built.bytes());
    t.check(attrs.u32(1) == 42U, "attr: u32 comes back");
    t.check(attrs.string(2) == "name", "attr: string comes back");
    t.check(attrs.u64(3) == 5U, "attr: u64 comes back");
    t.check(Attrs(*attrs.find(4)).u64(7) == 0x1122334455667788U,
            "attr: a nest is found by its type");
    t.check(count(attrs) == 4, "attr: all are visited");
    t.check(!attrs.find(9), "attr: one that is not there");
    t.check(!attrs.u32(3) && !attrs.u64(1), "attr: a number of the wrong size is absent");
    t.check(built.bytes().size() % 4 == 0, "attr: the run is aligned");
    t.check(attrs.type_at(0) == 1 && attrs.type_at(8) == 2, "attr: type by offset");
    t.check(attrs.type_at(10000) == 0, "attr: no type beyond the end");
    t.check(Attrs({}).type_at(0) == 0, "attr: no type where there is no header");
    t.check(Attrs(AttrBuilder().string(2, "").bytes()).string(2) == "", "attr: the empty string");

    const auto long_one = raw({200, 0, 1, 0, 1, 2, 3, 4});
    t.check(!Attrs(long_one).find(1), "attr: a length beyond the end is not followed");
    const auto short_one = raw({3, 0, 1, 0, 1, 2, 3, 4});
    t.check(!Attrs(short_one).find(1) && count(Attrs(short_one)) == 0,
            "attr: a length below its header's ends the run");
    const auto zero = raw({0, 0, 1, 0, 0, 0, 2, 0});
    t.check(count(Attrs(zero)) == 0, "attr: a length of 0 does not loop");
    const auto cut = raw({8, 0, 1});
    t.check(count(Attrs(cut)) == 0, "attr: half a header");
    const auto unpadded = raw({5, 0, 1, 0, 'x'});
    t.check(Attrs(unpadded).string(1) == "x",
            "attr: the last need not be padded, nor NUL-terminated");
}
