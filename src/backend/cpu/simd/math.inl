/*
 * Elementary functions over v16, by polynomials that scripts/fit_polynomials.py fits. Every step is one
 * rounded operation of v16.h, so all levels give the same bits; nothing here divides or converts.
 */

/* Adding this to |x| < 2^22 rounds x to an integer, ties to even, and leaves it in the low bits of the sum.
 */
#define SO_ROUND_MAGIC 0x1.8p23f
#define SO_ROUND_MAGIC_BITS 0x4b400000u

/** rint(a * b) + offset in the low bits of each lane (upper bits: SO_ROUND_MAGIC_BITS), the product not
 * rounded; |.| < 2^21. */
SO_INLINE v16i v16_round_product(v16f a, v16f b, float offset) {
    return v16_bits(v16_fma(a, b, v16_set1(SO_ROUND_MAGIC + offset)));
}

/** p * 2^n, where z = n + SO_ROUND_MAGIC: an addition to the exponent, p and the result being normal. */
SO_INLINE v16f v16_scale_by_magic(v16f p, v16f z) {
    return v16_from_bits(v16i_add(v16_bits(p), v16i_shl(v16_bits(z), 23)));
}

/** exp(x) for x <= 88, relative error below 1.2e-7, exactly 1 at 0; exactly 0 where x <= -87 or x is a NaN.
 */
SO_INLINE v16f v16_exp_bounded(v16f x) {
    const v16f magic = v16_set1(SO_ROUND_MAGIC);
    const v16f z = v16_fma(x, v16_set1(0x1.715476p+0f), magic);
    const v16f n = v16_sub(z, magic);
    v16f r = v16_fnma(n, v16_set1(0x1.62e43p-1f), x);
    r = v16_fnma(n, v16_set1(-0x1.05c61p-29f), r);
    v16f p = v16_fma(v16_set1(0x1.6d753ap-10f), r, v16_set1(0x1.120b66p-7f));
    p = v16_fma(p, r, v16_set1(0x1.5554b8p-5f));
    p = v16_fma(p, r, v16_set1(0x1.5554dcp-3f));
    p = v16_fma(p, r, v16_set1(0x1p-1f));
    p = v16_fma(p, r, v16_set1(1.0f));
    p = v16_fma(p, r, v16_set1(1.0f));
    return v16_select(v16_less(v16_set1(-87.0f), x), v16_scale_by_magic(p, z), v16_zero());
}

/** exp(x), as above; x above 88 (or a NaN) counts as 88. */
SO_INLINE v16f v16_exp(v16f x) {
    return v16_exp_bounded(v16_min(x, v16_set1(88.0f)));
}

/** 2^y for -126 <= y <= 126, relative error below 2.5e-7. */
SO_INLINE v16f v16_exp2(v16f y) {
    const v16f magic = v16_set1(SO_ROUND_MAGIC);
    const v16f z = v16_add(y, magic);
    const v16f f = v16_sub(y, v16_sub(z, magic));
    v16f p = v16_fma(v16_set1(0x1.5c08e4p-10f), f, v16_set1(0x1.3d0c52p-7f));
    p = v16_fma(p, f, v16_set1(0x1.c6b6e4p-5f));
    p = v16_fma(p, f, v16_set1(0x1.ebf918p-3f));
    p = v16_fma(p, f, v16_set1(0x1.62e428p-1f));
    p = v16_fma(p, f, v16_set1(0x1.000002p+0f));
    return v16_scale_by_magic(p, z);
}

/**
 * gelu(x) = x Phi(x), absolute error below 5e-7. Phi(-a) = 2^-Q(a) with a polynomial Q needs no division, and
 * x Phi(x) = max(x, 0) - |x| Phi(-|x|) no case for the sign. Beyond |x| = 12 the second term stays at 12 *
 * 2^-118.
 */
SO_INLINE v16f v16_gelu(v16f x) {
    const v16f a = v16_min(v16_abs(x), v16_set1(12.0f));
    v16f y = v16_fma(v16_set1(0x1.41ba9cp-16f), a, v16_set1(-0x1.594deep-11f));
    y = v16_fma(y, a, v16_set1(0x1.fc31ccp-8f));
    y = v16_fma(y, a, v16_set1(-0x1.b1e488p-5f));
    y = v16_fma(y, a, v16_set1(-0x1.d613e4p-2f));
    y = v16_fma(y, a, v16_set1(-0x1.26affp+0f));
    y = v16_fma(y, a, v16_set1(-0x1.fffff6p-1f));
    return v16_fnma(a, v16_exp2(y), v16_max(x, v16_zero()));
}

/** log2(x) for positive normal x; error below 2e-7, relative to max(|log2 x|, 1) and near 1 to log2 x itself.
 */
SO_INLINE v16f v16_log2(v16f x) {
    /* Split x = 2^e * m with sqrt(1/2) <= m < sqrt(2), so that log2 m has no cancellation around x = 1. */
    const v16i bits = v16_bits(x);
    const v16i e = v16i_shr(v16i_sub(bits, v16i_set1(0x3f3504f3)), 23);
    const v16f f = v16_sub(v16_from_bits(v16i_sub(bits, v16i_shl(e, 23))), v16_set1(1.0f));
    v16f p = v16_fma(v16_set1(0x1.01b6dap-3f), f, v16_set1(-0x1.a87d0ep-3f));
    p = v16_fma(p, f, v16_set1(0x1.b9c91ap-3f));
    p = v16_fma(p, f, v16_set1(-0x1.e95be6p-3f));
    p = v16_fma(p, f, v16_set1(0x1.26d384p-2f));
    p = v16_fma(p, f, v16_set1(-0x1.715c4ep-2f));
    p = v16_fma(p, f, v16_set1(0x1.ec73d6p-2f));
    p = v16_fma(p, f, v16_set1(-0x1.71547p-1f));
    p = v16_fma(p, f, v16_set1(0x1.715476p+0f));
    return v16_fma(p, f, v16_from_s32(e));
}
