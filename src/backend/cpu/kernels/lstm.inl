/* Elementwise kernels of small recurrent networks. */

/** 1 / (1 + exp(-x)). Beyond |x| = 88 the sum of the denominator stays finite, so nothing overflows. */
SO_INLINE v16f v16_sigmoid(v16f x)
{
    const v16f one = v16_set1(1.0f);
    return v16_div(one, v16_add(one, v16_exp(v16_neg(x))));
}

/** (1 - e) / (1 + e) with e = exp(-2|x|), and the sign of x: the difference is exact where it is small. */
SO_INLINE v16f v16_tanh(v16f x)
{
    const v16f one = v16_set1(1.0f);
    const v16f e = v16_exp_bounded(v16_mul(v16_abs(x), v16_set1(-2.0f)));
    const v16f y = v16_div(v16_sub(one, e), v16_add(one, e));
    const v16i sign = v16i_and(v16_bits(x), v16_bits(v16_set1(-0.0f)));
    return v16_from_bits(v16i_or(v16_bits(y), sign));
}

static void sigmoid_f32(size_t n, float *x)
{
    size_t i = 0;
    for (; i + 16 <= n; i += 16) v16_store(x + i, v16_sigmoid(v16_load(x + i)));
    if (i < n) v16_store_tail(x + i, v16_sigmoid(v16_load_tail(x + i, n - i)), n - i);
}

static void relu_f32(size_t n, float *x)
{
    size_t i = 0;
    for (; i + 16 <= n; i += 16) v16_store(x + i, v16_max(v16_load(x + i), v16_zero()));
    if (i < n) v16_store_tail(x + i, v16_max(v16_load_tail(x + i, n - i), v16_zero()), n - i);
}

static void magnitude_f32(size_t n, const float *re, const float *im, float *y)
{
    size_t i = 0;
    for (; i + 16 <= n; i += 16) {
        const v16f a = v16_load(re + i), b = v16_load(im + i);
        v16_store(y + i, v16_sqrt(v16_fma(a, a, v16_mul(b, b))));
    }
    if (i < n) {
        const v16f a = v16_load_tail(re + i, n - i), b = v16_load_tail(im + i, n - i);
        v16_store_tail(y + i, v16_sqrt(v16_fma(a, a, v16_mul(b, b))), n - i);
    }
}

static void lstm_cell(size_t n, const float *gates, float *c, float *h)
{
    for (size_t j = 0; j < n; j += 16) {
        const v16f in = v16_sigmoid(v16_load(gates + j)), forget = v16_sigmoid(v16_load(gates + n + j));
        const v16f cell = v16_tanh(v16_load(gates + 2 * n + j)), out = v16_sigmoid(v16_load(gates + 3 * n + j));
        const v16f next = v16_fma(forget, v16_load(c + j), v16_mul(in, cell));
        v16_store(c + j, next);
        v16_store(h + j, v16_mul(out, v16_tanh(next)));
    }
}
