/* Reductions over a row of logits, and the resampler's inner product. */

static float max_f32(size_t n, const float *x) {
    return so_maximum(n, x);
}

static float sum_exp_f32(size_t n, const float *x, float max) {
    const v16f largest = v16_set1(max);
    v16f sum = v16_zero();
    size_t i = 0;
    for (; i + 16 <= n; i += 16) sum = v16_add(sum, v16_exp(v16_sub(v16_load(x + i), largest)));
    if (i < n) {
        const v16f e = v16_exp(v16_sub(v16_load_tail(x + i, n - i), largest));
        sum = v16_add(sum, v16_select(v16_tail_mask(n - i), e, v16_zero()));
    }
    return v16_lane_sum(sum);
}

static float dot_f32(size_t n, const float *a, const float *b) {
    v16f sum = v16_zero();
    size_t i = 0;
    for (; i + 16 <= n; i += 16) sum = v16_fma(v16_load(a + i), v16_load(b + i), sum);
    if (i < n) sum = v16_fma(v16_load_tail(a + i, n - i), v16_load_tail(b + i, n - i), sum);
    return v16_lane_sum(sum);
}
