"""kfp without what only commands for clusters use: its client, and Kubernetes' API, which take half of its import.

Modules that need those import them by their full names.
"""

import importlib.util
import sys
from types import ModuleType


def _unloaded(name: str) -> ModuleType:
    """Returns a package that has not run its __init__ and whose modules can be imported."""
    spec = importlib.util.find_spec(name)
    assert spec
    return importlib.util.module_from_spec(spec)


def _lazy(name: str) -> ModuleType:
    """Returns a module that is loaded when one of its attributes is read."""
    spec = importlib.util.find_spec(name)
    assert spec and spec.loader
    spec.loader = importlib.util.LazyLoader(spec.loader)
    module = sys.modules[name] = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


if "kfp" not in sys.modules and "kubernetes" not in sys.modules:
    sys.modules["kubernetes"] = _unloaded("kubernetes")
    sys.modules["kubernetes"].client = _lazy("kubernetes.client")  # type: ignore[attr-defined]
    kfp_spec = importlib.util.find_spec("kfp")
    assert kfp_spec and kfp_spec.submodule_search_locations
    client = ModuleType("kfp.client")
    client.__path__ = [f"{folder}/client" for folder in kfp_spec.submodule_search_locations]
    client.Client = None  # type: ignore[attr-defined]  # kfp's __init__ imports it
    sys.modules["kfp.client"] = client

from kfp import dsl as dsl  # noqa: E402
from kfp import kubernetes as kubernetes  # noqa: E402
