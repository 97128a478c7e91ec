"""What a configuration says of Spleeter's U-Nets, and the variables that a checkpoint must have for them.

Each instrument has a U-Net of its own (Jansson and others, Singing voice separation with deep U-Net convolutional networks, ISMIR
2017). Keras numbers the layers of a kind through all instruments.
"""

from typing import Any, NamedTuple

CHANNELS = 2
"""Output channels of Spleeter's U-Net, whatever the configuration says."""
HALVINGS = 6
"""Number of times that the U-Net halves its input. Frames and bins must be multiples of 2 ** 6."""
FILTERS = (16, 32, 64, 128, 256, 512)
"""Output channels of the convolutions, unless a configuration has others."""
NORMALIZATION = ("gamma", "beta", "moving_mean", "moving_variance")
"""Variables of a batch normalization."""


class Unet(NamedTuple):
    """What a configuration says of the networks."""

    instruments: int
    speech: int
    """Index of the speech among the instruments."""
    filters: tuple[int, ...]
    """Output channels of the six convolutions."""
    activation: str
    """Relu, LeakyRelu or Elu, after the convolutions."""
    up_activation: str
    """The same, after the transposed convolutions."""
    softmax: bool
    """Whether the instruments share each bin by a softmax; else each has a sigmoid of its own."""
    exponent: float
    """Power of the magnitudes by which the instruments share the mix."""


def unet_of(model: dict[str, Any], instruments: int, speech: int, exponent: float) -> Unet:
    """Returns the networks that a configuration's `model` describes. As in Spleeter, an unknown activation is the usual one."""
    params = model["params"]
    down = {"ReLU": "Relu", "ELU": "Elu"}.get(str(params.get("conv_activation")), "LeakyRelu")
    up = {"LeakyReLU": "LeakyRelu", "ELU": "Elu"}.get(str(params.get("deconv_activation")), "Relu")
    filters = tuple(params.get("conv_n_filters", FILTERS))
    return Unet(instruments, speech, filters, down, up, model["type"] == "unet.softmax_unet", exponent)


class Names(NamedTuple):
    """Keras's names for the layers of an instrument's U-Net."""

    instrument: int

    def convolution(self, layer: int) -> str:
        return _numbered("conv2d", self.instrument * (HALVINGS + 1) + layer)

    def transposed(self, layer: int) -> str:
        return _numbered("conv2d_transpose", self.instrument * HALVINGS + layer)

    def normalization(self, layer: int) -> str:
        return _numbered("batch_normalization", self.instrument * 2 * HALVINGS + layer)


def _numbered(name: str, number: int) -> str:
    return f"{name}_{number}" if number else name


def shapes(unet: Unet) -> dict[str, tuple[int, ...]]:
    """Returns the names and shapes of the variables that the networks use.

    A kernel is shaped (frames, bins, inputs, outputs), that of a transposed convolution (frames, bins, outputs, inputs). Spleeter makes
    more variables, which change no result: its normalization of the sixth convolution leads nowhere.
    """
    found: dict[str, tuple[int, ...]] = {}
    down = (CHANNELS, *unet.filters)
    up = (*unet.filters[-2::-1], 1)
    up_inputs = (unet.filters[-1], *(2 * n for n in unet.filters[-2::-1]))  # the output before and that of the convolution of its size
    for number in range(unet.instruments):
        names = Names(number)
        layers = [(names.convolution(layer), (5, 5, down[layer], down[layer + 1]), down[layer + 1]) for layer in range(HALVINGS)]
        layers += [(names.transposed(layer), (5, 5, up[layer], up_inputs[layer]), up[layer]) for layer in range(HALVINGS)]
        layers.append((names.convolution(HALVINGS), (4, 4, 1, CHANNELS), CHANNELS))
        for name, kernel, outputs in layers:
            found |= {f"{name}/kernel": kernel, f"{name}/bias": (outputs,)}
        normalized = [(layer, unet.filters[layer]) for layer in range(HALVINGS - 1)]
        normalized += [(HALVINGS + layer, up[layer]) for layer in range(HALVINGS)]
        found |= {f"{names.normalization(layer)}/{part}": (size,) for layer, size in normalized for part in NORMALIZATION}
    return found
