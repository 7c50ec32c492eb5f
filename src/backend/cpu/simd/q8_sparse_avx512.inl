/*
 * Products of probabilities and values on AVX-512 VNNI. Groups of four keys that no row of the tile gives any
 * weight are left out, which changes no sum: two of five in Whisper's encoder, three of five for a single
 * query, whose values come from memory.
 */
#define SO_Q8_HAS_SPARSE

/* Groups that are listed at most: for more keys than Whisper has the dense tile serves. And how many places
 * ahead memory is asked. */
#define SO_Q8_LIST 512
#define SO_Q8_LIST_AHEAD 12

struct so_q8_list {
    size_t n;
    uint32_t group[SO_Q8_LIST + 16]; /**< [n], rising; a vector more may be written */
};

/** The groups in which any of the rows' bytes is not 0. */
SO_INLINE void so_q8_list_groups(const size_t rows, size_t groups, const uint8_t *a, size_t lda,
                                 struct so_q8_list *list) {
    __m512i place = _mm512_set_epi32(15, 14, 13, 12, 11, 10, 9, 8, 7, 6, 5, 4, 3, 2, 1, 0);
    list->n = 0;
    for (size_t g = 0; g < groups; g += 16) {
        const __mmask16 inside = groups - g < 16 ? (__mmask16)((1u << (groups - g)) - 1) : (__mmask16)0xffff;
        __m512i any = _mm512_setzero_si512();
        SO_UNROLL
        for (size_t r = 0; r < rows; r++)
            any = _mm512_or_si512(any, _mm512_maskz_loadu_epi32(inside, a + r * lda + 4 * g));
        const __mmask16 set = _mm512_test_epi32_mask(any, any);
        _mm512_storeu_si512(list->group + list->n, _mm512_maskz_compress_epi32(set, place));
        list->n += (size_t)__builtin_popcount(set);
        place = _mm512_add_epi32(place, _mm512_set1_epi32(16));
    }
}

/** c[12][32] = the listed groups of 12 rows times two panels. Not inlined: the loop wants all registers. */
__attribute__((noinline)) static void so_q8_sparse_tile(const struct so_q8_list *list, const uint8_t *a,
                                                        size_t lda, const int8_t *b, size_t panel, int32_t *c,
                                                        size_t ldc) {
    const size_t rows = 12, panels = 2;
    const __m512i start0 = _mm512_setzero_si512(), start1 = _mm512_setzero_si512();
    SO_Q8_EACH_ROW(SO_Q8_BEGIN)
    const uint32_t *at = list->group, *end = at + list->n;
    for (; at != end; at++) {
        const size_t g = *at;
        const uint8_t *a0 = a + 4 * g, *a1 = a0 + 3 * lda, *a2 = a1 + 3 * lda, *a3 = a2 + 3 * lda;
        const __m512i w0 = _mm512_load_si512(b + 64 * g), w1 = _mm512_load_si512(b + panel + 64 * g);
        __asm__("" : "+r"(a1), "+r"(a2), "+r"(a3));
        SO_Q8_EACH_ROW(SO_Q8_STEP)
    }
    SO_Q8_EACH_ROW(SO_Q8_END)
}

#define SO_Q8_SPARSE_STEP(s, i)                                               \
    do {                                                                      \
        int32_t four;                                                         \
        memcpy(&four, a + 4 * (size_t)at[i], 4);                              \
        s = _mm512_dpbusd_epi32(s, _mm512_set1_epi32(four), _mm512_load_si512(b + 64 * (size_t)at[i])); \
    } while (0)

/** c[16] = the listed groups of one row times one panel: memory is read in its order. */
static void so_q8_sparse_row(const struct so_q8_list *list, const uint8_t *a, const int8_t *b, int32_t *c) {
    __m512i s0 = _mm512_setzero_si512(), s1 = s0, s2 = s0, s3 = s0;
    const uint32_t *at = list->group, *end = at + list->n;
    for (; at + 4 <= end; at += 4) {
        SO_Q8_SPARSE_STEP(s0, 0);
        SO_Q8_SPARSE_STEP(s1, 1);
        SO_Q8_SPARSE_STEP(s2, 2);
        SO_Q8_SPARSE_STEP(s3, 3);
    }
    for (; at != end; at++) SO_Q8_SPARSE_STEP(s0, 0);
    _mm512_storeu_si512(c, _mm512_add_epi32(_mm512_add_epi32(s0, s1), _mm512_add_epi32(s2, s3)));
}

/** As many rows of the product as this can do: 12 at a time, or a single one. Returns how many. */
static size_t so_q8_sparse(size_t m, size_t n, size_t groups, const uint8_t *a, size_t lda, const int8_t *b,
                           int32_t *c, size_t ldc) {
    if (n % 64 || groups > SO_Q8_LIST) return 0;
    const size_t panel = groups * 64;
    struct so_q8_list list;
    if (m == 1) {
        so_q8_list_groups(1, groups, a, lda, &list);
        for (size_t p = 0; p < n / 16; p++) so_q8_sparse_row(&list, a, b + p * panel, c + 16 * p);
        return 1;
    }
    size_t r = 0;
    for (; r + 12 <= m; r += 12) {
        so_q8_list_groups(12, groups, a + r * lda, lda, &list);
        for (size_t p = 0; p < n / 16; p += 2)
            so_q8_sparse_tile(&list, a + r * lda, lda, b + p * panel, panel, c + r * ldc + 16 * p, ldc);
    }
    return r;
}
