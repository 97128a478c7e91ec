"""Checkpoints of TensorFlow are read without it, and no checkpoint, however it is made, does anything but give numbers or an error."""

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from components.separate.checkpoint import CheckpointError, crc32c, read_tensors
from tests.components.separate.bundle import FLOAT, checksum, entry, field, table, write_checkpoint
from tests.places import ROOT

BUNDLED = ROOT / "bundled" / "models" / "speech-2stems-small"
TENSORS = {
    "conv2d/bias": np.arange(3, dtype=np.float32),
    "conv2d/kernel": np.random.default_rng(0).standard_normal((5, 5, 2, 3)).astype(np.float32),
    "one": np.array(7, np.float32),
}
NUMBERS = TENSORS["conv2d/bias"].tobytes()
"""The first numbers of the data file."""


def read(folder: Path) -> dict[str, np.ndarray]:
    return read_tensors(folder / "model.index", folder / "model.data-00000-of-00001")


def test_the_checksum_is_the_castagnoli_polynomial_s() -> None:
    assert crc32c(np.frombuffer(b"123456789", np.uint8)) == 0xE3069283
    assert crc32c(np.zeros(32, np.uint8)) == 0x8A9136AA


@settings(deadline=None)
@given(st.integers(0, 30_000), st.integers(0, 100))
def test_the_checksum_of_many_bytes_is_that_of_its_parts_in_turn(size: int, seed: int) -> None:
    data = np.random.default_rng(seed).integers(0, 256, size).astype(np.uint8)
    value = 0xFFFFFFFF
    for byte in data.tolist():
        value ^= byte
        for _ in range(8):
            value = value >> 1 ^ (0x82F63B78 if value & 1 else 0)
    assert crc32c(data) == value ^ 0xFFFFFFFF


def test_tensors_come_back(tmp_path: Path) -> None:
    write_checkpoint(tmp_path / "model", TENSORS)
    found = read(tmp_path)
    assert found.keys() == TENSORS.keys()
    for name, tensor in TENSORS.items():
        assert found[name].shape == tensor.shape and np.array_equal(found[name], tensor)


def test_a_checkpoint_that_tensorflow_wrote_is_read() -> None:
    found = read(BUNDLED)
    assert len(found) == 148 and found["conv2d_3/kernel"].shape == (5, 5, 32, 64)
    assert sum(t.nbytes for t in found.values()) == (BUNDLED / "model.data-00000-of-00001").stat().st_size
    assert all(np.all(np.isfinite(t)) for t in found.values())


@pytest.mark.parametrize(
    ("description", "message"),
    [
        (entry((3,), 0, NUMBERS, kind=14), "a tensor conv2d/bias of type 14, where only float32 is known"),
        (entry((3,), 1 << 40, NUMBERS), "in bytes 1099511627776 to 1099511627788 of"),
        (entry((1 << 20, 1 << 20), 0, NUMBERS), r"of shape \[1048576, 1048576\] in bytes 0 to 12"),
        (entry((1 << 40,), 0, NUMBERS), "of no fixed shape"),
        (field(1, FLOAT) + field(2, field(3, 1)), "of no fixed shape"),
        (entry((3,), 0, NUMBERS) + field(3, 1), "in several parts"),
        (entry((3,), 0, NUMBERS) + field(7, b""), "in several parts"),
        (entry((3,), 4, NUMBERS), "whose checksum is another"),
        (b"\x12\x7f", "a field that is longer than its message"),
        (b"\x0b", "a field of wire type 3"),
        (b"\xff" * 20, "a number without an end"),
    ],
)
def test_a_tensor_that_is_not_plain_numbers_is_refused(tmp_path: Path, description: bytes, message: str) -> None:
    write_checkpoint(tmp_path / "model", TENSORS, {"conv2d/bias": description})
    with pytest.raises(CheckpointError, match=message):
        read(tmp_path)


def test_compressed_blocks_are_refused(tmp_path: Path) -> None:
    write_checkpoint(tmp_path / "model", TENSORS)
    (tmp_path / "model.index").write_bytes(table([(b"a", b"b")], compression=1))
    with pytest.raises(CheckpointError, match="a block of compression 1"):
        read(tmp_path)


def test_a_key_that_repeats_more_than_there_was_is_refused(tmp_path: Path) -> None:
    write_checkpoint(tmp_path / "model", TENSORS)
    index = bytearray(table([(b"a", b"b")]))
    index[0] = 9  # bytes that the first key takes from the one before it
    size = 4 + 4 + 4 + 1  # one row of five bytes and eight bytes of restarts
    index[size + 1 : size + 5] = checksum(bytes(index[: size + 1]))
    (tmp_path / "model.index").write_bytes(index)
    with pytest.raises(CheckpointError, match="a key or value that is longer than its block"):
        read(tmp_path)


def test_changed_numbers_are_found(tmp_path: Path) -> None:
    write_checkpoint(tmp_path / "model", TENSORS)
    data = bytearray((tmp_path / "model.data-00000-of-00001").read_bytes())
    data[5] ^= 1
    (tmp_path / "model.data-00000-of-00001").write_bytes(data)
    with pytest.raises(CheckpointError, match="a tensor conv2d/bias whose checksum is another"):
        read(tmp_path)


@settings(max_examples=300, deadline=None)
@given(st.binary(max_size=60), st.integers(0, 4000), st.integers(0, 4000))
def test_no_damage_to_an_index_does_more_than_raise(tmp_path_factory: pytest.TempPathFactory, junk: bytes, at: int, cut: int) -> None:
    folder = tmp_path_factory.mktemp("damaged")
    write_checkpoint(folder / "model", TENSORS)
    whole = (folder / "model.index").read_bytes()
    at, cut = at % (len(whole) + 1), cut % (len(whole) + 1)
    damaged = whole[:at] + junk + whole[at + len(junk) :]
    for index in (damaged, whole[:cut], junk):
        (folder / "model.index").write_bytes(index)
        try:
            found = read(folder)
        except CheckpointError as error:
            assert "\n" not in str(error)
        else:
            assert all(np.array_equal(found[name], TENSORS[name]) for name in found)
