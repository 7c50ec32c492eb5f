"""
The two speaker networks as ONNX graphs, built from the converted checkpoints (speakers.safetensors) for ONNX Runtime: what sotto's
own layers are measured against. Names of tensors: scripts/sotto_fetch/speakers.py.
"""

import json
import struct

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

BLOCKS = ((12, 1), (24, 2), (16, 2))  # layers, dilation


def read_tensors(path):
    with open(path, "rb") as file:
        size = struct.unpack("<Q", file.read(8))[0]
        header = json.loads(file.read(size))
        data = file.read()
    return {name: np.frombuffer(data[slice(*entry["data_offsets"])], "<f4").reshape(entry["shape"])
            for name, entry in header.items()}


class Graph:
    """Nodes one after another; each method returns the name of its output."""

    def __init__(self, tensors):
        self.tensors, self.nodes, self.constants, self.count = tensors, [], {}, 0

    def constant(self, value):
        if isinstance(value, str):
            name, value = value, self.tensors[value]
        else:
            name = f"constant{len(self.constants)}"
        self.constants[name] = numpy_helper.from_array(np.ascontiguousarray(value), name)
        return name

    def op(self, kind, *inputs, outputs=1, **attributes):
        self.count += 1
        names = [f"{kind}{self.count}.{i}" for i in range(outputs)]
        self.nodes.append(helper.make_node(kind, list(inputs), names, **attributes))
        return names[0]

    def norm(self, x, name):
        mean, var = self.tensors[f"{name}.mean"], self.tensors[f"{name}.var"]
        one = self.tensors.get(f"{name}.weight", np.ones_like(mean)), self.tensors.get(f"{name}.bias", np.zeros_like(mean))
        return self.op("BatchNormalization", x, *map(self.constant, (*one, mean, var)), epsilon=1e-5)

    def conv(self, x, name, bias=False, **attributes):
        return self.op("Conv", x, self.constant(f"{name}.weight"), *([self.constant(f"{name}.bias")] if bias else []), **attributes)

    def model(self, output, rank_in, rank_out):
        def shape(rank):
            return [f"d{i}" for i in range(rank)]
        graph = helper.make_graph(self.nodes, "network", [helper.make_tensor_value_info("x", TensorProto.FLOAT, shape(rank_in))],
                                  [helper.make_tensor_value_info(output, TensorProto.FLOAT, [f"o{i}" for i in range(rank_out)])],
                                  list(self.constants.values()))
        model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9)
        onnx.checker.check_model(model)
        return model.SerializeToString()


def sinc_filters(low, band):
    low = 50 + np.abs(low.astype(np.float64))
    high = np.clip(low + 50 + np.abs(band.astype(np.float64)), 50, 8000)
    n = 2 * np.pi * np.arange(-125, 0)[None] / 16000
    window = np.hamming(251)[:125]
    left = [(np.sin(high * n) - np.sin(low * n)) / (n / 2) * window, (np.cos(low * n) - np.cos(high * n)) / (n / 2) * window]
    filters = [np.concatenate([left[0], 2 * (high - low), left[0][:, ::-1]], 1), np.concatenate([left[1], 0 * low, -left[1][:, ::-1]], 1)]
    return np.concatenate([f / (2 * (high - low)) for f in filters]).astype(np.float32)[:, None]


def segmentation(tensors):
    """x [windows, 1, 160000] to log-probabilities [windows, 589, 7]."""
    g = Graph(tensors)
    x = g.op("InstanceNormalization", "x", g.constant("s.wav_norm1d.weight"), g.constant("s.wav_norm1d.bias"), epsilon=1e-5)
    filters = sinc_filters(tensors["s.sinc.low_hz_"], tensors["s.sinc.band_hz_"])
    x = g.op("Abs", g.op("Conv", x, g.constant(filters), strides=[10]))
    for i in range(3):
        if i:
            x = g.conv(x, f"s.conv1d.{i}", bias=True)
        x = g.op("MaxPool", x, kernel_shape=[3], strides=[3])
        x = g.op("InstanceNormalization", x, g.constant(f"s.norm1d.{i}.weight"), g.constant(f"s.norm1d.{i}.bias"), epsilon=1e-5)
        x = g.op("LeakyRelu", x, alpha=0.01)
    x = g.op("Transpose", x, perm=[2, 0, 1])
    order = np.r_[0:128, 384:512, 128:384]  # input, output, forget, cell

    def both(name, layer):
        return np.stack([tensors[f"s.lstm.{name}_l{layer}{way}"][order] for way in ("", "_reverse")])
    for layer in range(4):
        bias = np.concatenate([both("bias_ih", layer), both("bias_hh", layer)], 1)
        x = g.op("LSTM", x, g.constant(both("weight_ih", layer)), g.constant(both("weight_hh", layer)), g.constant(bias),
                 direction="bidirectional", hidden_size=128)
        x = g.op("Reshape", g.op("Transpose", x, perm=[0, 2, 1, 3]), g.constant(np.array([0, 0, -1])))
    for name in ("linear.0", "linear.1", "classifier"):
        x = g.op("Add", g.op("MatMul", x, g.constant(tensors[f"s.{name}.weight"].T)), g.constant(f"s.{name}.bias"))
        if name != "classifier":
            x = g.op("LeakyRelu", x, alpha=0.01)
    return g.model(g.op("Transpose", g.op("LogSoftmax", x, axis=-1), perm=[1, 0, 2]), 3, 3)


def embedding(tensors):
    """x [voices, frames, 80], the mean over the frames taken off, to [voices, 192]."""
    g = Graph(tensors)

    def conv2d(x, name, norm, stride=1):
        size = tensors[f"{name}.weight"].shape[-1]
        return g.norm(g.conv(x, name, strides=[stride, 1], pads=[size // 2] * 4), norm)
    x = g.op("Unsqueeze", g.op("Transpose", "x", perm=[0, 2, 1]), g.constant(np.array([1])))
    x = g.op("Relu", conv2d(x, "e.head.conv1", "e.head.bn1"))
    for block in ("e.head1.0", "e.head1.1", "e.head2.0", "e.head2.1"):
        stride = 2 if block.endswith("0") else 1
        y = g.op("Relu", conv2d(x, f"{block}.conv1", f"{block}.bn1", stride))
        y = conv2d(y, f"{block}.conv2", f"{block}.bn2")
        x = g.op("Relu", g.op("Add", y, x if stride == 1 else conv2d(x, f"{block}.shortcut", f"{block}.shortcut.norm", 2)))
    x = g.op("Relu", conv2d(x, "e.head.conv2", "e.head.bn2", 2))
    x = g.op("Reshape", x, g.constant(np.array([0, 320, -1])))
    x = g.op("Relu", g.norm(g.conv(x, "e.tdnn.linear", strides=[2], pads=[2, 2]), "e.tdnn.norm"))
    for b, (layers, dilation) in enumerate(BLOCKS, 1):
        for i in range(1, layers + 1):
            name = f"e.block{b}.{i}"
            y = g.conv(g.op("Relu", g.norm(x, f"{name}.norm1")), f"{name}.linear1")
            y = g.op("Relu", g.norm(y, f"{name}.norm2"))
            local = g.conv(y, f"{name}.local", pads=[dilation] * 2, dilations=[dilation])
            x = g.op("Concat", x, g.op("Mul", local, mask(g, y, name)), axis=1)
        x = g.conv(g.op("Relu", g.norm(x, f"e.transit{b}.norm")), f"e.transit{b}.linear")
    x = g.op("Relu", g.norm(x, "e.out_norm"))
    mean = g.op("ReduceMean", x, axes=[2], keepdims=1)
    frames = g.op("Cast", g.op("Shape", x, start=2, end=3), to=TensorProto.FLOAT)
    square = g.op("ReduceSum", g.op("Mul", *2 * [g.op("Sub", x, mean)]), g.constant(np.array([2])), keepdims=1)
    spread = g.op("Sqrt", g.op("Div", square, g.op("Sub", frames, g.constant(np.ones(1, np.float32)))))
    x = g.norm(g.conv(g.op("Concat", mean, spread, axis=1), "e.dense.linear"), "e.dense.norm")  # and no ReLU
    return g.model(g.op("Squeeze", x, g.constant(np.array([2]))), 3, 2)


def mask(g, y, name):
    """The gates of context-aware masking, one for each column and frame."""
    segments = g.op("AveragePool", y, kernel_shape=[100], strides=[100], ceil_mode=1)
    shape = g.op("Shape", segments)
    wide = g.op("Expand", g.op("Unsqueeze", segments, g.constant(np.array([3]))),
                g.op("Concat", shape, g.constant(np.array([100])), axis=0))
    wide = g.op("Reshape", wide, g.constant(np.array([0, 0, -1])))
    wide = g.op("Slice", wide, g.constant(np.array([0])), g.op("Shape", y, start=2, end=3), g.constant(np.array([2])))
    context = g.op("Add", g.op("ReduceMean", y, axes=[2], keepdims=1), wide)
    hidden = g.op("Relu", g.conv(context, f"{name}.gate1", bias=True))
    return g.op("Sigmoid", g.conv(hidden, f"{name}.gate2", bias=True))
