// TLS over real sockets against a server of OpenSSL's own, with certificates that are made here: for the sanitizers.
#include <netinet/in.h>
#include <openssl/x509v3.h>
#include <poll.h>
#include <signal.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cstdio>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "check.hpp"
#include "loop/link.hpp"

using namespace ycsbpy;

namespace {

struct Identity {
    EVP_PKEY* key = nullptr;
    X509* certificate = nullptr;
};

/// A certificate that signs itself, for 127.0.0.1.
Identity identity() {
    Identity made;
    made.key = EVP_EC_gen("P-256");
    made.certificate = X509_new();
    X509* const one = made.certificate;
    X509_set_version(one, 2);
    ASN1_INTEGER_set(X509_get_serialNumber(one), 1);
    X509_gmtime_adj(X509_getm_notBefore(one), -60);
    X509_gmtime_adj(X509_getm_notAfter(one), 3600);
    X509_set_pubkey(one, made.key);
    X509_NAME* const name = X509_get_subject_name(one);
    X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_ASC, reinterpret_cast<const unsigned char*>("test"), -1, -1, 0);
    X509_set_issuer_name(one, name);
    X509_EXTENSION* const address = X509V3_EXT_conf_nid(nullptr, nullptr, NID_subject_alt_name, "IP:127.0.0.1");
    X509_add_ext(one, address, -1);
    X509_EXTENSION_free(address);
    CHECK(X509_sign(one, made.key, EVP_sha256()) > 0);
    return made;
}

template <class Write>
std::string pem(Write&& write) {
    BIO* const bio = BIO_new(BIO_s_mem());
    CHECK(write(bio) == 1);
    char* bytes = nullptr;
    const long size = BIO_get_mem_data(bio, &bytes);
    std::string text(bytes, static_cast<std::size_t>(size));
    BIO_free(bio);
    return text;
}
std::string certificate_of(const Identity& one) {
    return pem([&](BIO* bio) { return PEM_write_bio_X509(bio, one.certificate); });
}
std::string key_of(const Identity& one) {
    return pem([&](BIO* bio) { return PEM_write_bio_PrivateKey(bio, one.key, nullptr, nullptr, 0, nullptr, nullptr); });
}

int choose_h2(SSL*, const unsigned char** out, unsigned char* size, const unsigned char*, unsigned, void*) {
    static const unsigned char kH2[] = "h2";
    *out = kH2;
    *size = 2;
    return SSL_TLSEXT_ERR_OK;
}

/// Accepts one connection and sends back what comes, until it ends.
class Echo {
  public:
    Echo(const Identity& who, bool offers_h2, int version) : _context(SSL_CTX_new(TLS_server_method())) {
        SSL_CTX_use_certificate(_context, who.certificate);
        SSL_CTX_use_PrivateKey(_context, who.key);
        SSL_CTX_set_max_proto_version(_context, version);
        SSL_CTX_set_security_level(_context, 0);
        if (offers_h2) {
            SSL_CTX_set_alpn_select_cb(_context, &choose_h2, nullptr);
        }
        _listener = ::socket(AF_INET, SOCK_STREAM, 0);
        sockaddr_in address{};
        address.sin_family = AF_INET;
        address.sin_addr.s_addr = htonl(INADDR_ANY);
        CHECK(::bind(_listener, reinterpret_cast<sockaddr*>(&address), sizeof address) == 0);
        CHECK(::listen(_listener, 1) == 0);
        socklen_t size = sizeof address;
        getsockname(_listener, reinterpret_cast<sockaddr*>(&address), &size);
        _address = "127.0.0.1:" + std::to_string(ntohs(address.sin_port));
        _thread = std::thread([this] { serve(); });
    }
    ~Echo() {
        _thread.join();
        ::close(_listener);
        SSL_CTX_free(_context);
    }
    [[nodiscard]] const std::string& address() const { return _address; }

  private:
    void serve() {
        const int fd = ::accept(_listener, nullptr, nullptr);
        SSL* const ssl = SSL_new(_context);
        SSL_set_fd(ssl, fd);
        if (SSL_accept(ssl) == 1) {
            std::vector<char> room(100'000);
            for (int count = 0; (count = SSL_read(ssl, room.data(), static_cast<int>(room.size()))) > 0;) {
                if (SSL_write(ssl, room.data(), count) != count) {
                    break;
                }
            }
        }
        SSL_free(ssl);
        ::close(fd);
    }

    SSL_CTX* _context;
    int _listener = -1;
    std::string _address;
    std::thread _thread;
};

void wait_for(int fd, short events) {
    pollfd one{fd, events, 0};
    CHECK(::poll(&one, 1, 20'000) == 1);
}

/// To the end of the handshake, whatever it is.
loop::TlsSession::Handshake shake(loop::Link& link) {
    wait_for(link.fd(), POLLOUT);
    for (;;) {
        const auto state = link.handshake();
        if (state != loop::TlsSession::Handshake::waiting) {
            return state;
        }
        wait_for(link.fd(), POLLIN);
    }
}

void bytes_come_back(const Identity& who, int version) {
    const Echo echo(who, true, version);
    const loop::TlsContext context({certificate_of(who), {}, {}});
    loop::Link link(echo.address(), &context);
    CHECK(link && !link.is_plain());
    CHECK(shake(link) == loop::TlsSession::Handshake::done);
    std::string sent(3'000'000, '\0');
    for (std::size_t i = 0; i < sent.size(); ++i) {
        sent[i] = static_cast<char>(i * i >> 7);
    }
    std::string back;
    std::vector<std::byte> room(50'000);
    std::size_t at = 0;
    while (back.size() < sent.size()) {
        const std::size_t small = std::min<std::size_t>(9, sent.size() - at);
        const std::size_t large = std::min<std::size_t>(200'000, sent.size() - at - small);
        std::array<iovec, 2> places{{{sent.data() + at, small}, {sent.data() + at + small, large}}};
        const auto written = link.write(places);
        CHECK(written >= 0);
        at += static_cast<std::size_t>(written);
        const auto count = link.read(room);
        CHECK(count == -1 || count > 0);
        if (count > 0) {
            back.append(reinterpret_cast<const char*>(room.data()), static_cast<std::size_t>(count));
        } else if (at == sent.size() && !link.has_unsent()) {
            wait_for(link.fd(), POLLIN);
        }
    }
    CHECK(back == sent);
}

void it_fails(const Identity& who, const Identity& trusted, const std::string& host, bool offers_h2, int version,
              const std::string& words) {
    const Echo echo(who, offers_h2, version);
    const loop::TlsContext context({certificate_of(trusted), {}, {}});
    loop::Link link(host + echo.address().substr(echo.address().find(':')), &context);
    CHECK(shake(link) == loop::TlsSession::Handshake::failed);
    CHECK(link.problem("").find(words) != std::string::npos);
}

void files_that_cannot_be_used(const Identity& one, const Identity& other) {
    const std::string cert = certificate_of(one);
    CHECK_THROWS(std::runtime_error, loop::TlsContext({"nonsense", {}, {}}));
    CHECK_THROWS(std::runtime_error, loop::TlsContext({cert, "nonsense", key_of(one)}));
    CHECK_THROWS(std::runtime_error, loop::TlsContext({cert, cert, "nonsense"}));
    CHECK_THROWS(std::runtime_error, loop::TlsContext({cert, cert, key_of(other)}));
    const loop::TlsContext good({cert + certificate_of(other), cert + certificate_of(other), key_of(one)});
    CHECK(good.get() != nullptr);
}

}  // namespace

int main() {
    ::signal(SIGPIPE, SIG_IGN);  // of the server's; ours asks for none
    const Identity one = identity();
    const Identity other = identity();
    bytes_come_back(one, TLS1_3_VERSION);
    bytes_come_back(one, TLS1_2_VERSION);
    it_fails(one, other, "127.0.0.1", true, TLS1_3_VERSION, "certificate");
    it_fails(one, one, "localhost", true, TLS1_3_VERSION, "hostname mismatch");
    it_fails(one, one, "127.0.0.2", true, TLS1_3_VERSION, "IP address mismatch");
    it_fails(one, one, "127.0.0.1", false, TLS1_3_VERSION, "ALPN");
    it_fails(one, one, "127.0.0.1", true, TLS1_1_VERSION, "protocol version");
    files_that_cannot_be_used(one, other);
    for (const Identity& each : {one, other}) {
        EVP_PKEY_free(each.key);
        X509_free(each.certificate);
    }
    std::puts("ok");
    return 0;
}
