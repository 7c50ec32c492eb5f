/*
 * One row of A on AVX-512 VNNI: the scores of attention's single query, and every layer when one sequence is
 * decoded alone. Four panels pass side by side in eight accumulators, for with two a chain of sums waits for the
 * latency of vpdpbusd.
 */
#define SO_Q8_HAS_ROW

/* How far ahead of the panels memory is asked, at the least: with little to compute the row is as fast as memory. */
#define SO_Q8_AHEAD 8192

#define SO_Q8_ROW_STEP(s0, s1, s2, s3, g)                                 \
    do {                                                                  \
        int32_t four;                                                     \
        memcpy(&four, a + 4 * (g), 4);                                    \
        const __m512i x = _mm512_set1_epi32(four);                        \
        const int8_t *w = b + 64 * (g);                                   \
        s0 = _mm512_dpbusd_epi32(s0, x, _mm512_load_si512(w));            \
        s1 = _mm512_dpbusd_epi32(s1, x, _mm512_load_si512(w + panel));    \
        s2 = _mm512_dpbusd_epi32(s2, x, _mm512_load_si512(w + 2 * panel)); \
        s3 = _mm512_dpbusd_epi32(s3, x, _mm512_load_si512(w + 3 * panel)); \
    } while (0)

/** Groups of a panel so short that panels are read one after another: for attention's keys, which come from memory. */
#define SO_Q8_SHORT 16

/** c[16] = a[64] times one panel of 16 groups, on top of start[16]. Memory is read in its order, which the processor foresees. */
SO_INLINE void so_q8_short_panel(const uint8_t *a, const int8_t *b, const int32_t *start, int32_t *c) {
    const __m512i zero = _mm512_setzero_si512();
    __m512i s0 = start ? _mm512_loadu_si512(start) : zero, s1 = zero, s2 = zero, s3 = zero;
    for (size_t g = 0; g < SO_Q8_SHORT; g += 4) {
        int32_t four[4];
        memcpy(four, a + 4 * g, 16);
        s0 = _mm512_dpbusd_epi32(s0, _mm512_set1_epi32(four[0]), _mm512_load_si512(b + 64 * g));
        s1 = _mm512_dpbusd_epi32(s1, _mm512_set1_epi32(four[1]), _mm512_load_si512(b + 64 * g + 64));
        s2 = _mm512_dpbusd_epi32(s2, _mm512_set1_epi32(four[2]), _mm512_load_si512(b + 64 * g + 128));
        s3 = _mm512_dpbusd_epi32(s3, _mm512_set1_epi32(four[3]), _mm512_load_si512(b + 64 * g + 192));
    }
    _mm512_storeu_si512(c, _mm512_add_epi32(_mm512_add_epi32(s0, s1), _mm512_add_epi32(s2, s3)));
}

#define SO_Q8_ROW_END(s, t, i) _mm512_storeu_si512(c + 16 * (i), _mm512_add_epi32(s, t))

/** c[64] = a[4 * groups] times four panels, on top of start[64] (NULL: zero). */
static void so_q8_dense_row(size_t groups, const uint8_t *a, const int8_t *b, const int32_t *start, int32_t *c) {
    const size_t panel = groups * 64, ahead = 4 * panel > SO_Q8_AHEAD ? 4 * panel : SO_Q8_AHEAD;
    if (groups == SO_Q8_SHORT) {
        for (size_t i = 0; i < 4; i++) so_q8_short_panel(a, b + i * panel, start ? start + 16 * i : NULL, c + 16 * i);
        return;
    }
    const __m512i zero = _mm512_setzero_si512();
    __m512i s0 = start ? _mm512_loadu_si512(start) : zero, t0 = zero;
    __m512i s1 = start ? _mm512_loadu_si512(start + 16) : zero, t1 = zero;
    __m512i s2 = start ? _mm512_loadu_si512(start + 32) : zero, t2 = zero;
    __m512i s3 = start ? _mm512_loadu_si512(start + 48) : zero, t3 = zero;
    size_t g = 0;
    for (; g + 2 <= groups; g += 2) {
        for (size_t i = 0; i < 4; i++) {
            so_prefetch(b + i * panel + 64 * g, ahead);
            so_prefetch(b + i * panel + 64 * g + 64, ahead);
        }
        SO_Q8_ROW_STEP(s0, s1, s2, s3, g);
        SO_Q8_ROW_STEP(t0, t1, t2, t3, g + 1);
    }
    if (g < groups) SO_Q8_ROW_STEP(s0, s1, s2, s3, g);
    SO_Q8_ROW_END(s0, t0, 0);
    SO_Q8_ROW_END(s1, t1, 1);
    SO_Q8_ROW_END(s2, t2, 2);
    SO_Q8_ROW_END(s3, t3, 3);
}
