/* What follows an INT8 product: scales, bias, and the next thing to be done with the row. */

/** Columns i .. i+15 of fma((float)acc * a_scale, w_scale, bias). */
SO_INLINE v16f so_dequantised(const int32_t *acc, v16f a_scale, const float *w_scale, const float *bias,
                              size_t i) {
    const v16f t = v16_mul(v16_from_s32(v16i_load(acc + i)), a_scale);
    return v16_fma(t, v16_load(w_scale + i), v16_load(bias + i));
}

static void dequant_f32(size_t rows, size_t cols, const int32_t *acc, size_t lda, const float *a_scale,
                        const float *w_scale, const float *bias, float *y, size_t ldy) {
    for (size_t r = 0; r < rows; r++) {
        const v16f s = v16_set1(a_scale[r]);
        for (size_t i = 0; i < cols; i += 16)
            v16_store(y + r * ldy + i, so_dequantised(acc + r * lda, s, w_scale, bias, i));
    }
}

static void dequant_add_f32(size_t rows, size_t cols, const int32_t *acc, size_t lda, const float *a_scale,
                            const float *w_scale, const float *bias, float *y, size_t ldy) {
    for (size_t r = 0; r < rows; r++) {
        const v16f s = v16_set1(a_scale[r]);
        for (size_t i = 0; i < cols; i += 16) {
            float *p = y + r * ldy + i;
            v16_store(p, v16_add(v16_load(p), so_dequantised(acc + r * lda, s, w_scale, bias, i)));
        }
    }
}

static void dequant_gelu_f32(size_t rows, size_t cols, const int32_t *acc, size_t lda, const float *a_scale,
                             const float *w_scale, const float *bias, float *y, size_t ldy) {
    for (size_t r = 0; r < rows; r++) {
        const v16f s = v16_set1(a_scale[r]);
        for (size_t i = 0; i < cols; i += 16)
            v16_store(y + r * ldy + i, v16_gelu(so_dequantised(acc + r * lda, s, w_scale, bias, i)));
    }
}

static void dequant_gelu_q8(size_t rows, size_t cols, const int32_t *acc, size_t lda, const float *a_scale,
                            const float *w_scale, const float *bias, float *scratch, uint8_t *q, size_t ldq,
                            float *scale) {
    for (size_t r = 0; r < rows; r++) {
        const v16f s = v16_set1(a_scale[r]);
        v16f largest = v16_zero();
        for (size_t i = 0; i < cols; i += 16) {
            const v16f y = v16_gelu(so_dequantised(acc + r * lda, s, w_scale, bias, i));
            largest = v16_max(v16_abs(y), largest);
            v16_store(scratch + i, y);
        }
        scale[r] = so_q8_row(cols, scratch, v16_lane_max(largest), q + r * ldq);
    }
}
