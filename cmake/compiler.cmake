# How our own code is compiled, here and for the processor that tests/arm64 emulates.

# a * b + c is rounded twice on every processor: scores and what is stored are the same on all of them.
add_compile_options(-ffp-contract=off)

# Warnings apply to our own code alone.
add_library(strata_warnings INTERFACE)
target_compile_options(strata_warnings INTERFACE -Wall -Wextra -Wpedantic -Wshadow -Wconversion -Wno-sign-conversion
  -Wnon-virtual-dtor -Woverloaded-virtual
  $<$<CXX_COMPILER_ID:GNU>:-Wno-restrict>  # gcc 12 reports string concatenation falsely (GCC bug 105651)
  $<$<CXX_COMPILER_ID:Clang>:-Wthread-safety -Wno-gnu-statement-expression -Wno-gnu-statement-expression-from-macro-expansion>
  $<$<BOOL:${STRATA_WERROR}>:-Werror>)
