/* Four inner products side by side: one alone waits for its own chain of sums. */

static void dot4_f32(size_t n, const float *const a[4], const float *const b[4], float y[4])
{
    v16f s0 = v16_zero(), s1 = v16_zero(), s2 = v16_zero(), s3 = v16_zero();
    for (size_t i = 0; i < n; i += 16) {
        s0 = v16_fma(v16_load(a[0] + i), v16_load(b[0] + i), s0);
        s1 = v16_fma(v16_load(a[1] + i), v16_load(b[1] + i), s1);
        s2 = v16_fma(v16_load(a[2] + i), v16_load(b[2] + i), s2);
        s3 = v16_fma(v16_load(a[3] + i), v16_load(b[3] + i), s3);
    }
    y[0] = v16_lane_sum(s0);
    y[1] = v16_lane_sum(s1);
    y[2] = v16_lane_sum(s2);
    y[3] = v16_lane_sum(s3);
}
