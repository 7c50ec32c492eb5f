#!/usr/bin/env python3
"""
to_ggml.py WEIGHTS OUT: CTranslate2's Whisper weights (a folder) as the file that whisper.cpp reads, matrices in float16, so
that it can be measured with exactly the weights that sotto has.
"""

import json
import os
import struct
import sys

import numpy as np

sys.dont_write_bytecode = True
HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [os.path.join(HERE, "..", "scripts"), os.path.join(HERE, "..", "tests", "accuracy")]
from mel import mel_filters  # noqa: E402
from sotto_fetch.convert import byte_alphabet  # noqa: E402

TYPES = {0: np.float32, 1: np.int8, 2: np.int16, 3: np.int32, 4: np.float16}
HEAD = 64


class Reader:
    def __init__(self, data):
        self.data, self.at = data, 0

    def number(self, kind):
        value = struct.unpack_from("<" + kind, self.data, self.at)[0]
        self.at += struct.calcsize("<" + kind)
        return value

    def text(self):
        size = self.number("H")  # with the NUL at its end
        value = self.data[self.at : self.at + size - 1].decode()
        self.at += size
        return value


def read_ctranslate2(path):
    """{name: array} of a model.bin."""
    with open(path, "rb") as file:
        reader = Reader(file.read())
    reader.number("I"), reader.text(), reader.number("I")  # format version, kind of model, its revision
    tensors = {}
    for _ in range(reader.number("I")):
        name = reader.text()
        shape = [reader.number("I") for _ in range(reader.number("B"))]
        kind, size = TYPES[reader.number("B")], reader.number("I")
        tensors[name] = np.frombuffer(reader.data, kind, size // np.dtype(kind).itemsize, reader.at).reshape(shape)
        reader.at += size
    return tensors


def renamed(tensors):
    """OpenAI's names and separate matrices for CTranslate2's fused ones."""
    out = {"encoder.positional_embedding": tensors["encoder/position_encodings/encodings"],
           "decoder.positional_embedding": tensors["decoder/position_encodings/encodings"],
           "decoder.token_embedding.weight": tensors["decoder/embeddings/weight"]}

    def linear(name, source, rows=slice(None), bias=True):
        out[f"{name}.weight"] = tensors[f"{source}/weight"][rows]
        if bias:
            out[f"{name}.bias"] = tensors[f"{source}/bias"][rows]

    def norm(name, source):
        out[f"{name}.weight"], out[f"{name}.bias"] = tensors[f"{source}/gamma"], tensors[f"{source}/beta"]

    for i in (1, 2):
        linear(f"encoder.conv{i}", f"encoder/conv{i}")
        out[f"encoder.conv{i}.bias"] = out[f"encoder.conv{i}.bias"].reshape(-1, 1)
    norm("encoder.ln_post", "encoder/layer_norm")
    norm("decoder.ln", "decoder/layer_norm")
    state = tensors["decoder/embeddings/weight"].shape[1]
    first, second, third = (slice(i * state, (i + 1) * state) for i in range(3))
    for side in ("encoder", "decoder"):
        layer = 0
        while (source := f"{side}/layer_{layer}") + "/ffn/linear_0/weight" in tensors:
            name = f"{side}.blocks.{layer}"
            norm(f"{name}.attn_ln", f"{source}/self_attention/layer_norm")
            linear(f"{name}.attn.query", f"{source}/self_attention/linear_0", first)
            linear(f"{name}.attn.key", f"{source}/self_attention/linear_0", second, bias=False)
            linear(f"{name}.attn.value", f"{source}/self_attention/linear_0", third)
            linear(f"{name}.attn.out", f"{source}/self_attention/linear_1")
            if side == "decoder":
                norm(f"{name}.cross_attn_ln", f"{source}/attention/layer_norm")
                linear(f"{name}.cross_attn.query", f"{source}/attention/linear_0")
                linear(f"{name}.cross_attn.key", f"{source}/attention/linear_1", first, bias=False)
                linear(f"{name}.cross_attn.value", f"{source}/attention/linear_1", second)
                linear(f"{name}.cross_attn.out", f"{source}/attention/linear_2")
            norm(f"{name}.mlp_ln", f"{source}/ffn/layer_norm")
            linear(f"{name}.mlp.0", f"{source}/ffn/linear_0")
            linear(f"{name}.mlp.2", f"{source}/ffn/linear_1")
            layer += 1
    return out


def vocabulary(folder):
    """The bytes of the text tokens, from byte-level strings."""
    with open(os.path.join(folder, "vocabulary.json"), encoding="utf-8") as file:
        tokens = json.load(file)
    value = {c: i for i, c in enumerate(byte_alphabet())}
    return [bytes(value[c] for c in token) for token in tokens[: tokens.index("<|endoftext|>")]]


def main():
    folder, path = sys.argv[1:]
    tensors = renamed(read_ctranslate2(os.path.join(folder, "model.bin")))
    n_vocab, state = tensors["decoder.token_embedding.weight"].shape
    n_mels = tensors["encoder.conv1.weight"].shape[1]
    layers = [sum(f"{side}.blocks.{i}.mlp_ln.bias" in tensors for i in range(64)) for side in ("encoder", "decoder")]
    with open(path + ".part", "wb") as file:
        numbers = lambda *values: file.write(struct.pack(f"<{len(values)}i", *values))
        numbers(0x67676D6C, n_vocab, tensors["encoder.positional_embedding"].shape[0], state, state // HEAD, layers[0],
                tensors["decoder.positional_embedding"].shape[0], state, state // HEAD, layers[1], n_mels, 1)
        numbers(n_mels, 201)
        file.write(mel_filters(n_mels).astype("<f4").tobytes())
        tokens = vocabulary(folder)
        numbers(len(tokens))
        for token in tokens:
            numbers(len(token))
            file.write(token)
        for name, tensor in tensors.items():
            half = tensor.ndim > 1 and "positional" not in name and not name.endswith("bias")
            numbers(tensor.ndim, len(name), half, *reversed(tensor.shape))
            file.write(name.encode() + np.ascontiguousarray(tensor).astype("<f2" if half else "<f4").tobytes())
    os.replace(path + ".part", path)


if __name__ == "__main__":
    main()
