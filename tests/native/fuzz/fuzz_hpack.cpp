// Header blocks, one after the other, through one decoder.
#include "check.hpp"
#include "http2/hpack_decoder.hpp"
#include "http2/hpack_encoder.hpp"
#include "input.hpp"

using namespace ycsbpy::http2;

namespace {

/// What was decoded is encoded and decoded again: the same.
void there_and_back(std::span<const hpack::Field> fields) {
    hpack::Block block;
    std::size_t size = 0;
    for (const hpack::Field& field : fields) {
        block.add(field.name, field.value, field.never_indexed);
        size += field.name.size() + field.value.size() + hpack::kEntryOverhead;
    }
    CHECK(block.list_size() == size);
    hpack::Decoder decoder;
    CHECK(decoder.decode(block.bytes()) == hpack::Decoded::ok);
    CHECK(decoder.fields().size() == fields.size());
    for (std::size_t i = 0; i < fields.size(); ++i) {
        CHECK(decoder.fields()[i].name == fields[i].name && decoder.fields()[i].value == fields[i].value);
        CHECK(decoder.fields()[i].never_indexed == fields[i].never_indexed);
    }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    fuzz::Input input(data, size);
    const unsigned choice = input.byte();
    const std::uint32_t table_limit = (choice & 1) != 0 ? 4096 : (choice >> 4) * 100;
    const std::uint32_t list_limit = (choice & 2) != 0 ? 16'384 : 200;
    hpack::Decoder decoder(table_limit, list_limit);
    while (!input.empty()) {
        const std::size_t length = input.byte();
        if (length == 255) {
            decoder.acknowledged();
            continue;
        }
        const fuzz::Exactly block(input.bytes(length));
        const hpack::Decoded decoded = decoder.decode(block.view());
        CHECK(decoder.table().size() <= decoder.table().size_limit());
        CHECK((decoder.reason() != nullptr) == (decoded == hpack::Decoded::malformed));
        if (decoded == hpack::Decoded::malformed) {
            break;
        }
        if (decoded == hpack::Decoded::ok) {
            there_and_back(decoder.fields());
        }
    }
    return 0;
}
