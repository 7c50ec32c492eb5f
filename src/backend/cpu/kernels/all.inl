/*
 * Every kernel that is written once for all levels, and the table of one level. The level's file has defined
 * SO_LEVEL_NAME, SO_LEVEL_TABLE, SO_LEVEL_GEMM_Q8, SO_F32_ROWS and SO_F32_PANELS, and included v16.h.
 */
#include "backend/cpu/simd/math.inl"

#include "backend/cpu/kernels/gemm_q4.inl"
#include "backend/cpu/kernels/quantize.inl"
#include "backend/cpu/kernels/norm.inl"
#include "backend/cpu/kernels/rows.inl"
#include "backend/cpu/kernels/epilogue.inl"
#include "backend/cpu/kernels/softmax.inl"
#include "backend/cpu/kernels/attention.inl"
#include "backend/cpu/kernels/pack.inl"
#include "backend/cpu/kernels/logits.inl"
#include "backend/cpu/kernels/gemm_f32.inl"
#include "backend/cpu/kernels/resample.inl"
#include "backend/cpu/kernels/logmel.inl"
#include "backend/cpu/kernels/fbank.inl"
#include "backend/cpu/kernels/lstm.inl"
#include "backend/cpu/kernels/network.inl"

const struct so_kernels SO_LEVEL_TABLE = {
    .level = SO_LEVEL_NAME,
    .gemm_q8_s32 = SO_LEVEL_GEMM_Q8,
    .gemm_q4_s32 = gemm_q4_s32,
    .gemm_f32 = gemm_f32,
    .quantize_q8 = quantize_q8,
    .layernorm_f32 = layernorm_f32,
    .layernorm_q8 = layernorm_q8,
    .add_f32 = add_f32,
    .gelu_f32 = gelu_f32,
    .dequant_f32 = dequant_f32,
    .dequant_add_f32 = dequant_add_f32,
    .dequant_gelu_f32 = dequant_gelu_f32,
    .dequant_gelu_q8 = dequant_gelu_q8,
    .pack_keys_s8 = pack_keys_s8,
    .pack_values_s8 = pack_values_s8,
    .softmax_q8 = softmax_q8,
    .softmax_s32_f32 = softmax_s32_f32,
    .softmax_f32 = softmax_f32,
    .dequant_values = dequant_values,
    .weighted_sum_s8 = weighted_sum_s8,
    .weighted_sum_f32 = weighted_sum_f32,
    .max_f32 = max_f32,
    .sum_exp_f32 = sum_exp_f32,
    .dot_f32 = dot_f32,
    .dot4_f32 = dot4_f32,
    .logmel16 = logmel16,
    .logmel_scale = logmel_scale,
    .fbank16 = fbank16,
    .relu_f32 = relu_f32,
    .sigmoid_f32 = sigmoid_f32,
    .magnitude_f32 = magnitude_f32,
    .lstm_cell = lstm_cell,
    .affine_leaky_f32 = affine_leaky_f32,
    .affine_relu_u8 = affine_relu_u8,
    .quantize_u8 = quantize_u8,
    .fold_f32 = fold_f32,
    .column_sums = column_sums,
    .column_squares = column_squares,
    .pool3_f32 = pool3_f32,
    .pool3_abs_f32 = pool3_abs_f32,
    .sum3_mul_f32 = sum3_mul_f32,
    .relu_max_f32 = relu_max_f32,
};
