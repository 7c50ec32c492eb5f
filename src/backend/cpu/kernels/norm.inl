/* Layer normalisation, to float or straight to 8 bit. */

struct so_moments {
    float mean, inverse_deviation;
};

/* Two passes: the one-pass formula loses the variance of a row whose mean is large. */
SO_INLINE struct so_moments so_moments(size_t cols, const float *x)
{
    const float share = 1.0f / (float)cols;
    v16f sum = v16_zero();
    for (size_t i = 0; i < cols; i += 16) sum = v16_add(sum, v16_load(x + i));
    const float mean = v16_lane_sum(sum) * share;
    v16f squares = v16_zero();
    for (size_t i = 0; i < cols; i += 16) {
        const v16f d = v16_sub(v16_load(x + i), v16_set1(mean));
        squares = v16_fma(d, d, squares);
    }
    const float variance = v16_lane_sum(squares) * share;
    return (struct so_moments){mean, 1.0f / sqrtf(variance + 1e-5f)};
}

/** Columns i .. i+15 of the normalised row. */
SO_INLINE v16f so_normalised(const float *x, struct so_moments m, const float *gamma, const float *beta, size_t i)
{
    const v16f unit = v16_mul(v16_sub(v16_load(x + i), v16_set1(m.mean)), v16_set1(m.inverse_deviation));
    return v16_fma(unit, v16_load(gamma + i), v16_load(beta + i));
}

static void layernorm_f32(size_t rows, size_t cols, const float *x, size_t ldx, const float *gamma, const float *beta,
                          float *y, size_t ldy)
{
    for (size_t r = 0; r < rows; r++) {
        const struct so_moments m = so_moments(cols, x + r * ldx);
        for (size_t i = 0; i < cols; i += 16) v16_store(y + r * ldy + i, so_normalised(x + r * ldx, m, gamma, beta, i));
    }
}

/* The normalised row is computed twice, which costs less than a row of memory to keep it in. */
static void layernorm_q8(size_t rows, size_t cols, const float *x, size_t ldx, const float *gamma, const float *beta,
                         uint8_t *q, size_t ldq, float *scale)
{
    for (size_t r = 0; r < rows; r++) {
        const float *row = x + r * ldx;
        const struct so_moments m = so_moments(cols, row);
        v16f largest = v16_zero();
        for (size_t i = 0; i < cols; i += 16) largest = v16_max(v16_abs(so_normalised(row, m, gamma, beta, i)), largest);
        const struct so_q8_factors f = so_q8_factors(v16_lane_max(largest));
        const v16f inverse = v16_set1(f.inverse);
        for (size_t i = 0; i < cols; i += 16)
            so_q8_store(q + r * ldq + i, so_normalised(row, m, gamma, beta, i), inverse);
        scale[r] = f.scale;
    }
}
