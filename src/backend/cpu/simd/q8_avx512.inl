/*
 * INT8 tile on AVX-512 VNNI: 12 rows by 32 columns are 24 accumulators, two registers of B, and A's four
 * bytes broadcast from memory. One vpdpbusd multiplies 64 pairs. The rows are spelt out, not looped over:
 * compilers differ in whether they keep an array of sums in registers.
 */
#define SO_Q8_ROWS 12
#define SO_Q8_PANELS 2

/* Row r is the i-th after row 3 * t: with four pointers and one stride each address is one operand of the
 * broadcast. */
/* clang-format off */
#define SO_Q8_EACH_ROW(DO)                                                  \
    DO(0, 0, 0) DO(1, 0, 1) DO(2, 0, 2) DO(3, 1, 0) DO(4, 1, 1) DO(5, 1, 2) \
    DO(6, 2, 0) DO(7, 2, 1) DO(8, 2, 2) DO(9, 3, 0) DO(10, 3, 1) DO(11, 3, 2)
/* clang-format on */
#define SO_Q8_BEGIN(r, t, i) __m512i left##r = start0, right##r = start1;
#define SO_Q8_STEP(r, t, i)                                              \
    if (r < rows) {                                                      \
        int32_t four;                                                    \
        memcpy(&four, a##t + i * lda, 4);                                \
        const __m512i x = _mm512_set1_epi32(four);                       \
        left##r = _mm512_dpbusd_epi32(left##r, x, w0);                   \
        if (panels > 1) right##r = _mm512_dpbusd_epi32(right##r, x, w1); \
    }
#define SO_Q8_END(r, t, i)                                               \
    if (r < rows) {                                                      \
        _mm512_storeu_si512(c + r * ldc, left##r);                       \
        if (panels > 1) _mm512_storeu_si512(c + r * ldc + 16, right##r); \
    }

SO_INLINE void so_q8_tile(const size_t rows, const size_t panels, size_t groups, const uint8_t *a, size_t lda,
                          const int8_t *b, const int32_t *start, int32_t *c, size_t ldc) {
    const __m512i start0 = start ? _mm512_loadu_si512(start) : _mm512_setzero_si512();
    const __m512i start1 = start && panels > 1 ? _mm512_loadu_si512(start + 16) : _mm512_setzero_si512();
    SO_Q8_EACH_ROW(SO_Q8_BEGIN)
    const size_t panel = groups * 64;
    const uint8_t *a0 = a, *a1 = a + (rows > 3 ? 3 : 0) * lda, *a2 = a + (rows > 6 ? 6 : 0) * lda,
                  *a3 = a + (rows > 9 ? 9 : 0) * lda;
    /* Without this gcc sees through the pointers and makes one of them, and eleven offsets that do not fit
     * the registers. */
    __asm__("" : "+r"(a1), "+r"(a2), "+r"(a3));
    for (const int8_t *end = b + panel; b != end; b += 64, a0 += 4, a1 += 4, a2 += 4, a3 += 4) {
        const __m512i w0 = _mm512_load_si512(b), w1 = panels > 1 ? _mm512_load_si512(b + panel) : w0;
        /* The panels that come next: with few rows the product is as fast as memory, and no page border may
         * stop it. */
        so_prefetch(b, panels * panel);
        if (panels > 1) so_prefetch(b, panels * panel + panel);
        SO_Q8_EACH_ROW(SO_Q8_STEP)
    }
    SO_Q8_EACH_ROW(SO_Q8_END)
}
