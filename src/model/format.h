/**
 * The bytes of a .sotto file (docs/model-file.md): little-endian, every structure without holes.
 *
 *   front: header | section table | tensor table | sections | small tensors     hashed and checked when
 * opened data:  packed weights and position tables, in the order they are used       hashed, checked by
 * so_model_verify
 */
#ifndef SO_MODEL_FORMAT_H
#define SO_MODEL_FORMAT_H

#include <stdint.h>

#define SO_FILE_MAGIC "SOTTO\r\n\x1a" /**< 8 bytes; a transfer that changes line ends breaks it */
#define SO_FILE_VERSION 1
#define SO_FILE_BYTE_ORDER 0x01020304u
#define SO_FILE_DATA_ALIGNMENT 4096 /**< of the data; tensors and sections are 64-byte aligned */
#define SO_FILE_HPARAMS 10

struct so_file_header {
    uint8_t magic[8];
    uint32_t version;
    uint32_t byte_order;
    uint64_t file_size;
    uint64_t front_size;    /**< bytes before the data */
    uint8_t front_hash[16]; /**< XXH3-128 (canonical form) of the front, these 16 bytes taken as 0 */
    uint8_t data_hash[16];  /**< XXH3-128 of [front_size, file_size) */
    uint32_t precision;     /**< enum so_precision */
    uint32_t hparams[SO_FILE_HPARAMS]; /**< struct so_hparams in its order */
    uint32_t n_sections;
    uint32_t n_tensors;
    uint32_t reserved;
    uint64_t sections_offset;
    uint64_t tensors_offset;
    char name[64]; /**< UTF-8, padded with NUL */
    uint8_t padding[56];
};

/** Sections in their order in the file. */
enum so_section_kind {
    SO_SECTION_VOCAB_BYTES = 1, /**< the bytes of all text tokens */
    SO_SECTION_VOCAB_OFFSETS,   /**< uint32 [n_text + 1] */
    SO_SECTION_VOCAB_SORTED,    /**< uint32 [n_text] */
    SO_SECTION_SUPPRESS,        /**< int32 [..] */
    SO_SECTION_MEL_FILTERS,     /**< float [n_mels][201] */
    SO_SECTION_ALIGNMENT_HEADS, /**< uint16 [..][2] */
};
#define SO_FILE_SECTIONS 6

struct so_file_section {
    uint32_t kind;
    uint32_t reserved;
    uint64_t offset, size;
};

enum so_dtype {
    SO_DTYPE_F32 = 1,    /**< shape [rows][columns] or [n] */
    SO_DTYPE_S32,        /**< [n] */
    SO_DTYPE_S8_PANELS,  /**< [n][k], packed as backend/cpu/kernels.h says */
    SO_DTYPE_F32_PANELS, /**< [n][k], packed likewise */
    SO_DTYPE_S4_PANELS,  /**< [n][k], packed likewise */
};

struct so_file_tensor {
    char name[48]; /**< padded with NUL */
    uint32_t dtype;
    uint32_t rank;
    uint64_t shape[2];
    uint64_t offset, size;
};

_Static_assert(sizeof(struct so_file_header) == 256, "the header is 256 bytes");
_Static_assert(sizeof(struct so_file_section) == 24, "a section is 24 bytes");
_Static_assert(sizeof(struct so_file_tensor) == 88, "a tensor is 88 bytes");

#endif
