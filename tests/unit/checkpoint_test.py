#!/usr/bin/env python3
"""Checkpoints in PyTorch's format, made here by hand: what is read from good ones, and that bad ones do nothing."""

import json
import os
import pickle
import struct
import sys
import tempfile
import unittest
import zipfile

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "scripts"))

from sotto_fetch import FetchError  # noqa: E402
from sotto_fetch import speakers  # noqa: E402
from sotto_fetch.checkpoint import Checkpoint, read_pickle, state  # noqa: E402
from sotto_fetch.convert import byte_alphabet, convert, read_ranks  # noqa: E402


class Raw:
    """Pickle instructions to be put in as they are."""

    def __init__(self, code):
        self.code = code


def emit(value):
    """Protocol 2 instructions for plain values, as torch.save writes them."""
    if isinstance(value, Raw):
        return value.code
    if value is None or isinstance(value, bool):
        return {None: b"N", True: b"\x88", False: b"\x89"}[value]
    if isinstance(value, int):
        return b"J" + struct.pack("<i", value)
    if isinstance(value, str):
        return b"X" + struct.pack("<I", len(value.encode())) + value.encode()
    if isinstance(value, tuple):
        return b"(" + b"".join(map(emit, value)) + b"t"
    if isinstance(value, dict):
        return b"}(" + b"".join(emit(k) + emit(v) for k, v in value.items()) + b"u"
    raise TypeError(value)


def named(module, name):
    return Raw(f"c{module}\n{name}\n".encode())


def call(function, *arguments):
    return Raw(emit(function) + emit(arguments) + b"R")


def ordered(items):
    """An OrderedDict with the version note that torch hangs on it."""
    empty = call(named("collections", "OrderedDict"))
    fill = b"(" + b"".join(emit(k) + emit(v) for k, v in items.items()) + b"u"
    return Raw(empty.code + fill + emit({"_metadata": ordered_empty()}) + b"b")


def ordered_empty():
    return call(named("collections", "OrderedDict"))


def storage(key, elements, kind="HalfStorage", module="torch"):
    return Raw(emit(("storage", named(module, kind), key, "cpu", elements)) + b"Q")


def tensor(key, elements, offset, shape, stride, kind="HalfStorage"):
    return call(named("torch._utils", "_rebuild_tensor_v2"), storage(key, elements, kind), offset, shape, stride, False, ordered_empty())


def halves(*values):
    return struct.pack(f"<{len(values)}e", *values)


DIMS = {"n_mels": 80, "n_vocab": 5, "n_text_state": 2}


class CheckpointTest(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.TemporaryDirectory()
        self.addCleanup(self.folder.cleanup)
        self.path = os.path.join(self.folder.name, "model.pt")

    def write(self, top, members, compression=zipfile.ZIP_STORED):
        with zipfile.ZipFile(self.path, "w", compression) as archive:
            archive.writestr("model/data.pkl", top if isinstance(top, bytes) else b"\x80\x02" + emit(top) + b".")
            for key, data in members.items():
                archive.writestr(f"model/data/{key}", data)

    def refused(self, why, top, members=None, **options):
        self.write(top, members or {}, **options)
        with self.assertRaisesRegex(FetchError, why):
            Checkpoint(self.path)

    def test_tensors_come_out_with_their_values(self):
        self.write({"dims": DIMS, "model_state_dict": ordered({
            "plain": tensor("0", 6, 0, (2, 3), (3, 1)),
            "transposed": tensor("0", 6, 0, (3, 2), (1, 3)),
            "part": tensor("0", 6, 4, (2,), (1,)),
            "single": tensor("1", 2, 0, (2,), (1,), "FloatStorage"),
        })}, {"0": halves(1, 2, 3, 4, 5, 6), "1": struct.pack("<2f", 0.5, -7)})
        with Checkpoint(self.path) as checkpoint:
            self.assertEqual(checkpoint.dims, DIMS)
            self.assertEqual(checkpoint.data("plain"), halves(1, 2, 3, 4, 5, 6))
            self.assertEqual(checkpoint.data("transposed"), halves(1, 4, 2, 5, 3, 6))
            self.assertEqual(checkpoint.data("part"), halves(5, 6))
            self.assertEqual(checkpoint.data("single"), struct.pack("<2f", 0.5, -7))

    def test_conversion_writes_what_the_importer_reads(self):
        self.write({"dims": DIMS, "model_state_dict": ordered({
            "b": tensor("0", 2, 0, (2,), (1,)), "a": tensor("1", 1, 0, (1, 1), (1, 1), "FloatStorage"),
        })}, {"0": halves(3, 4), "1": struct.pack("<f", 2)})
        convert(self.path, b"IQ== 0\nIGE= 1\n= 2\n", 3, [[1, 0]], self.folder.name)
        with open(os.path.join(self.folder.name, "model.safetensors"), "rb") as file:
            size = struct.unpack("<Q", file.read(8))[0]
            header, data = json.loads(file.read(size)), file.read()
        self.assertEqual(header, {"a": {"dtype": "F32", "shape": [1, 1], "data_offsets": [0, 4]},
                                  "b": {"dtype": "F16", "shape": [2], "data_offsets": [4, 8]}})
        self.assertEqual(data, struct.pack("<f", 2) + halves(3, 4))
        with open(os.path.join(self.folder.name, "vocabulary.json"), encoding="utf-8") as file:
            self.assertEqual(json.load(file), ["!", "\u0120a", "", "<|special-3|>", "<|special-4|>"])
        with open(os.path.join(self.folder.name, "config.json"), encoding="utf-8") as file:
            self.assertEqual(json.load(file), {**DIMS, "alignment_heads": [[1, 0]]})

    def test_a_pickle_that_runs_a_command_is_refused_and_not_run(self):
        trace = os.path.join(self.folder.name, "trace")

        class Attack:
            def __reduce__(self):
                return os.system, (f"touch {trace}",)

        for protocol in range(6):
            self.refused("cannot|none that tensors need|no tensor needs", pickle.dumps(Attack(), protocol))
        self.refused("no tensor needs", b"cposix\nsystem\n(" + emit(f"touch {trace}") + b"tR.")
        self.refused("no tensor needs", b"cbuiltins\neval\n.")
        self.refused("none that tensors need", b"(iposix\nsystem\n.")
        self.refused("is to be called", b"\x80\x02" + emit("os.system") + emit(()) + b"R.")
        self.assertFalse(os.path.exists(trace))

    def test_names_near_the_allowed_ones_are_refused(self):
        for module, name in (("torch", "load"), ("torch._utils", "_rebuild_tensor"), ("collections", "OrderedDict.update"),
                             ("torch", "HalfStorage.__init__"), ("torch._utils", "HalfStorage")):
            self.refused("no tensor needs", b"\x80\x02" + named(module, name).code + b".")

    def test_damaged_pickles_are_refused(self):
        good = b"\x80\x02" + emit({"dims": DIMS, "model_state_dict": ordered({"a": tensor("0", 2, 0, (2,), (1,))})}) + b"."
        for length in range(len(good)):
            self.refused("safely", good[:length], {"0": halves(1, 2)})
        for position in range(2, len(good)):
            for flip in (0x01, 0x80):
                changed = bytearray(good)
                changed[position] ^= flip
                self.write(bytes(changed), {"0": halves(1, 2)})
                try:
                    Checkpoint(self.path)  # it may still mean something, but nothing else may be raised
                except FetchError:
                    pass

    def test_tensors_that_reach_past_their_storage_are_refused(self):
        for offset, shape, stride in ((1, (2,), (1,)), (0, (3,), (1,)), (0, (2, 2), (1, 1)), (0, (2,), (2,)), (0, (2,), (0,)),
                                      (0, (2 ** 20, 2 ** 20), (0, 0)), (-1, (2,), (1,)), (0, (-1,), (1,)), (0, (0,), (1,))):
            with self.subTest(offset=offset, shape=shape, stride=stride):
                top = {"dims": DIMS, "model_state_dict": ordered({"a": tensor("0", 2, offset, shape, stride)})}
                self.refused("past its storage|as tensors are", top, {"0": halves(1, 2)})

    def test_storages_of_another_size_than_their_member_are_refused(self):
        top = {"dims": DIMS, "model_state_dict": ordered({"a": tensor("0", 2, 0, (2,), (1,))})}
        self.refused("another size", top, {"0": halves(1)})
        self.refused("another size", top, {"0": halves(1, 2, 3)})
        self.refused("another size", top, {"0": halves(1, 2)}, compression=zipfile.ZIP_DEFLATED)
        self.refused("safely", top, {"1": halves(1, 2)})

    def test_one_storage_for_a_thousand_tensors_is_refused(self):
        top = {"dims": DIMS, "model_state_dict": ordered({f"a{i}": tensor("0", 5000, 0, (5000,), (1,)) for i in range(1000)})}
        self.refused("larger than the file", top, {"0": bytes(10000)})

    def test_files_that_are_no_checkpoints_are_refused(self):
        for data in (b"", b"PK\x03\x04", b"GGUF" * 100):
            with open(self.path, "wb") as file:
                file.write(data)
            with self.assertRaises(FetchError):
                Checkpoint(self.path)
        for top in ({}, {"dims": 3, "model_state_dict": ordered({})}, {"dims": DIMS, "model_state_dict": ordered({"a": 3})},
                    {"dims": {"n_vocab": -1}, "model_state_dict": ordered({"a": tensor("0", 1, 0, (1,), (1,))})}):
            self.refused("safely", top, {"0": halves(1)})


class SpeakersTest(unittest.TestCase):
    """Checkpoints that are state dictionaries, or hold one among the notes of a training program."""

    def setUp(self):
        self.folder = tempfile.TemporaryDirectory()
        self.addCleanup(self.folder.cleanup)

    def write(self, name, top, *values):
        path = os.path.join(self.folder.name, name)
        with zipfile.ZipFile(path, "w") as archive:
            archive.writestr("archive/data.pkl", b"\x80\x02" + emit(top) + b".")
            for i, floats in enumerate(values):
                archive.writestr(f"archive/data/{i}", struct.pack(f"<{len(floats)}f", *floats))
        return path

    @staticmethod
    def floats(key, *shape):
        stride = [1]
        for n in reversed(shape[1:]):
            stride.insert(0, stride[0] * n)
        count = stride[0] * shape[0]
        return tensor(str(key), count, 0, tuple(shape), tuple(stride), "FloatStorage")

    def note(self, *arguments):
        """An object of a class that does not exist: made, given attributes."""
        return Raw(named("no.such.module", "Problem").code + emit(arguments) + b"\x81" + emit({"a": 1}) + b"b")

    def test_both_files_become_one_under_short_names(self):
        self.write("segmentation.bin", {"state_dict": ordered({"sincnet.conv1d.0.filterbank.low_hz_": self.floats(0, 2, 1),
                                                               "sincnet.conv1d.0.filterbank.n_": self.floats(1, 2)}),
                                        "notes": self.note(3), "more": call(named("no.such.module", "run"), "x")}, [1, 2], [3, 4])
        counter = call(named("torch._utils", "_rebuild_tensor_v2"), storage("1", 1, "LongStorage"), 0, (), (), False, ordered_empty())
        self.write("embedding.pt", ordered({"xvector.block1.tdnnd2.nonlinear1.batchnorm.running_mean": self.floats(0, 3),
                                            "head.bn1.num_batches_tracked": counter}), [5, 6, 7], [0, 0])
        speakers.convert(self.folder.name)
        with open(os.path.join(self.folder.name, "speakers.safetensors"), "rb") as file:
            header = json.loads(file.read(struct.unpack("<Q", file.read(8))[0]))
            data = file.read()
        self.assertEqual({name: entry["shape"] for name, entry in header.items()}, {"e.block1.2.norm1.mean": [3], "s.sinc.low_hz_": [2, 1]})
        begin, end = header["e.block1.2.norm1.mean"]["data_offsets"]
        self.assertEqual(struct.unpack("<3f", data[begin:end]), (5, 6, 7))
        self.assertTrue(os.path.exists(os.path.join(self.folder.name, "SHA256SUMS")))

    def test_notes_are_passed_over_and_never_made(self):
        attack = call(named("os", "mkdir"), os.path.join(self.folder.name, "attacked"))
        path = self.write("notes.bin", {"state_dict": ordered({"a": self.floats(0, 1)}), "attack": attack, "list": self.note()}, [1])
        with Checkpoint(path, state, notes=True) as checkpoint:
            self.assertEqual(list(checkpoint.tensors), ["a"])
        self.assertFalse(os.path.exists(os.path.join(self.folder.name, "attacked")))
        with self.assertRaises(FetchError):
            Checkpoint(path, state)

    def test_a_note_in_the_place_of_a_tensor_is_refused(self):
        for thing in (self.note(), call(named("os", "getcwd")), call(named("torch._utils", "_rebuild_tensor_v3"), 1), 7):
            path = self.write("bad.bin", {"state_dict": ordered({"a": thing})})
            with self.assertRaises(FetchError):
                Checkpoint(path, state, notes=True)

    def test_objects_are_made_of_notes_only(self):
        for maker in (named("collections", "OrderedDict"), 3, "text"):
            code = b"\x80\x02" + emit(maker) + emit(()) + b"\x81."
            with self.assertRaises(ValueError):
                read_pickle(code, notes=True)

    def test_weights_of_another_type_are_refused(self):
        self.write("segmentation.bin", ordered({"a": tensor("0", 2, 0, (2,), (1,))}), [0])
        self.write("embedding.pt", ordered({"b": self.floats(0, 1)}), [1])
        with self.assertRaises(FetchError):
            speakers.convert(self.folder.name)
        self.assertFalse(os.path.exists(os.path.join(self.folder.name, "speakers.safetensors")))


class VocabularyTest(unittest.TestCase):
    def test_the_alphabet_is_gpt2s(self):
        alphabet = byte_alphabet()
        self.assertEqual(len(set(alphabet)), 256)
        self.assertEqual([alphabet[b] for b in (0, 32, 33, 126, 127, 160, 161, 173, 255)],
                         ["\u0100", "\u0120", "!", "~", "\u0121", "\u0142", "\u00a1", "\u0143", "\u00ff"])

    def test_damaged_vocabularies_are_refused(self):
        for text in (b"IQ== 0\n", b"IQ== 0\nIg== 2\n", b"IQ== 0\nI 1\n", b"IQ== zero\nIg== 1\n", b"IQ==\nIg== 1\n"):
            with self.assertRaises(FetchError):
                read_ranks(text, 2)


if __name__ == "__main__":
    unittest.main()
