/* Layer normalisation, to float or straight to 8 bit. */

struct so_moments {
    float mean, inverse_deviation;
};

/** Rows whose sums are taken side by side: one sum alone would wait for each of its additions. */
#define SO_NORM_ROWS 4

/**
 * Of `rows` (a literal) rows. Two passes: the one-pass formula loses the variance of a row whose mean is
 * large.
 */
SO_INLINE void so_moments(const size_t rows, size_t cols, const float *x, size_t ldx, struct so_moments *m) {
    const float share = 1.0f / (float)cols;
    v16f sum[SO_NORM_ROWS], mean[SO_NORM_ROWS];
    SO_UNROLL
    for (size_t r = 0; r < rows; r++) sum[r] = v16_zero();
    for (size_t i = 0; i < cols; i += 16) {
        SO_UNROLL
        for (size_t r = 0; r < rows; r++) sum[r] = v16_add(sum[r], v16_load(x + r * ldx + i));
    }
    SO_UNROLL
    for (size_t r = 0; r < rows; r++) {
        m[r].mean = v16_lane_sum(sum[r]) * share;
        mean[r] = v16_set1(m[r].mean);
        sum[r] = v16_zero();
    }
    for (size_t i = 0; i < cols; i += 16) {
        SO_UNROLL
        for (size_t r = 0; r < rows; r++) {
            const v16f d = v16_sub(v16_load(x + r * ldx + i), mean[r]);
            sum[r] = v16_fma(d, d, sum[r]);
        }
    }
    SO_UNROLL
    for (size_t r = 0; r < rows; r++)
        m[r].inverse_deviation = 1.0f / sqrtf(v16_lane_sum(sum[r]) * share + 1e-5f);
}

/** Of the rows from x on, at most SO_NORM_ROWS and at most `left`; how many. */
SO_INLINE size_t so_next_moments(size_t left, size_t cols, const float *x, size_t ldx, struct so_moments *m) {
    if (left < SO_NORM_ROWS) {
        so_moments(1, cols, x, ldx, m);
        return 1;
    }
    so_moments(SO_NORM_ROWS, cols, x, ldx, m);
    return SO_NORM_ROWS;
}

/** Columns i .. i+15 of the normalised row. */
SO_INLINE v16f so_normalised(const float *x, struct so_moments m, const float *gamma, const float *beta,
                             size_t i) {
    const v16f unit = v16_mul(v16_sub(v16_load(x + i), v16_set1(m.mean)), v16_set1(m.inverse_deviation));
    return v16_fma(unit, v16_load(gamma + i), v16_load(beta + i));
}

static void layernorm_f32(size_t rows, size_t cols, const float *x, size_t ldx, const float *gamma,
                          const float *beta, float *y, size_t ldy) {
    struct so_moments m[SO_NORM_ROWS];
    for (size_t r = 0, count; r < rows; r += count) {
        count = so_next_moments(rows - r, cols, x + r * ldx, ldx, m);
        for (size_t j = 0; j < count; j++)
            for (size_t i = 0; i < cols; i += 16)
                v16_store(y + (r + j) * ldy + i, so_normalised(x + (r + j) * ldx, m[j], gamma, beta, i));
    }
}

/* The normalised row is computed twice, which costs less than a row of memory to keep it in. */
SO_INLINE float so_normalised_q8(size_t cols, const float *x, struct so_moments m, const float *gamma,
                                 const float *beta, uint8_t *q) {
    v16f largest = v16_zero();
    for (size_t i = 0; i < cols; i += 16)
        largest = v16_max(v16_abs(so_normalised(x, m, gamma, beta, i)), largest);
    const struct so_q8_factors f = so_q8_factors(v16_lane_max(largest));
    const v16f inverse = v16_set1(f.inverse);
    for (size_t i = 0; i < cols; i += 16) so_q8_store(q + i, so_normalised(x, m, gamma, beta, i), inverse);
    return f.scale;
}

static void layernorm_q8(size_t rows, size_t cols, const float *x, size_t ldx, const float *gamma,
                         const float *beta, uint8_t *q, size_t ldq, float *scale) {
    struct so_moments m[SO_NORM_ROWS];
    for (size_t r = 0, count; r < rows; r += count) {
        count = so_next_moments(rows - r, cols, x + r * ldx, ldx, m);
        for (size_t j = 0; j < count; j++)
            scale[r + j] = so_normalised_q8(cols, x + (r + j) * ldx, m[j], gamma, beta, q + (r + j) * ldq);
    }
}
