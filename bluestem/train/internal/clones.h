// BLUESTEM_CLONES: compiles a function for AVX-512, AVX2 and the baseline, chosen when the program
// starts. For loops over independent elements only: those give the same bits in every clone.
#pragma once

// A macro because attributes cannot be named otherwise. Sanitizers and ifuncs do not mix.
#if defined(__x86_64__) && defined(__GNUC__) && !defined(__clang__) && \
    !defined(__SANITIZE_ADDRESS__)
#define BLUESTEM_CLONES __attribute__((target_clones("arch=x86-64-v4", "avx2", "default")))
#else
#define BLUESTEM_CLONES
#endif
