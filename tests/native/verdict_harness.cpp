// What ext/tikv makes of errors, for a test in Python: a line of hexadecimal in, a line out.
//
//     region HEX   errorpb.Error   ->  name proof
//     store HEX    text of `error` ->  name proof
#include <iostream>
#include <string>

#include "check.hpp"
#include "kvproto/region_error.hpp"
#include "tikv/verdict.hpp"

using namespace ycsbpy;

namespace {

std::string unhex(const std::string& text) {
    std::string bytes;
    for (std::size_t i = 0; i + 1 < text.size(); i += 2) {
        bytes += static_cast<char>(std::stoi(text.substr(i, 2), nullptr, 16));
    }
    return bytes;
}

}  // namespace

int main() {
    for (std::string line; std::getline(std::cin, line);) {
        const std::size_t space = line.find(' ');
        CHECK(space != std::string::npos);
        const std::string bytes = unhex(line.substr(space + 1));
        if (line.substr(0, space) == "store") {
            const tikv::StoreError error = tikv::store_error(bytes);
            std::cout << error.name << ' ' << static_cast<int>(error.verdict.proof) << '\n';
            continue;
        }
        kvproto::RegionError error;
        CHECK(kvproto::read_region_error(bytes, error));
        std::cout << kvproto::kRegionErrorNames[static_cast<std::size_t>(error.kind)] << ' '
                  << static_cast<int>(tikv::judge(error.kind).proof) << '\n';
    }
    return 0;
}
