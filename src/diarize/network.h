/**
 * The weights of both speaker networks, as the layers read them, and the bytes of the file that holds them.
 *
 * Norms of trained statistics are folded where a product stands before them; where one follows a
 * concatenation it is a factor and a shift for each column. Matrices are packed as backend/cpu/kernels.h
 * says; in an INT8 file those marked "float" stay so.
 */
#ifndef SO_DIARIZE_NETWORK_H
#define SO_DIARIZE_NETWORK_H

#include <stddef.h>
#include <stdint.h>

#include "backend/cpu/kernels.h"
#include "diarize/speakers.h"

/* ---- segmentation ---- */

#define SO_SINC_FILTERS 80
#define SO_SINC_TAPS 251
#define SO_SINC_STRIDE 10
#define SO_SINC_FOLDED 32 /**< even filters, and odd ones, that see samples folded around the middle */
#define SO_SINC_WHOLE 16  /**< that see them as they are: what is left, 8 even and 8 odd */
#define SO_SINC_HALF \
    126                 /**< inputs of an even filter that is folded: 125 sums, and twice the middle sample */
#define SO_CONV_OUT 60  /**< channels of the second and third convolution */
#define SO_CONV_WIDE 64 /**< in memory: whole panels */
#define SO_CONV_TAPS 5
#define SO_LSTM_LAYERS 4
#define SO_LSTM_FINE 1 /**< the layer whose input matrices are fine */
#define SO_LSTM_STATE 128
#define SO_LSTM_GATES (4 * SO_LSTM_STATE)

/**
 * A matrix whose weights matter more than 8 bits say: in an INT8 file what quantisation left over is a second
 * matrix, 8 bits too, and its product is added. rest.n is 0 in a float file, and where one matrix is enough.
 */
struct so_fine_matrix {
    struct so_matrix main, rest; /**< of one shape; the bias is main's */
};

/** One layer of the recurrent network, both directions; gates in the order input, forget, cell, output. */
struct so_lstm_weights {
    struct so_fine_matrix input[2]; /**< n 512, k 64 (first layer) or 256; the bias is the sum of both */
    struct so_matrix recurrent[2];  /**< n 512, k 128; no bias */
};

struct so_segmentation_weights {
    const float *wave;          /**< [2]: factor and shift of the normalised wave form */
    struct so_matrix sinc_even; /**< float, n 32, k 126 */
    struct so_matrix sinc_odd;  /**< float, n 32, k 125 */
    struct so_matrix sinc_rest; /**< float, n 16, k 251 */
    const float *sinc_sum;      /**< [80]: sum of each filter's taps */
    const float *norm[3];       /**< [2][80], [2][64], [2][64]: factor, shift of the three instance norms */
    struct so_matrix conv[2];   /**< float, n 60, k 5*80 and 5*64: [tap][channel] */
    struct so_lstm_weights lstm[SO_LSTM_LAYERS];
    struct so_matrix linear[2];  /**< float, n 128, k 256 and 128 */
    struct so_matrix classifier; /**< float, n 7, k 128 */
};

/* ---- embeddings ---- */

#define SO_HEAD_CHANNELS 32
#define SO_TDNN_IN 320 /**< 10 frequencies of 32 channels */
#define SO_TDNN_TAPS 5
#define SO_DENSE_BLOCKS 3
#define SO_DENSE_MAX_LAYERS 24
#define SO_DENSE_MAX_WIDTH 1024
#define SO_BOTTLENECK 128
#define SO_GROWTH 32
#define SO_LOCAL_TAPS 3
#define SO_GATE 64
#define SO_CONTEXT_FRAMES 100 /**< of a context segment, after the stride of 2 */

/** y = x * factor + shift, column by column; [n] each. */
struct so_affine {
    const float *factor, *shift;
};

/** Two 3x3 convolutions around a shortcut; input index of a convolution: (frequency tap * 3 + time tap) * 32
 * + channel. */
struct so_residual_weights {
    struct so_matrix conv[2];  /**< n 32, k 288 */
    struct so_matrix shortcut; /**< n 32, k 32; n 0: the identity */
};

/** A layer of a dense block: it reads all columns so far and adds 32. */
struct so_dense_weights {
    struct so_affine norm;       /**< [width of the input] */
    struct so_matrix bottleneck; /**< n 128 */
    struct so_matrix local;      /**< n 3*32: output tap*32 + channel, k 128 */
    struct so_matrix gate[2];    /**< float, n 64, k 128 and n 32, k 64 */
};

struct so_embedding_weights {
    struct so_matrix first; /**< float, n 32, k 9: frequency tap * 3 + time tap */
    struct so_residual_weights head[2][2];
    struct so_matrix last; /**< n 32, k 288 */
    struct so_matrix tdnn; /**< n 128, k 5*320: tap * 320 + frequency * 32 + channel */
    struct so_dense_weights dense[SO_DENSE_BLOCKS][SO_DENSE_MAX_LAYERS];
    struct so_affine transit_norm[SO_DENSE_BLOCKS];
    struct so_matrix transit[SO_DENSE_BLOCKS];
    struct so_affine out_norm; /**< [512] */
    struct so_matrix out;      /**< float, n 192, k 1024 */
};

/** Layers of the dense blocks, the dilation of their convolutions, and the columns that they start and end
 * with. */
struct so_dense_shape {
    uint32_t layers, dilation, start, end;
};
extern const struct so_dense_shape so_dense_shapes[SO_DENSE_BLOCKS];

struct so_networks {
    enum so_precision precision;
    struct so_segmentation_weights segmentation;
    struct so_embedding_weights embedding;
};

/* ---- the file ---- */

#define SO_SPEAKERS_MAGIC "SOTTOSPK"
#define SO_SPEAKERS_VERSION 2

/** Little-endian; behind it the arrays of so_networks_place, all of them 64-byte aligned. */
struct so_speakers_header {
    uint8_t magic[8];
    uint32_t version;
    uint32_t byte_order; /**< SO_FILE_BYTE_ORDER */
    uint64_t file_size;
    uint32_t precision; /**< enum so_precision */
    uint32_t reserved;  /**< 0 */
    uint8_t hash[16];   /**< XXH3-128 of everything behind the header */
    uint8_t padding[16];
};
_Static_assert(sizeof(struct so_speakers_header) == 64, "the header is 64 bytes");

/**
 * Set every pointer and size of `networks` as they are in a file of this precision that begins at `file`;
 * returns the file's size. file: NULL to learn the size only (the pointers are then of no use).
 */
size_t so_networks_place(struct so_networks *networks, enum so_precision precision, const void *file);

/** What so_networks_place passed, one array after the other; for checks and for writing. */
enum so_array_kind { SO_ARRAY_F32, SO_ARRAY_S32, SO_ARRAY_S8 };
typedef sotto_status so_array_visitor(void *context, enum so_array_kind kind, const void *array, size_t count,
                                      sotto_error *err);
sotto_status so_networks_visit(const struct so_networks *networks, so_array_visitor *visit, void *context,
                               sotto_error *err);

/** Networks over bytes in memory, 64-byte aligned: size, header, hash, and each value that could do harm are
 * checked. */
sotto_status so_networks_check(const char *path, const void *bytes, uint64_t size, struct so_networks *out,
                               sotto_error *err);

/** The networks of an open file. */
const struct so_networks *so_speakers_networks(const struct so_speakers *speakers);

/**
 * Import a safetensors file of the converted checkpoints (scripts/sotto_fetch/speakers.py) to a .sotto file.
 * SOTTO_ERR_UNSUPPORTED in a build without jansson.
 */
sotto_status so_speakers_import(const char *source, const char *destination, enum so_precision precision,
                                sotto_error *err);

/** Whether this is the file of such tensors, or a folder with one. */
bool so_speakers_recognise(const char *source);

/** As so_model_verify; and whether a file is one of speaker models by its first bytes. */
sotto_status so_speakers_verify(const char *path, sotto_error *err);
bool so_speakers_is_file(const char *path);

#endif
