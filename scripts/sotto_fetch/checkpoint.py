"""
Reads PyTorch's .pt files: a zip archive with a pickle that names tensors, and one member with each tensor's bytes.

A pickle is a program, so it is not loaded but interpreted here, by a machine that knows only how to build dictionaries,
lists, tuples, numbers, strings and tensors. It imports nothing and calls nothing; every other instruction or name is
an error. Only where a training program's notes stand beside the tensors (Checkpoint's `notes`), what its own names would
make is passed over: an empty mark is put in its place, and the file is refused if a tensor is needed there.
"""

import io
import pickletools
import zipfile
import zlib
from dataclasses import dataclass
from math import prod

from . import FetchError

MAX_PICKLE = 1 << 24  # bytes
MAX_TENSORS = 1 << 14
MAX_ELEMENTS = 1 << 32  # of one tensor
DTYPES = {"HalfStorage": ("F16", 2), "BFloat16Storage": ("BF16", 2), "FloatStorage": ("F32", 4), "LongStorage": ("I64", 8)}
CODES = {2: "H", 4: "I", 8: "Q"}  # of a memoryview, by width
DICT, TENSOR = ("collections", "OrderedDict"), ("torch._utils", "_rebuild_tensor_v2")


@dataclass(frozen=True)
class Storage:
    """The bytes of a tensor: a member of the archive."""

    dtype: str
    width: int  # bytes of an element
    member: str
    elements: int


@dataclass(frozen=True)
class Tensor:
    """A view of a storage; offset and strides count elements."""

    storage: Storage
    offset: int
    shape: tuple
    stride: tuple


class _Mark:
    pass


class _Name(tuple):
    """(module, name) of a global: a word, never the thing that it names."""


class _Note:
    """What stands for a thing that is not a tensor and not looked at."""


NOTE = _Note()


def _is_size(value):
    return type(value) is int and 0 <= value <= MAX_ELEMENTS


def _tensor(arguments):
    storage, offset, shape, stride = arguments[:4]
    if not (isinstance(storage, Storage) and _is_size(offset) and type(shape) is tuple and type(stride) is tuple
            and len(shape) == len(stride) <= 4 and all(map(_is_size, shape + stride))):
        raise ValueError("a tensor is not described as tensors are")
    last = offset + sum((n - 1) * s for n, s in zip(shape, stride))
    elements = 1
    for n in shape:
        elements *= n
    # Without these limits a few bytes could stand for any number of elements.
    if not 0 < elements <= storage.elements or last >= storage.elements or any(n > 1 > s for n, s in zip(shape, stride)):
        raise ValueError("a tensor reaches past its storage")
    return Tensor(storage, offset, shape, stride)


def _storage(identity):
    if not (type(identity) is tuple and len(identity) >= 5 and identity[0] == "storage" and isinstance(identity[1], _Name)
            and identity[1][0] == "torch" and identity[1][1] in DTYPES and type(identity[2]) is str and _is_size(identity[4])):
        raise ValueError("a storage is not of a known kind")
    dtype, width = DTYPES[identity[1][1]]
    return Storage(dtype, width, identity[2], identity[4])


def _call(name, arguments):
    if name is NOTE:
        return NOTE
    if name == DICT:
        if type(arguments) is not tuple or len(arguments) > 1:
            raise ValueError("a dictionary is not described as dictionaries are")
        return dict(*arguments)
    if name == TENSOR:
        return _tensor(arguments)
    raise ValueError("something is to be called that is neither a dictionary nor a tensor")


def _name(module, name, notes):
    name = _Name((module, name))
    if name not in (DICT, TENSOR) and not (module == "torch" and name[1] in DTYPES):
        if notes:
            return NOTE
        raise ValueError(f"{module}.{name[1]} is named, which no tensor needs")
    return name


def _to_mark(stack):
    values = []
    while (value := stack.pop()) is not _Mark:
        values.append(value)
    return values[::-1]


def read_pickle(data, notes=False):
    """The value that a pickle describes; ValueError and friends for anything but plain data and tensors (and notes)."""
    stack, memo = [], {}
    for opcode, argument, _ in pickletools.genops(io.BytesIO(data)):
        match opcode.name:
            case "PROTO" | "FRAME":
                pass
            case "STOP":
                return stack.pop()
            case "MARK":
                stack.append(_Mark)
            case "NONE":
                stack.append(None)
            case "NEWTRUE" | "NEWFALSE":
                stack.append(opcode.name == "NEWTRUE")
            case "BININT" | "BININT1" | "BININT2" | "LONG1" | "BINFLOAT" | "BINUNICODE" | "SHORT_BINUNICODE":
                stack.append(argument)
            case "EMPTY_DICT":
                stack.append({})
            case "EMPTY_LIST":
                stack.append([])
            case "EMPTY_TUPLE":
                stack.append(())
            case "TUPLE1" | "TUPLE2" | "TUPLE3":
                count = int(opcode.name[-1])
                stack[-count:] = [tuple(stack[-count:])]
            case "TUPLE":
                stack.append(tuple(_to_mark(stack)))
            case "APPEND":
                value = stack.pop()
                stack[-1].append(value)
            case "APPENDS":
                values = _to_mark(stack)
                stack[-1].extend(values)
            case "SETITEM":
                value, key = stack.pop(), stack.pop()
                stack[-1][key] = value
            case "SETITEMS":
                values = _to_mark(stack)
                stack[-1].update(zip(values[::2], values[1::2], strict=True))
            case "GLOBAL":
                stack.append(_name(*argument.split(" "), notes))
            case "STACK_GLOBAL":
                name, module = stack.pop(), stack.pop()
                stack.append(_name(module, name, notes))
            case "BINPERSID":
                stack.append(_storage(stack.pop()))
            case "REDUCE":
                arguments, name = stack.pop(), stack.pop()
                stack.append(_call(name, arguments))
            case "NEWOBJ" if notes:
                stack.pop()
                if stack.pop() is not NOTE:
                    raise ValueError("an object is to be made of something that is no note")
                stack.append(NOTE)
            case "BUILD":
                stack.pop()  # version notes that torch hangs on a state dictionary
                if type(stack[-1]) is not dict and stack[-1] is not NOTE:
                    raise ValueError("attributes are to be set on something that has none")
            case "BINPUT" | "LONG_BINPUT":
                memo[argument] = stack[-1]
            case "MEMOIZE":
                memo[len(memo)] = stack[-1]
            case "BINGET" | "LONG_BINGET":
                stack.append(memo[argument])
            case name:
                raise ValueError(f"the instruction {name} is none that tensors need")
    raise ValueError("it has no end")


def _whisper(top):
    return top["dims"], top["model_state_dict"]


def state(top):
    """`parts` of a file that is a state dictionary, or has one among a training program's notes."""
    return {}, top.get("state_dict", top)


class Checkpoint:
    """
    `dims`: {name: int}; `tensors`: {name: Tensor}. Used in a with statement; raises FetchError for a file that is none.
    `parts` finds both in what the pickle describes.
    """

    def __init__(self, path, parts=_whisper, notes=False):
        self.path, self.parts, self.notes = path, parts, notes
        try:
            self.archive = zipfile.ZipFile(path)
            self.root = self._root()
            self.dims, self.tensors = self._contents()
        except (zipfile.BadZipFile, zlib.error, EOFError, ValueError, LookupError, TypeError, AttributeError,
                NotImplementedError, RuntimeError) as error:
            raise FetchError(f"{path} is not a checkpoint that can be read safely: {error}") from error

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.archive.close()

    def _root(self):
        names = self.archive.namelist()
        roots = [name[: -len("data.pkl")] for name in names if name.endswith("/data.pkl")]
        if len(roots) != 1:
            raise ValueError("it has no single data.pkl")
        if f"{roots[0]}byteorder" in names and self._small(f"{roots[0]}byteorder") != b"little":
            raise ValueError("it is of another byte order")
        return roots[0]

    def _small(self, member):
        if self.archive.getinfo(member).file_size > MAX_PICKLE:
            raise ValueError(f"{member} is too large")
        return self.archive.read(member)

    def _contents(self):
        dims, tensors = self.parts(read_pickle(self._small(f"{self.root}data.pkl"), self.notes))
        if type(dims) is not dict or not all(type(k) is str and _is_size(v) for k, v in dims.items()):
            raise ValueError("its sizes are not numbers")
        if type(tensors) is not dict or not 0 < len(tensors) <= MAX_TENSORS:
            raise ValueError("it has no tensors")
        total = 0
        for name, tensor in tensors.items():
            if type(name) is not str or len(name) > 256 or not isinstance(tensor, Tensor):
                raise ValueError("its state is not all tensors")
            storage = tensor.storage
            entry = self.archive.getinfo(f"{self.root}data/{storage.member}")
            if entry.compress_type != zipfile.ZIP_STORED or entry.file_size != storage.elements * storage.width:
                raise ValueError(f"{name} has another size than its bytes")
            total += prod(tensor.shape) * storage.width
        # Members are stored as they are, so tensors can only be larger than the file if they overlap or share a storage.
        if total > 2 * self.archive.start_dir:
            raise ValueError("its tensors are larger than the file")
        return dims, tensors

    def data(self, name):
        """A tensor's bytes, little-endian, rows first."""
        tensor = self.tensors[name]
        storage, width = tensor.storage, tensor.storage.width
        try:
            raw = memoryview(self.archive.read(f"{self.root}data/{storage.member}")).cast(CODES[width])
        except (zipfile.BadZipFile, zlib.error, EOFError, RuntimeError) as error:
            raise FetchError(f"{self.path}: {name} is damaged: {error}") from error
        expected = 1
        for n, stride in zip(reversed(tensor.shape), reversed(tensor.stride)):
            if n != 1 and stride != expected:
                break
            expected *= n
        else:
            return raw[tensor.offset : tensor.offset + expected].tobytes()
        out = io.BytesIO()
        _gather(raw, tensor.offset, tensor.shape, tensor.stride, out)
        return out.getvalue()


def _gather(raw, offset, shape, stride, out):
    """Write a strided view row by row."""
    if len(shape) > 1:
        for i in range(shape[0]):
            _gather(raw, offset + i * stride[0], shape[1:], stride[1:], out)
    else:
        step = max(stride[0], 1)
        out.write(raw[offset : offset + (shape[0] - 1) * step + 1 : step].tobytes())
