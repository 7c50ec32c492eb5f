/* Rows of float to symmetric 8 bit. */

/** Below this a row's largest value counts as zero: 127 divided by it would not fit a float. */
#define SO_Q8_SMALLEST 0x1p-100f

/** x * inverse is in [-127, 127] for |x| <= largest; x is about (x * inverse) * scale. Both 0 for a zero row.
 */
struct so_q8_factors {
    float inverse, scale;
};

SO_INLINE struct so_q8_factors so_q8_factors(float largest) {
    const struct so_q8_factors zero = {0.0f, 0.0f};
    const struct so_q8_factors factors = {127.0f / largest, largest / 127.0f};
    return largest >= SO_Q8_SMALLEST ? factors : zero;
}

/** 16 activations to bytes: rint(x * inverse) + 128. */
SO_INLINE void so_q8_store(uint8_t *q, v16f x, v16f inverse) {
    v16i_store_low8(q, v16_round_product(x, inverse, 128.0f));
}

SO_INLINE float so_largest(size_t cols, const float *x) {
    v16f largest = v16_zero();
    for (size_t i = 0; i < cols; i += 16) largest = v16_max(v16_abs(v16_load(x + i)), largest);
    return v16_lane_max(largest);
}

/** One row whose largest magnitude is known. */
SO_INLINE float so_q8_row(size_t cols, const float *x, float largest, uint8_t *q) {
    const struct so_q8_factors f = so_q8_factors(largest);
    const v16f inverse = v16_set1(f.inverse);
    for (size_t i = 0; i < cols; i += 16) so_q8_store(q + i, v16_load(x + i), inverse);
    return f.scale;
}

static void quantize_q8(size_t rows, size_t cols, const float *x, size_t ldx, uint8_t *q, size_t ldq,
                        float *scale) {
    for (size_t r = 0; r < rows; r++)
        scale[r] = so_q8_row(cols, x + r * ldx, so_largest(cols, x + r * ldx), q + r * ldq);
}
