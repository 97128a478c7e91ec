"""Reads the tensors of a PyTorch checkpoint without PyTorch, and without running anything that the file names.

A checkpoint is a pickle that names tensors, and their numbers as plain bytes: in a zip archive since PyTorch 1.6, one after the other
in a single file before. A pickle can call any function that it names, so the reader knows two, both harmless, ignores descriptions,
and refuses others.
"""

import io
import math
import pickle
import zipfile
from collections import OrderedDict
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from components.shared.files import pinned_network

_MAGIC = 0x1950A86A20F9469CFC6C
"""The first number of a checkpoint that is not a zip archive."""
_PROTOCOL = 1001
_DESCRIPTIONS = ("torch.torch_version", "pyannote.audio.core.task")
"""Modules whose classes describe a checkpoint, and hold no numbers of the network."""
_STORAGES = {"FloatStorage": "<f4", "LongStorage": "<i8", "IntStorage": "<i4"}


def read_checkpoint(path: Path, sha256: str) -> dict[str, Any]:
    """Returns the dictionary of a checkpoint, its tensors as arrays. Raises StageError if the file is missing or is not the pinned one."""
    return parse(pinned_network(path, sha256))


def parse(data: bytes) -> dict[str, Any]:
    """Returns the dictionary of a checkpoint. Raises pickle.UnpicklingError if it names anything but tensors of known numbers."""
    return _zipped(data) if zipfile.is_zipfile(io.BytesIO(data)) else _plain(io.BytesIO(data))


def _zipped(data: bytes) -> dict[str, Any]:
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        (name,) = (n for n in archive.namelist() if n.endswith("/data.pkl"))
        folder = name.removesuffix("data.pkl")

        def numbers(key: str, kind: str, count: int) -> NDArray[Any]:
            return np.frombuffer(archive.read(f"{folder}data/{key}"), kind, count)

        return dict(_Reader(archive.open(name), numbers).load())


def _plain(file: io.BytesIO) -> dict[str, Any]:
    """The file holds five pickles: the magic number, the protocol, the machine, the dictionary, the keys; then the numbers of each key."""
    storages: dict[str, tuple[NDArray[Any], str]] = {}

    def promised(key: str, kind: str, count: int) -> NDArray[Any]:
        return storages.setdefault(key, (np.zeros(count, kind), kind))[0]

    magic, protocol, _, found, keys = (_Reader(file, promised).load() for _ in range(5))
    if (magic, protocol) != (_MAGIC, _PROTOCOL):
        raise pickle.UnpicklingError(f"expected a checkpoint of PyTorch, found the numbers {magic} and {protocol} at its start")
    for key in keys:
        array, kind = storages[key]
        count = int.from_bytes(file.read(8), "little")
        array[:] = np.frombuffer(file.read(count * array.itemsize), kind, len(array))  # every tensor is a view of such an array
    return dict(found)


class _Ignored:
    """Stands for a part of a checkpoint's description of itself. It is made of anything and does nothing."""

    def __init__(self, *_: Any) -> None:
        pass

    def __setstate__(self, _: Any) -> None:
        pass


class _Reader(pickle.Unpickler):
    """An unpickler that makes dictionaries and arrays."""

    def __init__(self, file: Any, numbers: Callable[[str, str, int], NDArray[Any]]) -> None:
        super().__init__(file)
        self._numbers = numbers

    def find_class(self, module: str, name: str) -> Any:
        if (module, name) == ("collections", "OrderedDict"):
            return OrderedDict
        if (module, name) == ("torch._utils", "_rebuild_tensor_v2"):
            return _tensor
        if module == "torch" and name in _STORAGES:
            return _STORAGES[name]
        if module in _DESCRIPTIONS:
            return _Ignored
        raise pickle.UnpicklingError(f"expected a checkpoint that names tensors alone, found {module}.{name} in it")

    def persistent_load(self, pid: Any) -> NDArray[Any]:
        _, kind, key, _, count, *_ = pid
        return self._numbers(str(key), str(kind), int(count))


def _tensor(storage: NDArray[Any], offset: int, shape: tuple[int, ...], strides: tuple[int, ...], *_: Any) -> NDArray[Any]:
    """Views a part of a storage. Strides are in numbers; those of a dimension of one number mean nothing."""
    dense = [math.prod(shape[i + 1 :]) for i in range(len(shape))]
    if any(n > 1 and stride != expected for n, stride, expected in zip(shape, strides, dense, strict=True)):
        raise pickle.UnpicklingError(f"expected tensors whose numbers lie one after the other, found the strides {strides} of {shape}")
    return storage[offset : offset + math.prod(shape)].reshape(shape)
