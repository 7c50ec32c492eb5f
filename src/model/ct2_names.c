#include "model/ct2_names.h"

static const struct so_suffix linear[] = {{"/weight", SO_PART_WEIGHT}, {"/bias", SO_PART_BIAS}, {NULL, 0}};
static const struct so_suffix norm[] = {{"/gamma", SO_PART_GAMMA}, {"/beta", SO_PART_BETA}, {NULL, 0}};
static const struct so_suffix positions[] = {{"/encodings", SO_PART_WEIGHT}, {NULL, 0}};

const struct so_name_rule so_ct2_rules[] = {
    {"encoder/conv1", "encoder.conv1", linear, 0},
    {"encoder/conv2", "encoder.conv2", linear, 0},
    {"encoder/position_encodings", "encoder.positions", positions, 0},
    {"encoder/layer_#/self_attention/layer_norm", "encoder.#.attn_norm", norm, 0},
    {"encoder/layer_#/self_attention/linear_0", "encoder.#.qkv", linear, 0},
    {"encoder/layer_#/self_attention/linear_1", "encoder.#.out", linear, 0},
    {"encoder/layer_#/ffn/layer_norm", "encoder.#.mlp_norm", norm, 0},
    {"encoder/layer_#/ffn/linear_0", "encoder.#.fc1", linear, 0},
    {"encoder/layer_#/ffn/linear_1", "encoder.#.fc2", linear, 0},
    {"encoder/layer_norm", "encoder.norm", norm, 0},
    {"decoder/embeddings", "decoder.embedding", linear, 0},
    {"decoder/position_encodings", "decoder.positions", positions, 0},
    {"decoder/layer_#/self_attention/layer_norm", "decoder.#.attn_norm", norm, 0},
    {"decoder/layer_#/self_attention/linear_0", "decoder.#.qkv", linear, 0},
    {"decoder/layer_#/self_attention/linear_1", "decoder.#.out", linear, 0},
    {"decoder/layer_#/attention/layer_norm", "decoder.#.cross_norm", norm, 0},
    {"decoder/layer_#/attention/linear_0", "decoder.#.cross_q", linear, 0},
    {"decoder/layer_#/attention/linear_1", "decoder.#.cross_kv", linear, 0},
    {"decoder/layer_#/attention/linear_2", "decoder.#.cross_out", linear, 0},
    {"decoder/layer_#/ffn/layer_norm", "decoder.#.mlp_norm", norm, 0},
    {"decoder/layer_#/ffn/linear_0", "decoder.#.fc1", linear, 0},
    {"decoder/layer_#/ffn/linear_1", "decoder.#.fc2", linear, 0},
    {"decoder/layer_norm", "decoder.norm", norm, 0},
    {NULL, NULL, NULL, 0},
};

const struct so_ct2_flag so_ct2_flags[] = {
    {"pre_norm", 1},
    {"activation", 3}, /* GELU with erf */
    {NULL, 0},
};

/* Of a single layer's attention to return, and of the form of ALiBi, which is off. */
const char *const so_ct2_ignored[] = {"alignment_heads", "alignment_layer", "alibi_use_positive_positions",
                                      NULL};
