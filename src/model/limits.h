/** Named limits of a model file and of what is imported: anything above them is refused before memory is
 * asked for. */
#ifndef SO_MODEL_LIMITS_H
#define SO_MODEL_LIMITS_H

#include "model/model.h"

#define SO_HEAD_SIZE 64
#define SO_MAX_STATE 2048 /**< channels; Whisper large has 1280 */
#define SO_MAX_LAYERS 64  /**< of the encoder, and of the decoder; Whisper large has 32 */
#define SO_AUDIO_CTX 1500 /**< positions of 20 ms in a 30 s window */
#define SO_TEXT_CTX 448
#define SO_MAX_TOKEN_BYTES 1024          /**< of one text token */
#define SO_MAX_VOCAB_BYTES (8u << 20)    /**< of all text tokens together */
#define SO_MAX_JSON_BYTES (16u << 20)    /**< of a JSON file that is read whole */
#define SO_MAX_SOURCE_TENSORS 8192       /**< of a file to import */
#define SO_MAX_SOURCE_FILES 64           /**< that one source may lie in */
#define SO_MAX_TENSOR_BYTES (4ull << 30) /**< of one tensor of a file to import */

#define SO_MAX_ONNX_NODES 200000           /**< of a graph; those of Whisper large have some 6,000 */
#define SO_MAX_PROTOBUF_BYTES (2ull << 30) /**< of a file that is read by protobuf: its own limit */

/** Whether these are sizes of a Whisper model within the limits; SOTTO_ERR_MODEL naming the first that is
 * not. */
sotto_status so_hparams_check(const struct so_hparams *hp, sotto_error *err);

/** Whether a model's name can be stored: 1 to 63 bytes, none of them a control character or '/'. */
bool so_model_name_valid(const char *name);

#endif
