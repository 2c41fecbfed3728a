// Data, cut in two ways, through message readers; and the texts of headers.
#include <string>
#include <vector>

#include "check.hpp"
#include "grpc/message.hpp"
#include "grpc/status.hpp"
#include "grpc/timeout.hpp"
#include "input.hpp"

using namespace ycsbpy::grpc;

namespace {

struct Read {
    std::vector<std::string> messages;
    bool good = true;
    bool within = false;

    bool operator==(const Read&) const = default;
};

/// Feed `data` in pieces of `step` bytes.
Read read(fuzz::Bytes data, std::size_t step, std::uint32_t limit) {
    Read out;
    MessageReader reader(limit);
    while (!data.empty()) {
        const fuzz::Exactly piece(data.first(std::min(step, data.size())));
        data = data.subspan(piece.view().size());
        out.good = reader.feed(piece.view(), [&](Bytes message) {
            CHECK(message.size() <= limit);
            out.messages.emplace_back(ycsbpy::http2::as_text(message));
        });
    }
    out.within = out.good && reader.is_within();
    CHECK(out.good == (reader.error() == ReadError::none));
    return out;
}

void texts(std::string_view text) {
    std::string decoded;
    percent_decode(text, decoded);
    CHECK(decoded.size() <= text.size());
    std::string again;
    percent_decode(percent_encode(text), again);
    CHECK(again == text);
    CHECK(static_cast<std::size_t>(parse_status(text)) < kStatusNames.size());
    if (const auto ns = parse_timeout(text)) {
        TimeoutText room;
        const auto longer = parse_timeout(format_timeout(*ns, room));
        CHECK(longer && *longer >= *ns);
    }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    fuzz::Input input(data, size);
    const std::size_t step = 1 + input.byte() % 16;
    const std::uint32_t limit = input.byte() * 20;
    const fuzz::Bytes rest = input.bytes(size);
    const Read whole = read(rest, size + 1, limit);
    CHECK(read(rest, step, limit) == whole);
    CHECK(read(rest, 1, limit) == whole);
    texts(ycsbpy::http2::as_text(rest));
    return 0;
}
