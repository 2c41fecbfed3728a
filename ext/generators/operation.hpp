// One operation, decided but not yet written out.
//
// Drawing an operation decides everything about it that has a size: its kind, the record, the fields, the length of
// each value, and the state of the generator from which each value's bytes will come. It holds no key and no value.
// Whoever sends it asks `OperationSource` for the sizes, reserves room in its own buffer and has key and values written
// there, so the bytes are made once, where they are needed.
#pragma once

#include <cstdint>
#include <vector>

namespace ycsbpy {

/// The numbers are those of `ycsbpy.ops.OpKind`.
enum class OpKind : std::uint8_t { read = 0, update = 1, insert = 2, scan = 3, read_modify_write = 4, remove = 5 };

inline constexpr std::size_t kOpKinds = 6;
inline constexpr std::int32_t kAllFields = -1;

/// A value to be written: which field, how long, and where its bytes start in the operation's random sequence.
struct ValuePlan {
    std::uint64_t state;
    std::uint32_t field;
    std::uint32_t length;
};

struct Operation {
    std::uint64_t number = 0;
    std::uint64_t record = 0;  ///< the record's number, before hashing
    std::uint64_t gamma = 1;   ///< of the operation's generator, for the bytes of its values
    OpKind kind = OpKind::read;
    bool reads = false;                    ///< read, scan and read-modify-write
    std::int32_t read_field = kAllFields;  ///< what to read, where `reads`
    std::uint64_t scan_length = 0;
    std::vector<ValuePlan> values;  ///< what to write, in field order
};

}  // namespace ycsbpy
