#!/usr/bin/env python3
"""Fits the polynomials of src/backend/cpu/simd/math.inl and prints their float32 coefficients.

Remez exchange on a dense grid, in 60 digits: find P of the given degree with the smallest maximum of |weight * (P - f)|.
The coefficients are then rounded to float32. Needs mpmath and numpy. Run: python3 scripts/fit_polynomials.py
"""
import mpmath as mp
import numpy as np

mp.mp.dps = 60


def remez(f, weight, low, high, degree, grid=2000, rounds=30):
    """Coefficients c[0..degree] of the weighted minimax polynomial of f on [low, high], and its largest error."""
    low, high = mp.mpf(low), mp.mpf(high)
    n = degree + 2
    nodes = [(low + high) / 2 + (high - low) / 2 * mp.cos(mp.pi * (n - 1 - i) / (n - 1)) for i in range(n)]
    points = [(low + high) / 2 - (high - low) / 2 * mp.cos(mp.pi * i / grid) for i in range(grid + 1)]
    values = [f(x) for x in points]
    weights = [weight(x) for x in points]
    for _ in range(rounds):
        matrix = mp.matrix(n, n)
        right = mp.matrix(n, 1)
        for i, x in enumerate(nodes):
            for j in range(degree + 1):
                matrix[i, j] = x ** j
            matrix[i, degree + 1] = (-1) ** i / weight(x)
            right[i] = f(x)
        solution = mp.lu_solve(matrix, right)
        coefficients = [solution[j] for j in range(degree + 1)]
        errors = [w * (mp.polyval(coefficients[::-1], x) - v) for x, v, w in zip(points, values, weights)]
        # One extremum for each run of equal sign, then the n best neighbours.
        extrema = []
        for x, e in zip(points, errors):
            if extrema and (extrema[-1][1] > 0) == (e > 0):
                if abs(e) > abs(extrema[-1][1]):
                    extrema[-1] = (x, e)
            else:
                extrema.append((x, e))
        while len(extrema) > n:
            extrema.pop(0 if abs(extrema[0][1]) < abs(extrema[-1][1]) else -1)
        if len(extrema) < n:
            break
        nodes = [x for x, _ in extrema]
        largest = max(abs(e) for _, e in extrema)
        if largest - min(abs(e) for _, e in extrema) < largest * mp.mpf("1e-6"):
            break
    return coefficients, max(abs(e) for e in errors)


def short_hex(c):
    """The float32 nearest to c as a C literal without needless zeros."""
    digits, exponent = float(np.float32(float(c))).hex().split("p")
    return digits.rstrip("0").rstrip(".") + "p" + exponent


def show(name, coefficients, error):
    print(f"{name}  (largest error {mp.nstr(error, 3)})")
    for i, c in enumerate(coefficients):
        print(f"    c{i} = {short_hex(c)}f  /* {mp.nstr(c, 9)} */")


def main():
    ln2 = mp.log(2)
    one = mp.mpf(1)

    # The first two coefficients stay exactly 1, so that exp(0) is exactly 1.
    c, e = remez(lambda r: (mp.expm1(r) - r) / r ** 2 if abs(r) > mp.mpf(10) ** -15 else one / 2 + r / 6,
                 lambda r: one, -ln2 / 2, ln2 / 2, 4)
    show("exp: P of exp(r) = 1 + r + r^2 P(r), |r| <= ln2 / 2", c, e)

    c, e = remez(lambda f: mp.power(2, f), lambda f: mp.power(2, -f), -one / 2, one / 2, 5)
    show("exp2: P of 2^f = P(f), |f| <= 1/2, relative", c, e)

    c, e = remez(lambda u: 255 * mp.power(2, u - 1), lambda u: mp.power(2, 1 - u) / 255, one, 2 * one, 4)
    show("softmax: P of 255 * 2^(u - 1) = P(u), 1 <= u <= 2, relative", c, e)

    c, e = remez(lambda f: mp.log(1 + f) / ln2 / f if f else 1 / ln2,
                 lambda f: f / (mp.log(1 + f) / ln2) if f else ln2, mp.sqrt(one / 2) - 1, mp.sqrt(2) - 1, 8)
    show("log2: P of log2(1 + f) = f P(f), sqrt(1/2) <= 1 + f <= sqrt(2), relative", c, e)

    # Weighted by Phi(-a) ln2, so that the error is that of Phi itself.
    def tail(a):
        return mp.erfc(a / mp.sqrt(2)) / 2

    c, e = remez(lambda a: -mp.log(tail(a)) / ln2, lambda a: tail(a) * ln2, mp.mpf(0), mp.mpf(12), 6, grid=1000)
    show("gelu: Q of Phi(-a) = 2^-Q(a), 0 <= a <= 12, absolute in Phi", c, e)
    print(f"    Q(12) = {mp.nstr(mp.polyval(c[::-1], 12), 6)}")


if __name__ == "__main__":
    main()
