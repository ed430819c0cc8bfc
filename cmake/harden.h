/* In front of every source file, with SAPIENS_HARDEN: what is defined already stays as it is. */

/* Accesses to containers are checked, also those of std::span and std::optional. */
#ifndef _GLIBCXX_ASSERTIONS
#define _GLIBCXX_ASSERTIONS
#endif

/* Copies into buffers of known size are checked, by 3 also of sizes at run time, if optimised. */
#if defined(__OPTIMIZE__) && !defined(_FORTIFY_SOURCE)
#if (defined(__clang__) && __clang_major__ >= 9) || (!defined(__clang__) && __GNUC__ >= 12)
#define _FORTIFY_SOURCE 3
#else
#define _FORTIFY_SOURCE 2
#endif
#endif
