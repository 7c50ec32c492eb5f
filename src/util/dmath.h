/**
 * Elementary functions in double, made of +, -, *, / alone, so that every machine rounds them alike (a C library's differ
 * by CPU). Errors stay below 4 units in the last place: meant for tables and for scores, not for inner loops.
 */
#ifndef SO_UTIL_DMATH_H
#define SO_UTIL_DMATH_H

double so_exp(double x);    /**< e^x; 0 below -745, infinity above 709.78 */
double so_log(double x);    /**< natural logarithm; -infinity at 0, NaN below */
double so_sin_pi(double x); /**< sin(pi x) */
double so_cos_pi(double x); /**< cos(pi x) */

#endif
