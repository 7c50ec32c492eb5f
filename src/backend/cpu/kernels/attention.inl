/* Attention's products with values: the epilogue of the batched form, and the form for one query. */

static void dequant_values(size_t d, const int32_t *acc, const float *v_scale, float factor, float *y) {
    for (size_t i = 0; i < d; i += 16) {
        const v16f s = v16_mul(v16_load(v_scale + i), v16_set1(factor));
        v16_store(y + i, v16_mul(v16_from_s32(v16i_load(acc + i)), s));
    }
}

static void weighted_sum_s8(size_t n, size_t d, const float *w, const int8_t *v, size_t ldv, float factor,
                            float *y) {
    size_t i = 0;
    for (; i + 64 <= d; i += 64) {
        v16f y0 = v16_zero(), y1 = v16_zero(), y2 = v16_zero(), y3 = v16_zero();
        for (size_t j = 0; j < n; j++) {
            const v16f wj = v16_set1(w[j]);
            const int8_t *row = v + j * ldv + i;
            y0 = v16_fma(wj, v16_from_s32(v16i_load_s8(row)), y0);
            y1 = v16_fma(wj, v16_from_s32(v16i_load_s8(row + 16)), y1);
            y2 = v16_fma(wj, v16_from_s32(v16i_load_s8(row + 32)), y2);
            y3 = v16_fma(wj, v16_from_s32(v16i_load_s8(row + 48)), y3);
        }
        v16_store(y + i, v16_mul(y0, v16_set1(factor)));
        v16_store(y + i + 16, v16_mul(y1, v16_set1(factor)));
        v16_store(y + i + 32, v16_mul(y2, v16_set1(factor)));
        v16_store(y + i + 48, v16_mul(y3, v16_set1(factor)));
    }
    for (; i < d; i += 16) {
        v16f sum = v16_zero();
        for (size_t j = 0; j < n; j++)
            sum = v16_fma(v16_set1(w[j]), v16_from_s32(v16i_load_s8(v + j * ldv + i)), sum);
        v16_store(y + i, v16_mul(sum, v16_set1(factor)));
    }
}

static void weighted_sum_f32(size_t n, size_t d, const float *w, const float *v, size_t ldv, float factor,
                             float *y) {
    size_t i = 0;
    for (; i + 64 <= d; i += 64) {
        v16f y0 = v16_zero(), y1 = v16_zero(), y2 = v16_zero(), y3 = v16_zero();
        for (size_t j = 0; j < n; j++) {
            const v16f wj = v16_set1(w[j]);
            const float *row = v + j * ldv + i;
            y0 = v16_fma(wj, v16_load(row), y0);
            y1 = v16_fma(wj, v16_load(row + 16), y1);
            y2 = v16_fma(wj, v16_load(row + 32), y2);
            y3 = v16_fma(wj, v16_load(row + 48), y3);
        }
        v16_store(y + i, v16_mul(y0, v16_set1(factor)));
        v16_store(y + i + 16, v16_mul(y1, v16_set1(factor)));
        v16_store(y + i + 32, v16_mul(y2, v16_set1(factor)));
        v16_store(y + i + 48, v16_mul(y3, v16_set1(factor)));
    }
    for (; i < d; i += 16) {
        v16f sum = v16_zero();
        for (size_t j = 0; j < n; j++) sum = v16_fma(v16_set1(w[j]), v16_load(v + j * ldv + i), sum);
        v16_store(y + i, v16_mul(sum, v16_set1(factor)));
    }
}
