"""The same weights in the files of other programs: what their exporters would write, from CTranslate2's float16."""

import json
import os
import shutil
import struct
import sys

import numpy as np

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.append(os.path.join(HERE, "..", "..", "bench"))
from to_ggml import HEAD, read_ctranslate2, renamed, vocabulary  # noqa: E402
from mel import mel_filters  # noqa: E402

HUGGING = [("blocks.", "layers."), (".cross_attn_ln", ".encoder_attn_layer_norm"), (".cross_attn.", ".encoder_attn."), (".attn_ln", ".self_attn_layer_norm"),
           (".attn.", ".self_attn."), ("encoder_attn.query", "encoder_attn.q_proj"), (".query", ".q_proj"), (".key", ".k_proj"), (".value", ".v_proj"),
           ("attn.out.", "attn.out_proj."), (".mlp_ln", ".final_layer_norm"), (".mlp.0", ".fc1"), (".mlp.2", ".fc2"), (".ln_post", ".layer_norm"),
           ("decoder.ln.", "decoder.layer_norm."), ("token_embedding", "embed_tokens"), ("positional_embedding", "embed_positions.weight")]


def read(folder):
    """OpenAI's names: arrays in float16."""
    tensors = renamed(read_ctranslate2(os.path.join(folder, "model.bin")))
    return {name: array.reshape(-1) if name.endswith("bias") else array for name, array in tensors.items()}


def hugging_name(name):
    for ours, theirs in HUGGING:
        name = name.replace(ours, theirs)
    return name


def beside(weights, folder):
    """The vocabulary and the heads for word times."""
    os.makedirs(folder, exist_ok=True)
    shutil.copy(os.path.join(weights, "tokenizer.json"), folder)
    with open(os.path.join(weights, "config.json"), encoding="utf-8") as file:
        heads = json.load(file)["alignment_heads"]
    with open(os.path.join(folder, "generation_config.json"), "w", encoding="utf-8") as file:
        json.dump({"alignment_heads": heads}, file)


def safetensors(tensors, path):
    header, at = {}, 0
    for name, array in tensors.items():
        header["model." + hugging_name(name)] = {"dtype": "F16", "shape": list(array.shape), "data_offsets": [at, at + array.nbytes]}
        at += array.nbytes
    text = json.dumps(header).encode()
    text += b" " * (-len(text) % 8)
    with open(path, "wb") as file:
        file.write(struct.pack("<Q", len(text)) + text)
        for array in tensors.values():
            file.write(np.ascontiguousarray(array, dtype="<f2").tobytes())


# ---- ggml ----

def blocks(kind, array):
    """Rows of 32 values each, quantised as ggml defines its kinds, with steps by the largest value."""
    x = array.astype(np.float32).reshape(-1, 32)
    bits = int(kind[1])
    if kind == "q8_0":
        d = np.abs(x).max(axis=1, keepdims=True) / 127
        q = np.rint(np.divide(x, d, out=np.zeros_like(x), where=d > 0)).astype(np.int8)
        return np.hstack([d.astype("<f2").view(np.uint8), q.view(np.uint8)]).tobytes()
    if kind.endswith("_0"):
        largest = np.take_along_axis(x, np.abs(x).argmax(axis=1)[:, None], axis=1)
        d, least = largest / -(1 << (bits - 1)), None
        q = np.divide(x, d, out=np.zeros_like(x), where=d != 0) + (1 << (bits - 1)) + 0.5
    else:
        least = x.min(axis=1, keepdims=True)
        d = (x.max(axis=1, keepdims=True) - least) / ((1 << bits) - 1)
        q = np.divide(x - least, d, out=np.zeros_like(x), where=d > 0) + 0.5
    q = np.clip(np.floor(q), 0, (1 << bits) - 1).astype(np.uint32)
    parts = [d.astype("<f2").view(np.uint8)] + ([] if least is None else [least.astype("<f2").view(np.uint8)])
    if bits == 5:
        parts.append(((q >> 4) << np.arange(32, dtype=np.uint32)).sum(axis=1, dtype=np.uint32)[:, None].astype("<u4").view(np.uint8))
    parts.append(((q[:, :16] & 15) | (q[:, 16:] & 15) << 4).astype(np.uint8))
    return np.hstack(parts).tobytes()


GGML = {"f32": 0, "f16": 1, "q4_0": 2, "q4_1": 3, "q5_0": 6, "q5_1": 7, "q8_0": 8}


def ggml(tensors, weights, path, kind):
    n_vocab, state = tensors["decoder.token_embedding.weight"].shape
    n_mels = tensors["encoder.conv1.weight"].shape[1]
    layers = [sum(f"{side}.blocks.{i}.mlp_ln.bias" in tensors for i in range(64)) for side in ("encoder", "decoder")]
    with open(path, "wb") as file:
        numbers = lambda *values: file.write(struct.pack(f"<{len(values)}i", *values))
        numbers(0x67676D6C, n_vocab, 1500, state, state // HEAD, layers[0], 448, state, state // HEAD, layers[1], n_mels, 1, n_mels, 201)
        file.write(mel_filters(n_mels).astype("<f4").tobytes())
        tokens = vocabulary(weights)
        numbers(len(tokens))
        for token in tokens:
            file.write(struct.pack("<i", len(token)) + token)
        for name, array in tensors.items():
            wide = array.ndim > 1 and "positional" not in name
            this = "f32" if not wide else "f16" if "conv" in name and kind[0] == "q" else kind
            numbers(array.ndim, len(name), GGML[this], *reversed(array.shape))
            array = np.ascontiguousarray(array)
            file.write(name.encode() + (array.astype("<f4").tobytes() if this == "f32" else array.tobytes() if this == "f16" else blocks(this, array)))


# ---- ONNX ----

def varint(value):
    out = b""
    while value > 127:
        out += bytes([value & 127 | 128])
        value >>= 7
    return out + bytes([value])


def number(field, value):
    return varint(field << 3) + varint(value)


def text(field, value):
    value = value.encode() if isinstance(value, str) else value
    return varint(field << 3 | 2) + varint(len(value)) + value


def tensor(name, array):
    array = np.ascontiguousarray(array, dtype="<f2")
    return b"".join(number(1, n) for n in array.shape) + number(2, 10) + text(8, name) + text(9, array.tobytes())


def node(operation, name, *inputs):
    return b"".join(text(1, i) for i in inputs) + text(2, name + "_output_0") + text(3, name) + text(4, operation)


def onnx(tensors, path, side):
    """One half: the encoder as a model of its own, the decoder inside the whole; matrices transposed and without names."""
    nodes, initializers = [], []
    for ours, array in tensors.items():
        if not ours.startswith(side):
            continue
        name = hugging_name(ours)
        name = name[len("encoder."):] if side == "encoder" else "model." + name
        module, part = name.rsplit(".", 1)
        place = "/" + "".join("." if c == "." and module[i + 1].isdigit() else "/" if c == "." else c for i, c in enumerate(module))
        if part == "weight" and array.ndim == 2 and "embed" not in name:
            unnamed = f"onnx::MatMul_{len(initializers) + 700}"
            initializers.append(tensor(unnamed, array.T))
            nodes.append(node("MatMul", f"{place}/MatMul", "x", unnamed))
            continue
        initializers.append(tensor(name, array))
        if array.ndim == 3:
            nodes.append(node("Conv", f"{place}/Conv", "x", name, name.replace("weight", "bias")))
        elif array.ndim == 2:
            nodes.append(node("Gather", f"{place}/Gather", name, "x") if side == "decoder" else node("Add", "/Add_2", "x", name))
        elif "conv" not in name:
            nodes.append(node("Add", f"{place}/Add_1", "x", name) if part == "bias" else node("Mul", f"{place}/Mul", "x", name))
    if side == "decoder":
        initializers.append(tensor("onnx::MatMul_699", tensors["decoder.token_embedding.weight"].T))
        nodes.append(node("MatMul", "/proj_out/MatMul", "x", "onnx::MatMul_699"))
    graph = b"".join(text(1, n) for n in nodes) + b"".join(text(5, t) for t in initializers)
    with open(path, "wb") as file:
        file.write(number(1, 7) + text(2, "exports.py") + text(7, graph) + text(8, number(2, 14)))


def write_all(weights, folder):
    """{format: what to import} of the same weights in float16."""
    tensors = read(weights)
    for name in ("safetensors", "onnx", "ggml"):
        beside(weights, os.path.join(folder, name))
    safetensors(tensors, os.path.join(folder, "safetensors", "model.safetensors"))
    for side in ("encoder", "decoder"):
        onnx(tensors, os.path.join(folder, "onnx", f"{side}_model.onnx"), side)
    ggml(tensors, weights, os.path.join(folder, "ggml", "model-f16.bin"), "f16")
    return {"CTranslate2": weights, "safetensors": os.path.join(folder, "safetensors"), "ONNX": os.path.join(folder, "onnx"),
            "ggml": os.path.join(folder, "ggml", "model-f16.bin")}
