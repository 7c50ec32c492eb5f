/** The most that a level's dot-product instruction can do on this core. */
#ifndef BENCH_KERNELS_PEAK_H
#define BENCH_KERNELS_PEAK_H

/** Runs the instruction on registers alone; returns the multiply-adds done, 0 for a level without such an
 * instruction. */
double peak_dot_products(const char *level);

/* One for each instruction, compiled with its flags. */
double peak_avx512(void);
double peak_avxvnni(void);

#endif
