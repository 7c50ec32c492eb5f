"""Writes what `sotto model import` reads: model.safetensors, vocabulary.json and config.json."""

import base64
import binascii
import json
import os
import struct

from . import FetchError
from .checkpoint import Checkpoint
from .checksum import HashingWriter


def write_safetensors(checkpoint, path):
    """The tensors of a checkpoint under their own names, one after another; returns the file's sha256."""
    return write_tensors([(name, name, checkpoint) for name in checkpoint.tensors], path)


def write_tensors(tensors, path):
    """Tensors [(name to be, name in the checkpoint, checkpoint)...] in a safetensors file; returns its sha256."""
    header, offset = {}, 0
    for name, own, checkpoint in sorted(tensors, key=lambda entry: entry[0]):
        tensor = checkpoint.tensors[own]
        size = tensor.storage.width
        for n in tensor.shape:
            size *= n
        header[name] = {"dtype": tensor.storage.dtype, "shape": list(tensor.shape), "data_offsets": [offset, offset + size]}
        offset += size
    text = json.dumps(header, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 8)
    writer = HashingWriter(path)
    try:
        writer.write(struct.pack("<Q", len(text)) + text)
        for _, own, checkpoint in sorted(tensors, key=lambda entry: entry[0]):
            writer.write(checkpoint.data(own))
    except BaseException:
        writer.discard()
        raise
    writer.finish()
    return writer.hash.hexdigest()


def byte_alphabet():
    """GPT-2's visible stand-in for each byte: printable Latin-1 stands for itself, the rest for U+0100 and on, in order."""
    plain = {*range(ord("!"), ord("~") + 1), *range(0xA1, 0xAD), *range(0xAE, 0x100)}
    others = [byte for byte in range(256) if byte not in plain]
    return [chr(byte) if byte in plain else chr(0x100 + others.index(byte)) for byte in range(256)]


def read_ranks(text, count):
    """Tokens in order of their rank, from lines of base64 and rank, as strings of the byte alphabet."""
    alphabet, tokens = byte_alphabet(), [None] * count
    try:
        for line in text.split(b"\n"):
            if line:
                token, rank = line.rsplit(b" ", 1)
                # One rank of the multilingual file stands for no bytes and is written as bare padding.
                data = b"" if token == b"=" else base64.b64decode(token, validate=True)
                tokens[int(rank)] = "".join(alphabet[byte] for byte in data)
    except (ValueError, IndexError, binascii.Error) as error:
        raise FetchError(f"the vocabulary is damaged: {error}") from error
    if None in tokens:
        raise FetchError(f"the vocabulary has no token {tokens.index(None)}")
    return tokens


def _write_json(path, value):
    writer = HashingWriter(path)
    writer.write(json.dumps(value, ensure_ascii=False).encode() + b"\n")
    writer.finish()
    return writer.hash.hexdigest()


def convert(checkpoint_path, ranks, token_count, alignment_heads, folder):
    """
    Convert an OpenAI checkpoint into `folder`. `ranks`: the vocabulary file's bytes. Special tokens have no names in
    OpenAI's files (their ids follow from the size of the vocabulary), so they are numbered. SHA256SUMS, written last,
    says that the rest is complete.
    """
    with Checkpoint(checkpoint_path) as checkpoint:
        n_vocab = checkpoint.dims.get("n_vocab", 0)
        tokens = read_ranks(ranks, token_count)
        if not token_count < n_vocab < 2 * token_count:
            raise FetchError(f"{checkpoint_path} has {n_vocab} tokens, which does not fit its vocabulary")
        tokens += [f"<|special-{i}|>" for i in range(token_count, n_vocab)]
        sums = {"model.safetensors": write_safetensors(checkpoint, os.path.join(folder, "model.safetensors")),
                "vocabulary.json": _write_json(os.path.join(folder, "vocabulary.json"), tokens),
                "config.json": _write_json(os.path.join(folder, "config.json"),
                                           {**checkpoint.dims, "alignment_heads": alignment_heads})}
    writer = HashingWriter(os.path.join(folder, "SHA256SUMS"))
    writer.write("".join(f"{digest}  {name}\n" for name, digest in sums.items()).encode())
    writer.finish()
