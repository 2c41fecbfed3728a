// What a message of HTTP must look like in HTTP/2 (RFC 9113, section 8): pseudo-fields, names, values, content-length.
//
// A message that breaks these rules is malformed, which is an error of its stream and not of the connection. One rule
// is not kept on purpose: white space around a value is let through, because gRPC servers send it (a grpc-message may
// end with a space).
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

#include "http2/hpack_decoder.hpp"

namespace ycsbpy::http2 {

/// What the connection itself has to know of a head.
struct Head {
    const char* malformed = nullptr;   ///< why, or null
    std::uint32_t status = 0;          ///< of a response
    std::int64_t content_length = -1;  ///< -1 where it says none
};

namespace detail {

[[nodiscard]] constexpr std::array<bool, 256> make_name_characters() {
    std::array<bool, 256> allowed{};
    for (std::size_t c = 0x21; c < 0x7f; ++c) {
        allowed[c] = c != ':' && (c < 'A' || c > 'Z');
    }
    return allowed;
}
inline constexpr std::array<bool, 256> kNameCharacters = make_name_characters();

[[nodiscard]] inline bool is_name(std::string_view name) noexcept {
    bool good = !name.empty();
    for (const char c : name) {
        good = good && kNameCharacters[static_cast<unsigned char>(c)];
    }
    return good;
}

[[nodiscard]] inline bool is_value(std::string_view value) noexcept {
    bool good = true;
    for (const char c : value) {
        good = good && c != '\0' && c != '\r' && c != '\n';
    }
    return good;
}

[[nodiscard]] inline bool is_of_connection(const hpack::Field& field) noexcept {
    const std::string_view name = field.name;
    return name == "connection" || name == "proxy-connection" || name == "keep-alive" || name == "transfer-encoding" ||
           name == "upgrade" || (name == "te" && field.value != "trailers");
}

/// Why a field that is no pseudo-field may not stand in a message, or null.
[[nodiscard]] inline const char* check_field(const hpack::Field& field) noexcept {
    if (!is_name(field.name)) {
        return "a field's name has a character that it may not have";
    }
    if (!is_value(field.value)) {
        return "a field's value has a character that it may not have";
    }
    return is_of_connection(field) ? "a field belongs to connections of HTTP/1.1" : nullptr;
}

/// False where `text` is not digits only, or too many.
[[nodiscard]] inline bool parse_digits(std::string_view text, std::int64_t& number) noexcept {
    if (text.empty() || text.size() > 18) {
        return false;
    }
    number = 0;
    for (const char c : text) {
        if (c < '0' || c > '9') {
            return false;
        }
        number = number * 10 + (c - '0');
    }
    return true;
}

/// All that stands behind the pseudo-fields.
inline void check_regular(std::span<const hpack::Field> fields, Head& head) noexcept {
    for (const hpack::Field& field : fields) {
        if (const char* const wrong = check_field(field)) {
            head.malformed = wrong;
            return;
        }
        if (field.name == "content-length") {
            std::int64_t length = -1;
            if (!parse_digits(field.value, length) || (head.content_length >= 0 && head.content_length != length)) {
                head.malformed = "content-length is not one number";
                return;
            }
            head.content_length = length;
        }
    }
}

}  // namespace detail

/// :status, which is three digits, and fields.
[[nodiscard]] inline Head check_response(std::span<const hpack::Field> fields) noexcept {
    Head head;
    std::int64_t status = 0;
    if (fields.empty() || fields[0].name != ":status" || fields[0].value.size() != 3 ||
        !detail::parse_digits(fields[0].value, status) || status < 100 || status == 101) {
        head.malformed = "a response does not begin with a :status that HTTP/2 has";
        return head;
    }
    head.status = static_cast<std::uint32_t>(status);
    detail::check_regular(fields.subspan(1), head);
    return head;
}

/// :method, :scheme, :path and perhaps :authority, each once and in any order, and fields.
[[nodiscard]] inline Head check_request(std::span<const hpack::Field> fields) noexcept {
    constexpr std::array<std::string_view, 4> kPseudo{":method", ":scheme", ":path", ":authority"};
    Head head;
    std::array<bool, 4> seen{};
    std::size_t count = 0;
    for (; count < fields.size() && fields[count].name.starts_with(':'); ++count) {
        std::size_t which = 0;
        while (which < kPseudo.size() && kPseudo[which] != fields[count].name) {
            ++which;
        }
        if (which == kPseudo.size() || seen[which] || !detail::is_value(fields[count].value)) {
            head.malformed = "a pseudo-field is unknown, repeated or has a bad value";
            return head;
        }
        seen[which] = true;
        if (fields[count].name == ":path" && fields[count].value.empty()) {
            head.malformed = ":path is empty";
            return head;
        }
    }
    if (!seen[0] || !seen[1] || !seen[2]) {
        head.malformed = "a request lacks :method, :scheme or :path";
        return head;
    }
    detail::check_regular(fields.subspan(count), head);
    return head;
}

/// Why trailers are malformed, or null.
[[nodiscard]] inline const char* check_trailers(std::span<const hpack::Field> fields) noexcept {
    for (const hpack::Field& field : fields) {
        if (const char* const wrong = detail::check_field(field)) {
            return wrong;
        }
    }
    return nullptr;
}

}  // namespace ycsbpy::http2
