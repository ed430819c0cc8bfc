#pragma once

namespace sapiens {

#if defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)  // as Clang says it
#define SAPIENS_UNDER_CLANG_SANITIZER
#endif
#endif

/// Whether this is a build that is many times slower and larger than what users get.
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__) || \
    defined(SAPIENS_UNDER_CLANG_SANITIZER)
inline constexpr bool kUnderSanitizer = true;
#else
inline constexpr bool kUnderSanitizer = false;
#endif

}  // namespace sapiens
