/**
 * Command packets: what the driver reads from a command buffer and hands to the firmware.
 * Word 0 of each packet: state 3..0, extra masks 11..10, count of the words that follow 22..12, opcode 27..23, type 31..28.
 */
#ifndef SO_XDNA_PACKET_H
#define SO_XDNA_PACKET_H

#include <assert.h>
#include <stddef.h>
#include <stdint.h>

enum so_packet_state {
    SO_STATE_NEW = 1,
    SO_STATE_QUEUED = 2,
    SO_STATE_RUNNING = 3,
    SO_STATE_COMPLETED = 4,
    SO_STATE_ERROR = 5,
    SO_STATE_ABORT = 6,
    SO_STATE_SUBMITTED = 7,
    SO_STATE_TIMEOUT = 8,
    SO_STATE_NORESPONSE = 9,
};

enum so_packet_opcode { SO_OPCODE_START_CU = 0, SO_OPCODE_CHAIN = 19 };
enum { SO_PACKET_TYPE_DEFAULT = 0, SO_PACKET_TYPE_CU = 3 };

static inline uint32_t so_packet_header(unsigned opcode, unsigned type, unsigned count) {
    return (uint32_t)SO_STATE_NEW | (uint32_t)count << 12 | (uint32_t)opcode << 23 | (uint32_t)type << 28;
}
static inline unsigned so_packet_state(uint32_t header) { return header & 0xf; }
static inline unsigned so_packet_masks(uint32_t header) { return header >> 10 & 3; }
static inline unsigned so_packet_count(uint32_t header) { return header >> 12 & 0x7ff; }
static inline unsigned so_packet_opcode(uint32_t header) { return header >> 23 & 0x1f; }
static inline unsigned so_packet_type(uint32_t header) { return header >> 28; }

#define SO_CALL_BUFFERS 5    /**< buffer arguments that the register map has room for */
#define SO_CALL_OPCODE 3     /**< "run an instruction stream" */
#define SO_CALL_COUNT 16     /**< words after the header: the mask and the register map */

/** A call of one kernel: header, mask of compute units, register map. 64-bit values lie on 4-byte borders: low word, high word. */
struct so_packet_call {
    uint32_t header;
    uint32_t cu_mask;
    uint32_t opcode[2];                       /**< SO_CALL_OPCODE */
    uint32_t instructions[2];                 /**< device address of the instruction stream */
    uint32_t n_instructions;                  /**< 32-bit words */
    uint32_t buffers[SO_CALL_BUFFERS][2];     /**< device addresses; 0 where not used */
};
static_assert(sizeof(struct so_packet_call) == 4 * (1 + SO_CALL_COUNT), "call");
static_assert(offsetof(struct so_packet_call, instructions) == 8 + 0x08, "instr");
static_assert(offsetof(struct so_packet_call, n_instructions) == 8 + 0x10, "ninstr");
static_assert(offsetof(struct so_packet_call, buffers) == 8 + 0x14, "bo0");

#define SO_COMMAND_BYTES 4096
/** All sub-commands of a chain must fit the driver's 4 KiB buffer, in slots of 68 bytes. */
#define SO_CHAIN_SLOT_BYTES 68
#define SO_CHAIN_MAX (SO_COMMAND_BYTES / SO_CHAIN_SLOT_BYTES)

/** A chain: sub-commands run in order; the header counts 6 words and two for each handle. */
struct so_packet_chain {
    uint32_t header;
    uint32_t command_count;
    uint32_t submit_index; /**< out */
    uint32_t error_index;  /**< out: the sub-command that failed */
    uint32_t reserved[3];
    uint32_t handles[SO_CHAIN_MAX][2];
};
static_assert(offsetof(struct so_packet_chain, handles) == 28, "chain");
static_assert(sizeof(struct so_packet_chain) <= SO_COMMAND_BYTES, "chain");
static_assert(SO_CHAIN_MAX == 60, "chain");

#endif
