// SETTINGS: what each side says about itself (RFC 9113, section 6.5).
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <span>
#include <stdexcept>

#include "http2/error.hpp"
#include "http2/frame.hpp"

namespace ycsbpy::http2 {

enum class Role : std::uint8_t { client, server };

namespace setting {
inline constexpr std::uint16_t kHeaderTableSize = 0x1;
inline constexpr std::uint16_t kEnablePush = 0x2;
inline constexpr std::uint16_t kMaxConcurrentStreams = 0x3;
inline constexpr std::uint16_t kInitialWindowSize = 0x4;
inline constexpr std::uint16_t kMaxFrameSize = 0x5;
inline constexpr std::uint16_t kMaxHeaderListSize = 0x6;
}  // namespace setting

inline constexpr std::size_t kSettingSize = 6;

/// What the peer has said, or the RFC's initial values where it has not. Its header table size does not concern an
/// encoder without a table.
struct PeerSettings {
    std::uint32_t max_concurrent_streams = std::numeric_limits<std::uint32_t>::max();
    std::uint32_t initial_window = kDefaultWindow;
    std::uint32_t max_frame_size = kMinMaxFrameSize;
    std::uint32_t max_header_list = std::numeric_limits<std::uint32_t>::max();

    /// Take over one setting of `from`, the peer's role; a number that nobody knows is ignored.
    [[nodiscard]] constexpr Failure apply(std::uint16_t number, std::uint32_t value, Role from) noexcept {
        switch (number) {
            case setting::kEnablePush:
                if (value > 1 || (value == 1 && from == Role::server)) {
                    return {ErrorCode::protocol_error, "SETTINGS_ENABLE_PUSH has a value that the peer may not give"};
                }
                break;
            case setting::kMaxConcurrentStreams:
                max_concurrent_streams = value;
                break;
            case setting::kInitialWindowSize:
                if (value > kMaxWindow) {
                    return {ErrorCode::flow_control_error, "SETTINGS_INITIAL_WINDOW_SIZE is above 2^31 - 1"};
                }
                initial_window = value;
                break;
            case setting::kMaxFrameSize:
                if (value < kMinMaxFrameSize || value > kMaxMaxFrameSize) {
                    return {ErrorCode::protocol_error, "SETTINGS_MAX_FRAME_SIZE is not in 2^14 ... 2^24 - 1"};
                }
                max_frame_size = value;
                break;
            case setting::kMaxHeaderListSize:
                max_header_list = value;
                break;
            default:
                break;
        }
        return {};
    }

    /// The payload of a whole SETTINGS frame, its length a multiple of six.
    [[nodiscard]] constexpr Failure apply(std::span<const std::byte> payload, Role from) noexcept {
        for (; payload.size() >= kSettingSize; payload = payload.subspan(kSettingSize)) {
            if (const Failure failure = apply(load16(payload.data()), load32(payload.data() + 2), from)) {
                return failure;
            }
        }
        return {};
    }
};

/// What this side says, and what it bears from a peer that it does not trust.
struct Config {
    std::uint32_t stream_window = 16U << 20;      ///< bytes the peer may send on a stream before it is told to go on
    std::uint32_t connection_window = 32U << 20;  ///< on all together; less than 65,535 cannot be said
    std::uint32_t max_frame_size = 4U << 20;      ///< large frames leave messages in one piece
    std::uint32_t header_table_size = 4096;
    std::uint32_t max_header_list = 16'384;
    std::uint32_t max_concurrent_streams = 1024;  ///< of the peer's making: for the server's role

    std::uint32_t max_header_block = 65'536;  ///< bytes of HEADERS and CONTINUATION together
    std::uint32_t max_header_frames = 32;     ///< frames that one header block may be cut into
    std::uint32_t max_settings = 64;          ///< settings in one frame
    std::uint32_t max_replies = 4096;         ///< answers waiting to be written because the peer does not read
    std::uint32_t flood_burst = 1000;         ///< see `FloodGuard`
    std::uint32_t flood_per_second = 100;
};

/// Throws std::invalid_argument for what no peer may be told, or nothing would work with.
[[nodiscard]] inline const Config& checked(const Config& config) {
    const bool good = config.stream_window <= kMaxWindow && config.connection_window <= kMaxWindow &&
                      config.max_frame_size >= kMinMaxFrameSize && config.max_frame_size <= kMaxMaxFrameSize &&
                      config.header_table_size <= (1U << 20) && config.max_header_list <= (1U << 24) &&
                      config.max_header_block <= (1U << 26) && config.max_header_frames != 0 &&
                      config.max_settings != 0 && config.max_replies != 0;
    if (!good) {
        throw std::invalid_argument("http2: a window, size or limit is out of its range");
    }
    return config;
}

/// The payload of this side's one SETTINGS frame; what is the RFC's initial value is left out.
struct OwnSettings {
    std::array<std::byte, 6 * kSettingSize> bytes{};
    std::size_t size = 0;

    constexpr void add(std::uint16_t number, std::uint32_t value) noexcept {
        store32(store16(bytes.data() + size, number), value);
        size += kSettingSize;
    }

    constexpr OwnSettings(const Config& config, Role role) noexcept {
        if (role == Role::client) {
            add(setting::kEnablePush, 0);
        } else {
            add(setting::kMaxConcurrentStreams, config.max_concurrent_streams);
        }
        if (config.header_table_size != 4096) {
            add(setting::kHeaderTableSize, config.header_table_size);
        }
        if (config.stream_window != kDefaultWindow) {
            add(setting::kInitialWindowSize, config.stream_window);
        }
        if (config.max_frame_size != kMinMaxFrameSize) {
            add(setting::kMaxFrameSize, config.max_frame_size);
        }
        add(setting::kMaxHeaderListSize, config.max_header_list);
    }
};

}  // namespace ycsbpy::http2
