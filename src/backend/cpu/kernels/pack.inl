/* Keys and values of attention to s8 panels (see kernels.h for the layout). */

/**
 * -128 times the sum of `count` results of v16_round_product, from the sum of their bits: the constant part
 * goes off modulo 2^32. Unsigned, since the sum over a NaN may be anything.
 */
SO_INLINE int32_t so_bsum(int32_t bits, size_t count) {
    return (int32_t)(0u - 128u * ((uint32_t)bits - (uint32_t)count * SO_ROUND_MAGIC_BITS));
}

static void pack_keys_s8(size_t rows, size_t d, const float *x, size_t ldx, int8_t *panels, int32_t *bsum,
                         float *scale) {
    const size_t groups = d / 4; /* of four channels, one 32-bit word of a panel each */
    for (size_t r = 0; r < rows; r++) {
        const float *row = x + r * ldx;
        int8_t *column = panels + r / 16 * groups * 64 + r % 16 * 4;
        const struct so_q8_factors f = so_q8_factors(so_largest(d, row));
        v16i sum = v16i_zero();
        for (size_t i = 0; i < d; i += 16) {
            const v16i q = v16_round_product(v16_load(row + i), v16_set1(f.inverse), 0.0f);
            int8_t bytes[16];
            v16i_store_low8(bytes, q);
            for (size_t g = 0; g < 4; g++) memcpy(column + (i / 4 + g) * 64, bytes + 4 * g, 4);
            sum = v16i_add(sum, q);
        }
        bsum[r] = so_bsum(v16i_lane_sum(sum), d);
        scale[r] = f.scale;
    }
    for (size_t r = rows; r % 16; r++) {
        int8_t *column = panels + r / 16 * groups * 64 + r % 16 * 4;
        for (size_t g = 0; g < groups; g++) memset(column + g * 64, 0, 4);
        bsum[r] = 0;
        scale[r] = 0.0f;
    }
}

/** The panel of 16 channels from x on. */
SO_INLINE void so_pack_value_panel(size_t rows, const float *x, size_t ldx, int8_t *panel, int32_t *bsum,
                                   float *scale) {
    v16f largest = v16_zero();
    for (size_t r = 0; r < rows; r++) largest = v16_max(v16_abs(v16_load(x + r * ldx)), largest);
    /* so_q8_factors for each lane. */
    const v16m zero = v16_less(largest, v16_set1(SO_Q8_SMALLEST));
    const v16f inverse = v16_select(zero, v16_zero(), v16_div(v16_set1(127.0f), largest));
    v16_store(scale, v16_select(zero, v16_zero(), v16_div(largest, v16_set1(127.0f))));

    const v16i low = v16i_set1(255);
    v16i sum = v16i_zero();
    for (size_t r = 0; r < rows; r += 4) {
        v16i word = v16i_zero();
        for (size_t i = 0; i < 4 && r + i < rows; i++) {
            const v16i q = v16_round_product(v16_load(x + (r + i) * ldx), inverse, 0.0f);
            word = v16i_or(word, v16i_shl(v16i_and(q, low), 8 * (int)i));
            sum = v16i_add(sum, q);
        }
        int32_t words[16];
        v16i_store(words, word);
        memcpy(panel + r / 4 * 64, words, 64);
    }
    int32_t sums[16];
    v16i_store(sums, sum);
    for (size_t i = 0; i < 16; i++) bsum[i] = so_bsum(sums[i], rows);
}

static void pack_values_s8(size_t rows, size_t d, const float *x, size_t ldx, int8_t *panels, int32_t *bsum,
                           float *scale) {
    const size_t groups = (rows + 3) / 4;
    for (size_t c = 0; c < d; c += 16)
        so_pack_value_panel(rows, x + c, ldx, panels + c / 16 * groups * 64, bsum + c, scale + c);
}
