#!/usr/bin/env python3
"""The array design that sotto's `gemm` streams assume, for mlir-aie. UNTESTED ON SILICON: nothing here has run on an NPU.

Prints MLIR. One configuration serves every shape: the number of K tiles and of C tiles of a product are run-time parameters
in each core's memory, and the shim tiles' transfers are written by src/backend/xdna/gemm_stream.c, so the runtime sequence here
is empty. docs/npu.md explains the design; src/backend/xdna/array.h holds the same constants.
"""
from aie.dialects.aie import *
from aie.dialects.aiex import runtime_sequence
from aie.dialects import arith, memref, scf
from aie.extras.context import mlir_mod_ctx
from aie.extras import types as T
from aie.helpers.dialects.ext.scf import _for as range_
import numpy as np

M, K, N = 64, 64, 64  # SO_TILE_M, SO_TILE_K, SO_TILE_N
R, S, C = 4, 8, 8     # the multiply instruction: 4 x 8 by 8 x 8
COLUMNS, ROWS = 4, 4  # of cores
PARAMETERS = 0x400    # SO_CORE_PARAMETERS: word 0 the K tiles, word 1 the C tiles
START_LOCK = 15       # SO_CORE_START_LOCK
FOREVER = 0x7FFFFFFF

A_TILE = np.ndarray[(M, K), np.dtype[np.int8]]
B_TILE = np.ndarray[(K, N), np.dtype[np.int8]]
C_TILE = np.ndarray[(M, N), np.dtype[np.int32]]
C_BLOCK = np.ndarray[(ROWS * M, N), np.dtype[np.int32]]
WORDS = np.ndarray[(2,), np.dtype[np.int32]]


def design():
    @device(AIEDevice.npu1)
    def body():
        zero = external_func("gemm_zero", inputs=[C_TILE])
        multiply = external_func("gemm_tile", inputs=[A_TILE, B_TILE, C_TILE])
        shim = [tile(column, 0) for column in range(COLUMNS)]
        memory = [tile(column, 1) for column in range(COLUMNS)]
        core_tile = [[tile(column, 2 + row) for column in range(COLUMNS)] for row in range(ROWS)]

        # A: column r's shim brings the tiles of core row r, which all its cores hear. Row by row in memory; the memory tile
        # sends blocks of 4 x 8. It is made before B, so that it takes the shim's first channel and B the second.
        a_in, a_out = [], []
        for row in range(ROWS):
            a_in.append(object_fifo(f"a_in{row}", shim[row], memory[row], 2, A_TILE))
            blocks = [(M // R, R * K), (K // S, S), (R, K), (S, 1)]
            a_out.append(object_fifo(f"a_out{row}", memory[row], core_tile[row], 2, A_TILE, blocks))
            object_fifo_link(a_in[row], a_out[row])

        # B: lies in memory as the instruction reads it; column c's tiles, heard by its four cores.
        b_in, b_out = [], []
        for column in range(COLUMNS):
            b_in.append(object_fifo(f"b_in{column}", shim[column], memory[column], 2, B_TILE))
            cores = [core_tile[row][column] for row in range(ROWS)]
            b_out.append(object_fifo(f"b_out{column}", memory[column], cores, 2, B_TILE))
            object_fifo_link(b_in[column], b_out[column])

        # C: four cores' tiles stand one above the other, and leave row by row.
        c_in, c_out = [[None] * COLUMNS for _ in range(ROWS)], []
        for column in range(COLUMNS):
            for row in range(ROWS):
                c_in[row][column] = object_fifo(f"c_in{row}{column}", core_tile[row][column], memory[column], 2, C_TILE)
            rows = [(ROWS * M // R, R * N), (R, C), (N // C, R * C), (C, 1)]
            c_out.append(object_fifo(f"c_out{column}", memory[column], shim[column], 2, C_BLOCK, rows))
            sources = [c_in[row][column] for row in range(ROWS)]
            object_fifo_link(sources, c_out[column], [row * M * N for row in range(ROWS)], [])

        for row in range(ROWS):
            for column in range(COLUMNS):
                here = core_tile[row][column]
                parameters = buffer(here, WORDS, f"parameters{row}{column}", address=PARAMETERS)
                start = lock(here, lock_id=START_LOCK, init=0, sym_name=f"start{row}{column}")

                @core(here, "gemm_core.o", stack_size=0x400)
                def program():
                    for _ in range_(FOREVER):
                        use_lock(start, LockAction.AcquireGreaterEqual, value=1)
                        k_tiles = arith.index_cast(T.index(), memref.load(parameters, [arith.constant(T.index(), 0)]))
                        c_tiles = arith.index_cast(T.index(), memref.load(parameters, [arith.constant(T.index(), 1)]))
                        for _ in range_(c_tiles):
                            c = c_in[row][column].acquire(ObjectFifoPort.Produce, 1)
                            zero(c)
                            for _ in range_(k_tiles):
                                a = a_out[row].acquire(ObjectFifoPort.Consume, 1)
                                b = b_out[column].acquire(ObjectFifoPort.Consume, 1)
                                multiply(a, b, c)
                                a_out[row].release(ObjectFifoPort.Consume, 1)
                                b_out[column].release(ObjectFifoPort.Consume, 1)
                            c_in[row][column].release(ObjectFifoPort.Produce, 1)

        any_bytes = np.ndarray[(M * K,), np.dtype[np.int8]]
        any_words = np.ndarray[(M * N,), np.dtype[np.int32]]

        @runtime_sequence(any_bytes, any_bytes, any_words)
        def sequence(a, b, c):
            pass  # sotto writes the streams


with mlir_mod_ctx() as context:
    design()
    print(context.module)
