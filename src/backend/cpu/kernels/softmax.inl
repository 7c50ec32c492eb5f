/* Softmax of one row, not divided by its sum: that factor goes into the product that follows. */

/**
 * The largest of n >= 1 values get(data, .., i, count): -0 made +0, so that the order of comparison cannot be
 * seen. Four accumulators hide the latency of the comparison.
 */
#define SO_MAXIMUM(n, LOAD, LOAD_TAIL, result)                                                            \
    do {                                                                                                  \
        const v16f lowest = v16_set1(-INFINITY);                                                          \
        v16f m0 = lowest, m1 = lowest, m2 = lowest, m3 = lowest;                                          \
        size_t at = 0;                                                                                    \
        for (; at + 64 <= (n); at += 64) {                                                                \
            m0 = v16_max(LOAD(at), m0);                                                                   \
            m1 = v16_max(LOAD(at + 16), m1);                                                              \
            m2 = v16_max(LOAD(at + 32), m2);                                                              \
            m3 = v16_max(LOAD(at + 48), m3);                                                              \
        }                                                                                                 \
        for (; at + 16 <= (n); at += 16) m0 = v16_max(LOAD(at), m0);                                      \
        if (at < (n)) m1 = v16_max(v16_select(v16_tail_mask((n)-at), LOAD_TAIL(at, (n)-at), lowest), m1); \
        (result) = v16_lane_max(v16_max(v16_max(m0, m1), v16_max(m2, m3))) + 0.0f;                        \
    } while (0)

#define SO_FLOAT_AT(i) v16_load(x + (i))
#define SO_FLOAT_TAIL_AT(i, count) v16_load_tail(x + (i), count)

SO_INLINE float so_maximum(size_t n, const float *x) {
    float result;
    SO_MAXIMUM(n, SO_FLOAT_AT, SO_FLOAT_TAIL_AT, result);
    return result;
}

/** Scores i .. i+15: (float)acc * k_scale. */
SO_INLINE v16f so_scores(const int32_t *acc, const float *k_scale, size_t i) {
    return v16_mul(v16_from_s32(v16i_load(acc + i)), v16_load(k_scale + i));
}
SO_INLINE v16f so_scores_tail(const int32_t *acc, const float *k_scale, size_t i, size_t count) {
    return v16_mul(v16_from_s32(v16i_load_tail(acc + i, count)), v16_load_tail(k_scale + i, count));
}

#define SO_SCORE_AT(i) so_scores(acc, k_scale, i)
#define SO_SCORE_TAIL_AT(i, count) so_scores_tail(acc, k_scale, i, count)

SO_INLINE float so_maximum_score(size_t n, const int32_t *acc, const float *k_scale) {
    float result;
    SO_MAXIMUM(n, SO_SCORE_AT, SO_SCORE_TAIL_AT, result);
    return result;
}

/** log2(e) * 2^23: a float's exponent counts in steps of 2^23 of its bits. */
#define SO_BITS_PER_E 0x1.715476p+23f

/**
 * Bytes rint(255 * exp((t - largest) * q_scale)) in the low bits, as SO_ROUND_MAGIC_BITS + byte; before
 * rounding they are exact to 1e-5 of themselves. slope = q_scale * SO_BITS_PER_E. The scaled difference, as
 * an integer, is at once the bits of a float that interpolates the power of two: its exponent is right, its
 * mantissa u in [1, 2) goes through 255 * 2^(u - 1). That is the least work of all ways tried, and this is
 * the longest of the row kernels.
 */
SO_INLINE v16i so_byte_probability(v16f t, v16f largest, v16f slope) {
    const v16f one = v16_set1(1.0f);
    v16i bits =
        v16_rint(v16_fma(v16_sub(t, largest), slope, v16_set1(0x1.fcp+29f))); /* 127 * 2^23: the bits of 1 */
    bits = v16i_max(bits, v16i_set1(1 << 23)); /* far below 1/510, and still a normal number */
    const v16f power = v16_from_bits(v16i_and(bits, v16i_set1(0x7f800000)));
    const v16f u = v16_from_bits(v16i_or(v16i_and(bits, v16i_set1(0x007fffff)), v16_bits(one)));
    v16f p = v16_fma(v16_set1(0x1.b9c156p+1f), u, v16_set1(-0x1.15779cp-1f));
    p = v16_fma(p, u, v16_set1(0x1.53e42cp+5f));
    p = v16_fma(p, u, v16_set1(0x1.3e41ap+6f));
    p = v16_fma(p, u, v16_set1(0x1.0414eep+7f));
    return v16_round_product(p, power, 0.0f);
}

static uint32_t softmax_q8(size_t n, const int32_t *acc, const float *k_scale, float q_scale, uint8_t *p) {
    /* Kept finite, for 0 * slope must be 0 at the maximum. */
    const float steep = q_scale * SO_BITS_PER_E;
    const v16f slope = v16_set1(steep <= 0x1p127f ? steep : 0x1p127f);
    const v16f largest = v16_set1(so_maximum_score(n, acc, k_scale));
    v16i sum = v16i_zero();
    size_t i = 0;
    for (; i + 16 <= n; i += 16) {
        const v16i b = so_byte_probability(so_scores(acc, k_scale, i), largest, slope);
        v16i_store_low8(p + i, b);
        sum = v16i_add(sum, b);
    }
    /* The constant part of the whole vectors' sum is taken off at the end, modulo 2^32. */
    uint32_t total = (uint32_t)i * (0u - SO_ROUND_MAGIC_BITS);
    if (i < n) {
        uint8_t last[16];
        memset(last, 0, sizeof last);
        v16i_store_low8_tail(
            last, so_byte_probability(so_scores_tail(acc, k_scale, i, n - i), largest, slope), n - i);
        memcpy(p + i, last, (n - i + 3) / 4 * 4);
        sum = v16i_add(sum, v16i_load_u8(last));
    }
    return total + (uint32_t)v16i_lane_sum(sum);
}

static float softmax_s32_f32(size_t n, const int32_t *acc, const float *k_scale, float q_scale, float *p) {
    const v16f slope = v16_set1(q_scale);
    const v16f largest = v16_set1(so_maximum_score(n, acc, k_scale));
    v16f sum = v16_zero();
    size_t i = 0;
    for (; i + 16 <= n; i += 16) {
        const v16f e = v16_exp_bounded(v16_mul(v16_sub(so_scores(acc, k_scale, i), largest), slope));
        v16_store(p + i, e);
        sum = v16_add(sum, e);
    }
    if (i < n) {
        v16f e = v16_exp_bounded(v16_mul(v16_sub(so_scores_tail(acc, k_scale, i, n - i), largest), slope));
        e = v16_select(v16_tail_mask(n - i), e, v16_zero());
        v16_store(p + i, e);
        sum = v16_add(sum, e);
    }
    return v16_lane_sum(sum);
}

static float softmax_f32(size_t n, float *x, float scale) {
    const v16f slope = v16_set1(scale);
    const v16f largest = v16_set1(so_maximum(n, x));
    v16f sum = v16_zero();
    size_t i = 0;
    for (; i + 16 <= n; i += 16) {
        const v16f e = v16_exp_bounded(v16_mul(v16_sub(v16_load(x + i), largest), slope));
        v16_store(x + i, e);
        sum = v16_add(sum, e);
    }
    if (i < n) {
        v16f e = v16_exp_bounded(v16_mul(v16_sub(v16_load_tail(x + i, n - i), largest), slope));
        e = v16_select(v16_tail_mask(n - i), e, v16_zero());
        v16_store(x + i, e);
        sum = v16_add(sum, e);
    }
    return v16_lane_sum(sum);
}
