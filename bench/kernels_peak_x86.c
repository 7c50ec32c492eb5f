#include "kernels_peak.h"

/** Ten independent sums, as many as the latency of the instruction times the number of units needs, four
 * times over. */
#define TEN(X) X("0") X("1") X("2") X("3") X("4") X("5") X("6") X("7") X("8") X("9")
#define REPEAT(X) TEN(X) TEN(X) TEN(X) TEN(X)
#define LOOPS 25000

double peak_avx512(void) {
    for (int i = 0; i < LOOPS; i++) {
#define STEP(n) "vpdpbusd %%zmm14, %%zmm15, %%zmm" n "\n\t"
        __asm__ volatile(REPEAT(STEP)::
                             : "xmm0", "xmm1", "xmm2", "xmm3", "xmm4", "xmm5", "xmm6", "xmm7", "xmm8",
                               "xmm9");
#undef STEP
    }
    return 40.0 * 64 * LOOPS;
}

double peak_avxvnni(void) {
    for (int i = 0; i < LOOPS; i++) {
#define STEP(n) "vpdpbusd %%ymm14, %%ymm15, %%ymm" n "\n\t"
        __asm__ volatile(REPEAT(STEP)::
                             : "xmm0", "xmm1", "xmm2", "xmm3", "xmm4", "xmm5", "xmm6", "xmm7", "xmm8",
                               "xmm9");
#undef STEP
    }
    return 40.0 * 32 * LOOPS;
}
