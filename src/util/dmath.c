#include "util/dmath.h"

#include <math.h>
#include <stdint.h>
#include <string.h>

#define LN2_HIGH 0x1.62e42fee00000p-1 /* ln 2 with 33 bits: its product with a small integer is exact */
#define LN2_LOW 0x1.a39ef35793c76p-33
#define PI 0x1.921fb54442d18p+1

static double power_of_two(int exponent) {
    uint64_t bits = (uint64_t)(exponent + 1023) << 52;
    double value;
    memcpy(&value, &bits, sizeof value);
    return value;
}

double so_exp(double x) {
    if (x != x) return x;
    if (x > 709.782712893384) return HUGE_VAL;
    if (x < -745.2) return 0.0;
    double t = x * (1.0 / 0.693147180559945309417);
    int n = (int)(t < 0 ? t - 0.5 : t + 0.5);
    double r = (x - n * LN2_HIGH) - n * LN2_LOW;
    /* Taylor series of e^r, |r| <= 0.35: the term r^14/14! is below 2^-57. */
    double sum = 1.0;
    for (int k = 14; k >= 1; k--) sum = 1.0 + sum * r / k;
    /* In two steps, so that results below the smallest normal number round once, at the end. */
    int half = n / 2;
    return sum * power_of_two(half) * power_of_two(n - half);
}

double so_log(double x) {
    if (x != x || x < 0) return NAN;
    if (x == 0) return -HUGE_VAL;
    if (x == HUGE_VAL) return x;
    int exponent = 0;
    if (x < 0x1p-1022) {
        x *= 0x1p54;
        exponent = -54;
    }
    uint64_t bits;
    memcpy(&bits, &x, sizeof bits);
    exponent += (int)(bits >> 52) - 1023;
    bits = (bits & 0xfffffffffffffULL) | 0x3ff0000000000000ULL;
    double m;
    memcpy(&m, &bits, sizeof m);
    if (m > 1.4142135623730951) {
        m *= 0.5;
        exponent++;
    }
    /* log m = 2 artanh f, f = (m-1)/(m+1), |f| < 0.172: f^25 / 25 is below 2^-66. */
    double f = (m - 1.0) / (m + 1.0), square = f * f, sum = 0.0;
    for (int k = 23; k >= 3; k -= 2) sum = (sum + 1.0 / k) * square;
    return exponent * LN2_HIGH + (2.0 * f + (2.0 * f * sum + exponent * LN2_LOW));
}

/* Taylor series for |x| <= pi/4. */
static double sin_series(double x) {
    double square = x * x, sum = 0.0;
    for (int k = 19; k >= 3; k -= 2) sum = (1.0 + sum) * (-square / (k * (k - 1.0)));
    return x + x * sum;
}

static double cos_series(double x) {
    double square = x * x, sum = 0.0;
    for (int k = 20; k >= 2; k -= 2) sum = (1.0 + sum) * (-square / (k * (k - 1.0)));
    return 1.0 + sum;
}

double so_sin_pi(double x) {
    double whole = x - 2.0 * floor(x * 0.5); /* exact: [0, 2) */
    int quadrant = (int)(whole * 2.0 + 0.5); /* 0..4 */
    double rest = (whole - quadrant * 0.5) * PI;
    switch (quadrant & 3) {
    case 0: return sin_series(rest);
    case 1: return cos_series(rest);
    case 2: return -sin_series(rest);
    default: return -cos_series(rest);
    }
}

double so_cos_pi(double x) {
    double whole = x - 2.0 * floor(x * 0.5);
    int quadrant = (int)(whole * 2.0 + 0.5);
    double rest = (whole - quadrant * 0.5) * PI;
    switch (quadrant & 3) {
    case 0: return cos_series(rest);
    case 1: return -sin_series(rest);
    case 2: return -cos_series(rest);
    default: return sin_series(rest);
    }
}
