// A test framework of one macro, so that the native tests need nothing but a compiler.
#pragma once

#include <cstdio>
#include <cstdlib>

/// Ends the program, saying where, unless the condition holds. In any build: it is not assert().
#define CHECK(...)                                                                         \
    do {                                                                                   \
        if (!(__VA_ARGS__)) {                                                              \
            std::fprintf(stderr, "%s:%d: not so: %s\n", __FILE__, __LINE__, #__VA_ARGS__); \
            std::abort();                                                                  \
        }                                                                                  \
    } while (false)

/// Runs `statement` and ends the program unless it throws `exception`.
#define CHECK_THROWS(exception, ...) \
    do {                             \
        bool thrown = false;         \
        try {                        \
            __VA_ARGS__;             \
        } catch (const exception&) { \
            thrown = true;           \
        }                            \
        CHECK(thrown);               \
    } while (false)
