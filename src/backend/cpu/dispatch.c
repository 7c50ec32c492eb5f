/** Which kernel tables this CPU and operating system can run, and which of them this process uses. */
#include <pthread.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "backend/cpu/levels.h"
#include "util/compiler.h"

#if defined(__x86_64__)
#include <cpuid.h>
#elif defined(__aarch64__)
#include <sys/auxv.h>
#endif

struct level {
    const char *name;
    const struct so_kernels *(*find)(void); /**< the table, or NULL where it cannot run */
};

static const struct so_kernels *find_ref(void) {
    return &so_kernels_ref;
}

#if defined(__x86_64__)

/** What CPUID reports and the operating system saves on a switch of tasks. */
struct features {
    bool avx2, avx_vnni, avx512_vnni;
};

/** Extended control register 0: the register sets that the operating system saves. */
static unsigned saved_registers(void) {
    unsigned low, high;
    __asm__ volatile("xgetbv" : "=a"(low), "=d"(high) : "c"(0));
    return low;
}

static struct features detect(void) {
    struct features f = {false, false, false};
    unsigned a, b, c, d;
    if (!__get_cpuid(1, &a, &b, &c, &d)) return f;
    const bool fma = c & (1u << 12), os_xsave = c & (1u << 27), avx = c & (1u << 28);
    if (!fma || !os_xsave || !avx) return f;
    const unsigned saved = saved_registers();
    const unsigned ymm = 0x6, zmm = 0xe6; /* xmm, ymm; opmask, upper halves of zmm0-15, zmm16-31 */
    if ((saved & ymm) != ymm || !__get_cpuid_count(7, 0, &a, &b, &c, &d)) return f;
    const unsigned subleaves = a;
    f.avx2 = b & (1u << 5);
    const unsigned f_dq_bw_vl = 1u << 16 | 1u << 17 | 1u << 30 | 1u << 31;
    f.avx512_vnni = f.avx2 && (saved & zmm) == zmm && (b & f_dq_bw_vl) == f_dq_bw_vl && (c & (1u << 11));
    if (subleaves >= 1 && __get_cpuid_count(7, 1, &a, &b, &c, &d)) f.avx_vnni = f.avx2 && (a & (1u << 4));
    return f;
}

static const struct so_kernels *find_avx2(void) {
    return detect().avx2 ? &so_kernels_avx2 : NULL;
}

static const struct so_kernels *find_avxvnni(void) {
    const struct features f = detect();
    if (f.avx_vnni) return &so_kernels_avxvnni;
    return f.avx512_vnni ? &so_kernels_avxvnni_evex : NULL;
}

static const struct so_kernels *find_avx512(void) {
    return detect().avx512_vnni ? &so_kernels_avx512 : NULL;
}

static const struct level levels[] = {
    {"ref", find_ref}, {"avx2", find_avx2}, {"avxvnni", find_avxvnni}, {"avx512", find_avx512}};
static const char *const names[] = {"ref", "avx2", "avxvnni", "avx512", NULL};

#elif defined(__aarch64__)

static const struct so_kernels *find_neon(void) {
    return &so_kernels_neon;
}

static const struct so_kernels *find_dotprod(void) {
    const unsigned long hwcap_asimddp = 1ul << 20;
    return getauxval(AT_HWCAP) & hwcap_asimddp ? &so_kernels_dotprod : NULL;
}

static const struct level levels[] = {{"ref", find_ref}, {"neon", find_neon}, {"dotprod", find_dotprod}};
static const char *const names[] = {"ref", "neon", "dotprod", NULL};

#else

static const struct level levels[] = {{"ref", find_ref}};
static const char *const names[] = {"ref", NULL};

#endif

/** The index of a level's name, SO_COUNT(levels) if there is none. */
static size_t find_name(const char *name) {
    size_t i = 0;
    while (i < SO_COUNT(levels) && strcmp(levels[i].name, name) != 0) i++;
    return i;
}

/** $SOTTO_CPU, NULL if unset or empty. */
static const char *wanted_level(void) {
    const char *name = getenv("SOTTO_CPU");
    return name && *name ? name : NULL;
}

static const struct so_kernels *chosen;
static pthread_once_t chosen_once = PTHREAD_ONCE_INIT;

static void choose(void) {
    const char *wanted = wanted_level();
    size_t i = SO_COUNT(levels) - 1;
    if (wanted) {
        i = find_name(wanted);
        if (i == SO_COUNT(levels)) i = 0;
    }
    while (!(chosen = levels[i].find())) i--; /* ends at "ref", which is always there */
}

const struct so_kernels *so_kernels(void) {
    pthread_once(&chosen_once, choose);
    return chosen;
}

const struct so_kernels *so_kernels_level(const char *level) {
    const size_t i = find_name(level);
    return i < SO_COUNT(levels) ? levels[i].find() : NULL;
}

const char *const *so_kernels_levels(void) {
    return names;
}

int so_kernels_check(void) {
    const char *wanted = wanted_level();
    return !wanted || find_name(wanted) < SO_COUNT(levels) ? 0 : -1;
}
