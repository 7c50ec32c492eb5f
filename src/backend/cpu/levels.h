/** The tables that the level files define, each on its own architecture only. */
#ifndef SO_BACKEND_CPU_LEVELS_H
#define SO_BACKEND_CPU_LEVELS_H

#include "backend/cpu/kernels.h"

extern const struct so_kernels so_kernels_ref;
extern const struct so_kernels so_kernels_avx2;
extern const struct so_kernels so_kernels_avxvnni; /**< VEX encoding: CPUs with AVX-VNNI */
extern const struct so_kernels
    so_kernels_avxvnni_evex; /**< the same code in EVEX encoding: AVX-512 VL and VNNI */
extern const struct so_kernels so_kernels_avx512;
extern const struct so_kernels so_kernels_neon;
extern const struct so_kernels so_kernels_dotprod;

#endif
