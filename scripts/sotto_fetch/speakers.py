"""The two speaker models' checkpoints to one speakers.safetensors, which `sotto model import` reads."""

import os
from contextlib import ExitStack

from . import FetchError
from .checkpoint import Checkpoint, state
from .checksum import HashingWriter
from .convert import write_tensors

CONVERTED = ("speakers.safetensors",)
# File, prefix of its tensors' names, and what is of no use in it: tables that follow from the network's sizes, counters of
# the training.
MODELS = (("segmentation.bin", "s.", (".window_", ".n_")), ("embedding.pt", "e.", (".num_batches_tracked",)))
# Names of the importer have at most 31 bytes.
SHORTER = ((".running_", "."), (".batchnorm", ""), ("tdnnd", ""), ("xvector.", ""), ("cam_layer.linear_local", "local"),
           ("cam_layer.linear", "gate"), ("nonlinear", "norm"), ("head.layer", "head"), ("shortcut.0", "shortcut"),
           ("shortcut.1", "shortcut.norm"), ("sincnet.", ""), ("conv1d.0.filterbank", "sinc"))


def short(name):
    for long, new in SHORTER:
        name = name.replace(long, new)
    return name


def convert(folder):
    """Write speakers.safetensors beside the two checkpoints. SHA256SUMS, written last, says that it is complete."""
    with ExitStack() as files:
        tensors = []
        for name, prefix, unused in MODELS:
            checkpoint = files.enter_context(Checkpoint(os.path.join(folder, name), state, notes=True))
            for own, tensor in checkpoint.tensors.items():
                if own.endswith(unused):
                    continue
                if tensor.storage.dtype != "F32":
                    raise FetchError(f"{name}: {own} is not of type float32")
                tensors.append((prefix + short(own), own, checkpoint))
        digest = write_tensors(tensors, os.path.join(folder, CONVERTED[0]))
    writer = HashingWriter(os.path.join(folder, "SHA256SUMS"))
    writer.write(f"{digest}  {CONVERTED[0]}\n".encode())
    writer.finish()
