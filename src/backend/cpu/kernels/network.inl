/* Elementwise kernels of convolutional networks: norms folded to a factor and a shift for each column,
 * unsigned 8-bit rows. */

/** As so_q8_factors, for rows of no negative value: x * inverse is in [0, 255]. */
SO_INLINE struct so_q8_factors so_u8_factors(float largest) {
    const struct so_q8_factors zero = {0.0f, 0.0f};
    const struct so_q8_factors factors = {255.0f / largest, largest / 255.0f};
    return largest >= SO_Q8_SMALLEST ? factors : zero;
}

SO_INLINE v16f so_affine_relu(const float *x, const float *factor, const float *shift, size_t i) {
    const v16f v = v16_fma(v16_load(x + i), v16_load(factor + i), v16_load(shift + i));
    return v16_max(v, v16_zero());
}

static void affine_leaky_f32(size_t rows, size_t cols, const float *x, size_t ldx, const float *factor,
                             const float *shift, float slope, float *y, size_t ldy) {
    const v16f below = v16_set1(slope);
    for (size_t r = 0; r < rows; r++)
        for (size_t i = 0; i < cols; i += 16) {
            const v16f v = v16_fma(v16_load(x + r * ldx + i), v16_load(factor + i), v16_load(shift + i));
            v16_store(y + r * ldy + i, v16_select(v16_less(v16_zero(), v), v, v16_mul(v, below)));
        }
}

static void affine_relu_u8(size_t rows, size_t cols, const float *x, size_t ldx, const float *factor,
                           const float *shift, uint8_t *q, size_t ldq, float *scale) {
    for (size_t r = 0; r < rows; r++) {
        const float *row = x + r * ldx;
        v16f largest = v16_zero();
        for (size_t i = 0; i < cols; i += 16)
            largest = v16_max(so_affine_relu(row, factor, shift, i), largest);
        const struct so_q8_factors f = so_u8_factors(v16_lane_max(largest));
        const v16f inverse = v16_set1(f.inverse);
        for (size_t i = 0; i < cols; i += 16)
            v16i_store_low8(q + r * ldq + i,
                            v16_round_product(so_affine_relu(row, factor, shift, i), inverse, 0.0f));
        scale[r] = f.scale;
    }
}

static float quantize_u8(size_t n, const float *x, float largest, uint8_t *q) {
    const struct so_q8_factors f = so_u8_factors(largest);
    const v16f inverse = v16_set1(f.inverse);
    for (size_t i = 0; i < n; i += 16) {
        const v16f v = v16_min(v16_max(v16_load(x + i), v16_zero()), v16_set1(largest));
        v16i_store_low8(q + i, v16_round_product(v, inverse, 0.0f));
    }
    return f.scale;
}

static void fold_f32(size_t rows, size_t cols, const float *x, size_t step, const float *mirrored,
                     float *even, float *odd) {
    for (size_t r = 0; r < rows; r++)
        for (size_t i = 0; i < cols; i += 16) {
            const v16f a = v16_load(x + r * step + i), b = v16_load(mirrored - r * step + i);
            v16_store(even + r * cols + i, v16_add(a, b));
            v16_store(odd + r * cols + i, v16_sub(a, b));
        }
}

static void column_sums(size_t rows, size_t cols, const float *x, size_t ldx, float *sum) {
    for (size_t i = 0; i < cols; i += 16) {
        v16f total = v16_load(sum + i);
        for (size_t r = 0; r < rows; r++) total = v16_add(total, v16_load(x + r * ldx + i));
        v16_store(sum + i, total);
    }
}

static void column_squares(size_t rows, size_t cols, const float *x, size_t ldx, const float *mean,
                           float *sum) {
    for (size_t i = 0; i < cols; i += 16) {
        const v16f centre = v16_load(mean + i);
        v16f total = v16_load(sum + i);
        for (size_t r = 0; r < rows; r++) {
            const v16f d = v16_sub(v16_load(x + r * ldx + i), centre);
            total = v16_fma(d, d, total);
        }
        v16_store(sum + i, total);
    }
}

static void pool3_f32(size_t rows, size_t cols, const float *x, size_t ldx, float *y, size_t ldy) {
    for (size_t r = 0; r < rows; r++)
        for (size_t i = 0; i < cols; i += 16) {
            const float *p = x + 3 * r * ldx + i;
            v16_store(y + r * ldy + i,
                      v16_max(v16_max(v16_load(p), v16_load(p + ldx)), v16_load(p + 2 * ldx)));
        }
}

static void pool3_abs_f32(size_t rows, size_t cols, const float *x, size_t ldx, float factor,
                          const float *shift, float *y, size_t ldy) {
    const v16f a = v16_set1(factor);
    for (size_t r = 0; r < rows; r++)
        for (size_t i = 0; i < cols; i += 16) {
            const float *p = x + 3 * r * ldx + i;
            const v16f b = v16_load(shift + i);
            const v16f first = v16_abs(v16_fma(v16_load(p), a, b)),
                       second = v16_abs(v16_fma(v16_load(p + ldx), a, b));
            v16_store(y + r * ldy + i,
                      v16_max(v16_max(first, second), v16_abs(v16_fma(v16_load(p + 2 * ldx), a, b))));
        }
}

static void sum3_mul_f32(size_t cols, const float *a, const float *b, const float *c, const float *factor,
                         float *y) {
    for (size_t i = 0; i < cols; i += 16) {
        const v16f sum = v16_add(v16_add(v16_load(a + i), v16_load(b + i)), v16_load(c + i));
        v16_store(y + i, v16_mul(sum, v16_load(factor + i)));
    }
}

static float relu_max_f32(size_t n, float *x) {
    v16f largest = v16_zero();
    for (size_t i = 0; i < n; i += 16) {
        const v16f v = v16_max(v16_load(x + i), v16_zero());
        v16_store(x + i, v);
        largest = v16_max(v, largest);
    }
    return v16_lane_max(largest);
}
