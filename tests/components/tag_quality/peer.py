"""Microsoft's own DNSMOS, as its package speechmos runs it."""

import sys
import types
from typing import Any

import numpy as np


def package() -> Any:
    """The package's scorer: called with (sound, 16000, False) it gives sig_mos, bak_mos and ovrl_mos.

    What it imports for another score, P.808's, is not in the stage's environment; that score is of nothing here.
    """
    for name, members in {"librosa": {}, "requests": {"session": None}}.items():
        if name not in sys.modules:
            sys.modules[name] = types.ModuleType(name)
            vars(sys.modules[name]).update(members)
    from speechmos import dnsmos

    class P835(dnsmos.DNSMOS):
        """Scores P.808 by a spectrum of zeros."""

        def audio_melspec(self, audio: np.ndarray, **_: Any) -> np.ndarray:
            return np.zeros((900, 120))

    from components.shared.dnsmos import network_path

    return P835(str(network_path()), str(network_path().with_name("model_v8.onnx")))
