/** The few attributes that are worth having where the compiler knows them; plain C11 everywhere else. */
#ifndef SO_UTIL_COMPILER_H
#define SO_UTIL_COMPILER_H

#ifdef __GNUC__
#define SO_PRINTF(format_index, first_argument) __attribute__((format(printf, format_index, first_argument)))
#else
#define SO_PRINTF(format_index, first_argument)
#endif

#define SO_COUNT(array) (sizeof(array) / sizeof((array)[0]))

#endif
