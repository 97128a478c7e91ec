"""The network, its loss and its optimizer in PyTorch, and its export to ONNX."""

from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from components.shared.encoders import ENCODERS
from components.shared.training import Batch, Values
from components.shared.voicefilter import BINS, COMPRESSION, FLOOR, LAYERS, Config, Magnitudes, Mask, onnx_graph

MOST_GRADIENT = 5.0
"""Length to which a step's gradient is cut: one odd mixture must not undo what an LSTM learned."""
_NETWORK, _MOMENTS = "network/", "adam/"


class VoiceFilter(nn.Module):
    """The network. Its tensors have the names that `onnx_graph` expects."""

    def __init__(self, config: Config) -> None:
        super().__init__()
        network, numbers = config.network, ENCODERS[config.voice_by].numbers
        widths = [1, *[network.channels] * (len(LAYERS) - 1), network.last_channels]
        self.convolutions = nn.ModuleList(
            nn.Conv2d(
                before,
                after,
                (frames, bins),
                (1, stride),
                padding=(dilation * (frames // 2), bins // 2),
                dilation=(dilation, 1),
                bias=False,
            )
            for before, after, (frames, bins, dilation), stride in zip(widths, widths[1:], LAYERS, network.strides, strict=False)
        )
        self.norms = nn.ModuleList(nn.BatchNorm2d(width) for width in widths[1:])
        heard = network.last_channels * network.columns + numbers
        self.lstm = nn.LSTM(heard, network.lstm, batch_first=True, bidirectional=network.bidirectional)
        self.dense = nn.ModuleList([nn.Linear(network.lstm * (1 + network.bidirectional), network.dense), nn.Linear(network.dense, BINS)])
        self.scale = float(np.sqrt(numbers))

    def forward(self, magnitudes: torch.Tensor, voice: torch.Tensor) -> torch.Tensor:
        """Returns masks shaped like magnitudes, (batch, frames, BINS); voices are shaped (batch, numbers)."""
        sound = (magnitudes + FLOOR).pow(COMPRESSION).unsqueeze(1)
        for convolution, norm in zip(self.convolutions, self.norms, strict=True):
            sound = torch.relu(norm(convolution(sound)))
        steps = sound.transpose(1, 2).flatten(2)
        voices = (voice * self.scale).unsqueeze(1).expand(-1, steps.shape[1], -1)
        steps, _ = self.lstm(torch.cat([steps, voices], dim=2))
        return torch.sigmoid(self.dense[1](torch.relu(self.dense[0](torch.relu(steps)))))


class Trainer:
    """The network with Adam, on a GPU if there is one: there it computes in bfloat16, and keeps weights in float32."""

    def __init__(self, config: Config, seed: int, loss_power: float, threads: int = 0) -> None:
        if threads:
            torch.set_num_threads(threads)
        self._device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
        torch.manual_seed(seed)
        self.model = VoiceFilter(config).to(self._device)
        self._config, self._power = config, loss_power
        self._adam = torch.optim.Adam(self.model.parameters(), lr=0.0)
        self.network = frozenset(f"{_NETWORK}{name}" for name in self.model.state_dict())

    @property
    def device(self) -> str:
        """Description of the device."""
        return torch.cuda.get_device_name() if self._device.type == "cuda" else f"the CPU, {torch.get_num_threads()} threads"

    def train_on(self, batch: Batch, learning_rate: float) -> float:
        """Runs one step of Adam and returns the loss before it."""
        self.model.train()
        for group in self._adam.param_groups:
            group["lr"] = learning_rate
        self._adam.zero_grad()
        loss = self._loss(batch)
        loss.backward()  # type: ignore[no-untyped-call]
        nn.utils.clip_grad_norm_(self.model.parameters(), MOST_GRADIENT)
        self._adam.step()
        return float(loss.detach())

    def _loss(self, batch: Batch) -> torch.Tensor:
        """The mean square of the difference of magnitudes, to the power of the loss."""
        mixture, target, voice = (torch.from_numpy(batch[name]).to(self._device) for name in ("mixture", "target", "voice"))
        with torch.autocast(self._device.type, torch.bfloat16, enabled=self._device.type == "cuda"):
            mask = self.model(mixture, voice)
        found = mask.float() * mixture
        if self._power < 1:
            found, target = (found + FLOOR).pow(self._power), (target + FLOOR).pow(self._power)
        return torch.mean((found - target) ** 2)

    def mask(self, magnitudes: Magnitudes, voice: NDArray[np.float32]) -> Mask:
        """Returns the mask of one mixture."""
        self.model.eval()
        with torch.no_grad():
            given = [torch.from_numpy(np.ascontiguousarray(array[None])).to(self._device) for array in (magnitudes, voice)]
            return np.asarray(self.model(*given)[0].cpu().numpy())

    def values(self) -> Values:
        """Returns copies of all values: the network's, and the moments of Adam."""
        found = {f"{_NETWORK}{name}": value for name, value in self.model.state_dict().items()}
        for number, state in self._adam.state_dict()["state"].items():
            found |= {f"{_MOMENTS}{number}/{name}": value for name, value in state.items()}
        return {name: value.detach().cpu().numpy().copy() for name, value in found.items()}

    def load(self, values: Values) -> None:
        """Sets the network's values, and those of Adam if there are any."""
        own = {name.removeprefix(_NETWORK): torch.from_numpy(value) for name, value in values.items() if name.startswith(_NETWORK)}
        self.model.load_state_dict(own)
        moments: dict[int, dict[str, Any]] = {}
        for name, value in values.items():
            if name.startswith(_MOMENTS):
                number, what = name.removeprefix(_MOMENTS).split("/")
                moments.setdefault(int(number), {})[what] = torch.from_numpy(np.array(value))
        if moments:
            self._adam.load_state_dict({**self._adam.state_dict(), "state": moments})

    def to_onnx(self) -> bytes:
        """Returns the network as an ONNX file."""
        return onnx_graph({name: value.detach().cpu().numpy() for name, value in self.model.state_dict().items()}, self._config)
