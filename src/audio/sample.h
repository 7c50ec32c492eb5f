/** Samples of any format to mono floats: conversion and mixing, in a fixed order. */
#ifndef SO_AUDIO_SAMPLE_H
#define SO_AUDIO_SAMPLE_H

#include <stddef.h>
#include <stdint.h>

/** Native-endian unless the name says little-endian; planes need no alignment. */
enum so_sample_format {
    SO_SAMPLE_U8,
    SO_SAMPLE_S16,
    SO_SAMPLE_S24LE, /**< 3 bytes */
    SO_SAMPLE_S32,
    SO_SAMPLE_S64,
    SO_SAMPLE_F32,
    SO_SAMPLE_F64,
};

/** Finite floats beyond this are clamped to it, so that no power spectrum overflows; full scale is 1. */
#define SO_SAMPLE_LIMIT 1e6f

size_t so_sample_bytes(enum so_sample_format format);

/**
 * `n` sample frames to mono[n]. Channel c of frame i is at planes[c] + i * step bytes. Integers are scaled to
 * [-1, 1); NaN and infinities become 0. channel -1: the mean of all, summed in rising order and multiplied by
 * 1/channels; else that channel (the last one if there are fewer).
 */
void so_sample_mix(enum so_sample_format format, const uint8_t *const *planes, size_t channels, size_t step,
                   int channel, size_t n, float *mono);

#endif
