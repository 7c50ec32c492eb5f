/* Transposition of 16 x 16 floats: the movement of data between "a row is a vector" and "a lane is a row". */

#if defined(SO_SIMD_AVX512)

SO_INLINE void v16_transpose(v16f r[16])
{
    v16f t[16];
    for (int i = 0; i < 16; i += 4) { /* 4 x 4 blocks of single floats within each 128-bit quarter */
        v16f a = _mm512_unpacklo_ps(r[i], r[i + 1]), b = _mm512_unpackhi_ps(r[i], r[i + 1]);
        v16f c = _mm512_unpacklo_ps(r[i + 2], r[i + 3]), d = _mm512_unpackhi_ps(r[i + 2], r[i + 3]);
        t[i] = _mm512_shuffle_ps(a, c, 0x44);
        t[i + 1] = _mm512_shuffle_ps(a, c, 0xee);
        t[i + 2] = _mm512_shuffle_ps(b, d, 0x44);
        t[i + 3] = _mm512_shuffle_ps(b, d, 0xee);
    }
    for (int i = 0; i < 4; i++) { /* then the quarters themselves */
        v16f a = _mm512_shuffle_f32x4(t[i], t[i + 4], 0x88), b = _mm512_shuffle_f32x4(t[i], t[i + 4], 0xdd);
        v16f c = _mm512_shuffle_f32x4(t[i + 8], t[i + 12], 0x88), d = _mm512_shuffle_f32x4(t[i + 8], t[i + 12], 0xdd);
        r[i] = _mm512_shuffle_f32x4(a, c, 0x88);
        r[i + 4] = _mm512_shuffle_f32x4(b, d, 0x88);
        r[i + 8] = _mm512_shuffle_f32x4(a, c, 0xdd);
        r[i + 12] = _mm512_shuffle_f32x4(b, d, 0xdd);
    }
}

#elif defined(SO_SIMD_AVX2)

SO_INLINE void v16_transpose8(__m256 r[8])
{
    __m256 t[8];
    for (int i = 0; i < 8; i += 4) {
        __m256 a = _mm256_unpacklo_ps(r[i], r[i + 1]), b = _mm256_unpackhi_ps(r[i], r[i + 1]);
        __m256 c = _mm256_unpacklo_ps(r[i + 2], r[i + 3]), d = _mm256_unpackhi_ps(r[i + 2], r[i + 3]);
        t[i] = _mm256_shuffle_ps(a, c, 0x44);
        t[i + 1] = _mm256_shuffle_ps(a, c, 0xee);
        t[i + 2] = _mm256_shuffle_ps(b, d, 0x44);
        t[i + 3] = _mm256_shuffle_ps(b, d, 0xee);
    }
    for (int i = 0; i < 4; i++) {
        r[i] = _mm256_permute2f128_ps(t[i], t[i + 4], 0x20);
        r[i + 4] = _mm256_permute2f128_ps(t[i], t[i + 4], 0x31);
    }
}

SO_INLINE void v16_transpose(v16f r[16])
{
    __m256 q[8], s[8];
    for (int i = 0; i < 8; i++) q[i] = r[i].lo;
    v16_transpose8(q);
    for (int i = 0; i < 8; i++) s[i] = r[i + 8].lo;
    v16_transpose8(s);
    __m256 u[8], w[8];
    for (int i = 0; i < 8; i++) u[i] = r[i].hi;
    v16_transpose8(u);
    for (int i = 0; i < 8; i++) w[i] = r[i + 8].hi;
    v16_transpose8(w);
    for (int i = 0; i < 8; i++) {
        r[i] = v16_pair(q[i], s[i]);
        r[i + 8] = v16_pair(u[i], w[i]);
    }
}

#elif defined(SO_SIMD_NEON)

/** 4 x 4 floats. */
SO_INLINE void v16_transpose4(float32x4_t q[4])
{
    const float32x4_t a = vtrn1q_f32(q[0], q[1]), b = vtrn2q_f32(q[0], q[1]);
    const float32x4_t c = vtrn1q_f32(q[2], q[3]), d = vtrn2q_f32(q[2], q[3]);
    q[0] = vreinterpretq_f32_f64(vtrn1q_f64(vreinterpretq_f64_f32(a), vreinterpretq_f64_f32(c)));
    q[1] = vreinterpretq_f32_f64(vtrn1q_f64(vreinterpretq_f64_f32(b), vreinterpretq_f64_f32(d)));
    q[2] = vreinterpretq_f32_f64(vtrn2q_f64(vreinterpretq_f64_f32(a), vreinterpretq_f64_f32(c)));
    q[3] = vreinterpretq_f32_f64(vtrn2q_f64(vreinterpretq_f64_f32(b), vreinterpretq_f64_f32(d)));
}

SO_INLINE void v16_transpose(v16f r[16])
{
    v16f t[16];
    for (int i = 0; i < 4; i++) /* the block of rows 4i .. and columns 4j .. becomes that of rows 4j .. and columns 4i .. */
        for (int j = 0; j < 4; j++) {
            float32x4_t q[4];
            for (int k = 0; k < 4; k++) q[k] = r[4 * i + k].r[j];
            v16_transpose4(q);
            for (int k = 0; k < 4; k++) t[4 * j + k].r[i] = q[k];
        }
    for (int i = 0; i < 16; i++) r[i] = t[i];
}

#else

SO_INLINE void v16_transpose(v16f r[16])
{
    float rows[16][16], columns[16][16];
    for (int i = 0; i < 16; i++) v16_store(rows[i], r[i]);
    for (int i = 0; i < 16; i++)
        for (int j = 0; j < 16; j++) columns[i][j] = rows[j][i];
    for (int i = 0; i < 16; i++) r[i] = v16_load(columns[i]);
}

#endif
