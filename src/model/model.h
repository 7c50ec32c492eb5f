/**
 * A model in memory: hyper-parameters, views of packed weights inside the mapped file, and the vocabulary.
 * Everything is read-only and may be shared by threads. Opened by model/file.c, which checks each offset, size and
 * shape against the file and against what the hyper-parameters demand before any of these pointers exist.
 */
#ifndef SO_MODEL_MODEL_H
#define SO_MODEL_MODEL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "model/vocab.h"
#include "util/error.h"

/** INT4 is one of matrices only: a model of INT4 layers computes with INT8 activations, and is of precision SO_INT8 with `int4` set. */
enum so_precision { SO_INT8 = 0, SO_F32 = 1, SO_INT4 = 2 };

/** Whisper's sizes (Radford et al. 2022, table 1). The head size is state / head and must be 64. */
struct so_hparams {
    uint32_t n_mels;        /**< 80 or 128 */
    uint32_t n_audio_ctx;   /**< 1500 positions of 20 ms */
    uint32_t n_audio_state; /**< channels; a multiple of 64 */
    uint32_t n_audio_head, n_audio_layer;
    uint32_t n_text_ctx; /**< 448 tokens */
    uint32_t n_text_state, n_text_head, n_text_layer;
    uint32_t n_vocab; /**< 51864 (English), 51865 or 51866 (multilingual) */
};

/** y[n] = W[n][k] x[k] + bias[n]: one linear layer, packed as backend/cpu/kernels.h says. */
struct so_matrix {
    uint32_t n, k;
    enum so_precision precision;
    const int8_t *q;      /**< INT8: s8 panels; INT4: s4 panels, as bytes */
    const int32_t *bsum;  /**< INT8: [16*ceil(n/16)] */
    const float *scale;   /**< INT8: [16*ceil(n/16)], per output channel, 0 past n */
    const float *f;       /**< F32: float panels */
    const float *bias;    /**< [16*ceil(n/16)], 0 past n and where the layer has none */
};

struct so_norm {
    const float *gamma, *beta; /**< [state] */
};

struct so_encoder_layer {
    struct so_norm attn_norm;
    struct so_matrix qkv; /**< n = 3*state: queries, keys, values; the keys' bias is 0 */
    struct so_matrix out;
    struct so_norm mlp_norm;
    struct so_matrix fc1, fc2; /**< state -> 4*state -> state */
};

struct so_decoder_layer {
    struct so_norm attn_norm;
    struct so_matrix qkv, out;
    struct so_norm cross_norm;
    struct so_matrix cross_q;
    struct so_matrix cross_kv; /**< n = 2*state, input: encoder states */
    struct so_matrix cross_out;
    struct so_norm mlp_norm;
    struct so_matrix fc1, fc2;
};

struct so_model {
    char name[64];
    enum so_precision precision;
    bool int4; /**< the layers' matrices are INT4; the second convolution and the embedding are INT8 */
    struct so_hparams hp;
    struct so_vocab vocab;

    const float *mel_filters; /**< [n_mels][201], OpenAI's (librosa's Slaney scale and norm) */
    struct so_matrix conv1;   /**< always F32: n = audio_state, k = 3*n_mels, input index tap*n_mels + mel */
    struct so_matrix conv2;   /**< n = audio_state, k = 3*audio_state, input index tap*state + channel; stride 2 */
    const float *audio_positions; /**< [n_audio_ctx][n_audio_state] */
    const struct so_encoder_layer *encoder; /**< [n_audio_layer] */
    struct so_norm encoder_norm;

    struct so_matrix token_embedding; /**< n = n_vocab, k = text_state: input embedding and, transposed, the logits */
    const float *text_positions;      /**< [n_text_ctx][n_text_state] */
    const struct so_decoder_layer *decoder; /**< [n_text_layer] */
    struct so_norm decoder_norm;

    const uint16_t *alignment_heads; /**< [n_alignment_heads][2]: layer, head; for word times */
    size_t n_alignment_heads;

    void *owner; /**< the mapping and the layer tables; private to model/file.c */
};

/** Map and check a .sotto file. */
sotto_status so_model_map(const char *path, struct so_model **out, sotto_error *err);
void so_model_unmap(struct so_model *model);

/** Read the whole file and compare it with its hash. */
sotto_status so_model_verify(const char *path, sotto_error *err);

/**
 * The path of a model: `name_or_path` itself if it contains '/' or ends in ".sotto", otherwise NAME.sotto (NAME.f32.sotto
 * for SO_F32) in the model folder. Writes at most `size` bytes, NUL-terminated.
 */
sotto_status so_model_path(const char *name_or_path, enum so_precision precision, char *path, size_t size, sotto_error *err);

/** The model folder: $SOTTO_MODELS, $XDG_CACHE_HOME/sotto or ~/.cache/sotto. */
sotto_status so_model_folder(char *path, size_t size, sotto_error *err);

#endif
