#include "kernels_peak.h"

/* 14 independent sums, more than the latency of the instruction times the number of its units, twice over. */
#define SUMS(X) \
    X("0") X("1") X("2") X("3") X("4") X("5") X("6") X("7") X("8") X("9") X("10") X("11") X("12") X("13")
#define REPEAT(X) SUMS(X) SUMS(X)
#define LOOPS 40000

#define ZMM(n) "vpdpbusd %%zmm14, %%zmm15, %%zmm" n "\n\t"
#define YMM_EVEX(n) "%{evex%} vpdpbusd %%ymm14, %%ymm15, %%ymm" n "\n\t"
#define YMM_VEX(n) "%{vex%} vpdpbusd %%ymm14, %%ymm15, %%ymm" n "\n\t"

/** Returns the multiply-adds done, `each` by one instruction. */
#define DEFINE_PEAK(name, STEP, each)                                                                      \
    static double name(void) {                                                                             \
        for (int i = 0; i < LOOPS; i++)                                                                    \
            __asm__ volatile(REPEAT(STEP)::                                                                \
                                 : "xmm0", "xmm1", "xmm2", "xmm3", "xmm4", "xmm5", "xmm6", "xmm7", "xmm8", \
                                   "xmm9", "xmm10", "xmm11", "xmm12", "xmm13");                            \
        return 28.0 * (each)*LOOPS;                                                                        \
    }
DEFINE_PEAK(zmm, ZMM, 64)
DEFINE_PEAK(ymm_evex, YMM_EVEX, 32)
DEFINE_PEAK(ymm_vex, YMM_VEX, 32)

double peak_avx512(void) {
    return zmm();
}

/** A CPU may have one encoding, the other, or both. */
double peak_avxvnni(void) {
    return __builtin_cpu_supports("avx512vnni") ? ymm_evex() : ymm_vex();
}
