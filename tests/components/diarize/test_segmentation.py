"""The segmentation network in ONNX Runtime is PyTorch's, and its frames are where they should be."""

import numpy as np
import pytest

from components.diarize.activity import frames_in, nearest_frames, seconds
from components.diarize.encoder import SEGMENTATION, load_segmentation
from components.diarize.segmentation import FRAMES, WINDOW_SAMPLES
from components.shared.task import StageError
from recipes.speakers.recorded import signal
from tests.components.diarize.test_encoder import RECORDED


def test_the_probabilities_are_pytorch_s(hear):
    classes = hear(np.stack([signal(10.0), np.zeros(WINDOW_SAMPLES, np.float32)]))
    assert classes.shape == (2, FRAMES, 7)
    np.testing.assert_allclose(classes.sum(axis=2), 1, atol=1e-5)
    np.testing.assert_allclose(classes[0, ::100], RECORDED["segmentation"], atol=1e-4)
    assert classes[1, :, 0].min() > 0.9, "nobody speaks in silence"


def test_a_window_has_its_frames_and_times_lead_back_to_them():
    assert frames_in(WINDOW_SAMPLES) == FRAMES
    assert [frames_in(n) for n in (0, 990, 991, 1260, 1261)] == [0, 0, 1, 1, 2]
    frames = np.arange(2_000_000, 2_000_100)
    np.testing.assert_array_equal(nearest_frames(seconds(frames)), frames)
    assert seconds(np.array([0]))[0] == pytest.approx(0.0225)


def test_the_number_of_threads_changes_no_bit(hear):
    windows = np.stack([signal(10.0), signal(10.0)[::-1]])
    assert hear(windows).tobytes() == load_segmentation(threads=3)(windows).tobytes()


def test_a_missing_network_is_an_error_with_the_way_out(tmp_path):
    with pytest.raises(StageError, match=rf"expected the network {SEGMENTATION.rpartition('/')[2]} .* found none: install this stage"):
        load_segmentation(1, tmp_path)
