// TLS on a socket that never blocks, by OpenSSL between two buffers of its own (memory BIOs): TLS 1.2 or newer, "h2"
// agreed by ALPN, the peer's certificate checked against one authority and the name or number that was called.
//
// Where the package was built without OpenSSL's headers (YCSBPY_TLS is not 1), `TlsContext` says so when it is made,
// and nothing else of this is ever called.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <stdexcept>
#include <string>
#include <string_view>

#include "loop/socket.hpp"

#if YCSBPY_TLS
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <new>
#include <vector>
#endif

namespace ycsbpy::loop {

/// Certificates and key, as the bytes of PEM files. An empty `ca` means no TLS, an empty `cert` none of our own.
struct TlsFiles {
    std::string ca;
    std::string cert;
    std::string key;
};

#if YCSBPY_TLS

inline constexpr bool kHasTls = true;

namespace detail {

template <auto free_it>
struct Freed {
    template <class T>
    void operator()(T* one) const noexcept {
        free_it(one);
    }
};
template <class T, auto free_it>
using Owned = std::unique_ptr<T, Freed<free_it>>;

/// OpenSSL's words for what went wrong last, as one line; its queue of errors is empty afterwards.
[[nodiscard]] inline std::string openssl_error(std::string_view otherwise) {
    const unsigned long code = ERR_peek_last_error();
    const char* const reason = code == 0 ? nullptr : ERR_reason_error_string(code);
    std::string text(reason == nullptr ? otherwise : std::string_view(reason));
    ERR_clear_error();
    return text;
}

}  // namespace detail

/// What all connections to a cluster share. It may be used by several threads.
class TlsContext {
  public:
    /// Throws std::runtime_error with one line for what cannot be read or does not go together.
    explicit TlsContext(const TlsFiles& files) : _context(SSL_CTX_new(TLS_client_method())) {
        check(_context != nullptr, "no TLS context");
        SSL_CTX* const context = _context.get();
        check(SSL_CTX_set_min_proto_version(context, TLS1_2_VERSION) == 1, "TLS 1.2");
        SSL_CTX_set_verify(context, SSL_VERIFY_PEER, nullptr);
        SSL_CTX_set_mode(context, SSL_MODE_RELEASE_BUFFERS);
        static constexpr unsigned char kH2[] = {2, 'h', '2'};
        check(SSL_CTX_set_alpn_protos(context, kH2, sizeof kH2) == 0, "ALPN");
        const auto authorities = certificates(files.ca);
        check(!authorities.empty(), "tikv.ca holds no certificate");
        for (const Certificate& one : authorities) {
            check(X509_STORE_add_cert(SSL_CTX_get_cert_store(context), one.get()) == 1, "tikv.ca");
        }
        if (!files.cert.empty()) {
            use_own(files);
        }
    }

    [[nodiscard]] SSL_CTX* get() const noexcept { return _context.get(); }

  private:
    using Certificate = detail::Owned<X509, &X509_free>;
    using Bio = detail::Owned<BIO, &BIO_free_all>;

    static void check(bool good, const char* what) {
        if (!good) {
            throw std::runtime_error(std::string("TLS: ") + what + ": " + detail::openssl_error("cannot be used"));
        }
    }

    [[nodiscard]] static Bio reading(const std::string& bytes) {
        Bio bio(BIO_new_mem_buf(bytes.data(), static_cast<int>(bytes.size())));
        check(bio != nullptr, "memory");
        return bio;
    }

    /// Nobody is asked for a password.
    static int no_password(char*, int, int, void*) { return 0; }

    [[nodiscard]] static std::vector<Certificate> certificates(const std::string& pem) {
        const Bio bio = reading(pem);
        std::vector<Certificate> all;
        while (Certificate one{PEM_read_bio_X509(bio.get(), nullptr, &no_password, nullptr)}) {
            all.push_back(std::move(one));
        }
        ERR_clear_error();  // of the end of the file
        return all;
    }

    void use_own(const TlsFiles& files) {
        auto chain = certificates(files.cert);
        check(!chain.empty() && SSL_CTX_use_certificate(_context.get(), chain.front().get()) == 1, "tikv.cert");
        for (std::size_t i = 1; i < chain.size(); ++i) {
            check(SSL_CTX_add1_chain_cert(_context.get(), chain[i].get()) == 1, "tikv.cert");
        }
        const Bio bio = reading(files.key);
        const detail::Owned<EVP_PKEY, &EVP_PKEY_free> key(
            PEM_read_bio_PrivateKey(bio.get(), nullptr, &no_password, nullptr));
        check(key != nullptr && SSL_CTX_use_PrivateKey(_context.get(), key.get()) == 1, "tikv.key");
        check(SSL_CTX_check_private_key(_context.get()) == 1, "tikv.key is not that of tikv.cert");
    }

    detail::Owned<SSL_CTX, &SSL_CTX_free> _context;
};

/// One connection's. The descriptor stays the caller's.
class TlsSession {
  public:
    enum class Handshake : std::uint8_t { waiting, done, failed };

    /// `host` is a name, or an address in numbers.
    TlsSession(const TlsContext& context, const std::string& host) : _ssl(SSL_new(context.get())) {
        BIO* const in = BIO_new(BIO_s_mem());
        BIO* const out = BIO_new(BIO_s_mem());
        if (_ssl == nullptr || in == nullptr || out == nullptr) {
            BIO_free(in);
            BIO_free(out);
            throw std::bad_alloc();
        }
        SSL_set_bio(_ssl.get(), in, out);
        BIO_set_mem_eof_return(in, -1);
        X509_VERIFY_PARAM* const rules = SSL_get0_param(_ssl.get());
        if (X509_VERIFY_PARAM_set1_ip_asc(rules, host.c_str()) != 1) {
            X509_VERIFY_PARAM_set_hostflags(rules, X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS);
            SSL_set1_host(_ssl.get(), host.c_str());
            SSL_set_tlsext_host_name(_ssl.get(), host.c_str());
        }
        ERR_clear_error();
        SSL_set_connect_state(_ssl.get());
    }

    /// Go on as far as it goes without waiting.
    [[nodiscard]] Handshake handshake(int fd) {
        for (;;) {
            ERR_clear_error();
            const int result = SSL_do_handshake(_ssl.get());
            const bool failed = result != 1 && SSL_get_error(_ssl.get(), result) != SSL_ERROR_WANT_READ;
            if (failed) {
                _problem = handshake_problem();
            }
            if (!push(fd)) {
                return fail("the connection was reset");
            }
            if (failed) {
                return Handshake::failed;
            }
            if (result == 1) {
                return agreed_on_h2() ? Handshake::done : fail("the store does not offer HTTP/2 by ALPN");
            }
            const std::ptrdiff_t count = pull(fd);
            if (count == -1) {
                return Handshake::waiting;
            }
            if (count <= 0) {
                return fail("the store closed the connection during the handshake");
            }
        }
    }

    /// As `read_some`: fills the room as far as there are bytes.
    [[nodiscard]] std::ptrdiff_t read(int fd, std::span<std::byte> room) {
        std::size_t filled = 0;
        while (filled < room.size()) {
            ERR_clear_error();
            std::size_t count = 0;
            if (SSL_read_ex(_ssl.get(), room.data() + filled, room.size() - filled, &count) == 1) {
                filled += count;
                continue;
            }
            std::ptrdiff_t pulled = 0;
            switch (SSL_get_error(_ssl.get(), 0)) {
                case SSL_ERROR_WANT_READ:
                    pulled = pull(fd);
                    break;
                case SSL_ERROR_ZERO_RETURN:
                    break;
                default:
                    _problem = detail::openssl_error("the TLS connection broke");
                    pulled = -2;
            }
            if (pulled <= 0) {
                return filled != 0 ? static_cast<std::ptrdiff_t>(filled) : pulled;
            }
        }
        return static_cast<std::ptrdiff_t>(filled);
    }

    /// As `write_some`. What was taken may still wait here, see `has_unsent`.
    [[nodiscard]] std::ptrdiff_t write(int fd, std::span<const iovec> places) {
        std::size_t taken = 0;
        std::size_t at = 0;  // in places.front()
        while (push(fd)) {
            if (places.empty() || has_unsent()) {
                return static_cast<std::ptrdiff_t>(taken);
            }
            std::size_t size = 0;
            while (size < _record.size() && !places.empty()) {  // small pieces share a record
                const std::size_t part = std::min(places.front().iov_len - at, _record.size() - size);
                std::memcpy(_record.data() + size, static_cast<const char*>(places.front().iov_base) + at, part);
                size += part;
                at += part;
                if (at == places.front().iov_len) {
                    places = places.subspan(1);
                    at = 0;
                }
            }
            ERR_clear_error();
            std::size_t count = 0;
            if (size != 0 && SSL_write_ex(_ssl.get(), _record.data(), size, &count) != 1) {
                _problem = detail::openssl_error("the TLS connection broke");
                return -2;
            }
            taken += count;
        }
        return -2;
    }

    /// Whether bytes wait for the socket to take them.
    [[nodiscard]] bool has_unsent() const noexcept { return BIO_ctrl_pending(SSL_get_wbio(_ssl.get())) != 0; }

    /// What went wrong; empty if nothing did.
    [[nodiscard]] const std::string& problem() const noexcept { return _problem; }

  private:
    static constexpr std::size_t kRecord = 16384;  ///< the most that TLS puts into one

    Handshake fail(const char* why) {
        if (_problem.empty()) {
            _problem = why;
        }
        return Handshake::failed;
    }

    [[nodiscard]] std::string handshake_problem() const {
        const long verified = SSL_get_verify_result(_ssl.get());
        if (verified != X509_V_OK) {
            ERR_clear_error();
            return std::string("the store's certificate: ") + X509_verify_cert_error_string(verified);
        }
        return detail::openssl_error("the handshake failed");
    }

    [[nodiscard]] bool agreed_on_h2() const noexcept {
        const unsigned char* name = nullptr;
        unsigned size = 0;
        SSL_get0_alpn_selected(_ssl.get(), &name, &size);
        return size == 2 && name[0] == 'h' && name[1] == '2';
    }

    /// From the socket to OpenSSL; as `read_some`.
    [[nodiscard]] std::ptrdiff_t pull(int fd) {
        std::array<std::byte, 2 * kRecord> room;
        const std::ptrdiff_t count = read_some(fd, room);
        if (count > 0) {
            BIO_write(SSL_get_rbio(_ssl.get()), room.data(), static_cast<int>(count));
        }
        return count;
    }

    /// From OpenSSL to the socket, as much as it takes. False where the connection is lost.
    [[nodiscard]] bool push(int fd) {
        BIO* const out = SSL_get_wbio(_ssl.get());
        for (;;) {
            char* bytes = nullptr;
            const long waiting = BIO_get_mem_data(out, &bytes);
            if (waiting <= 0) {
                return true;
            }
            std::array<iovec, 1> place{{{bytes, static_cast<std::size_t>(waiting)}}};
            const std::ptrdiff_t written = write_some(fd, place);
            if (written <= 0) {
                return written == 0;
            }
            discard(out, static_cast<std::size_t>(written));
        }
    }

    static void discard(BIO* out, std::size_t count) {
        std::array<char, kRecord> sink;
        while (count != 0) {
            count -=
                static_cast<std::size_t>(BIO_read(out, sink.data(), static_cast<int>(std::min(count, sink.size()))));
        }
    }

    detail::Owned<SSL, &SSL_free> _ssl;
    std::string _problem;
    std::vector<char> _record = std::vector<char>(kRecord);
};

#else

inline constexpr bool kHasTls = false;

class TlsContext {
  public:
    explicit TlsContext(const TlsFiles&) {
        throw std::runtime_error("TLS: this build of ycsbpy has none: OpenSSL's headers were not there");
    }
};

class TlsSession {
  public:
    enum class Handshake : std::uint8_t { waiting, done, failed };

    TlsSession(const TlsContext&, const std::string&) {}
    [[nodiscard]] Handshake handshake(int) { return Handshake::failed; }
    [[nodiscard]] std::ptrdiff_t read(int, std::span<std::byte>) { return -2; }
    [[nodiscard]] std::ptrdiff_t write(int, std::span<const iovec>) { return -2; }
    [[nodiscard]] bool has_unsent() const noexcept { return false; }
    [[nodiscard]] const std::string& problem() const noexcept { return _problem; }

  private:
    std::string _problem;
};

#endif

}  // namespace ycsbpy::loop
