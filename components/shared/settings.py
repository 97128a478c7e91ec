"""Settings of stages: declared once as the fields of a dataclass, checked with the same error texts in every stage."""

import dataclasses
import inspect
from collections.abc import Callable, Collection, Iterable, Mapping
from math import inf
from typing import Annotated, Any, Literal, NamedTuple, TypeVar, get_args, get_origin

from components.shared.task import StageError

Range = tuple[float, float, float]
"""Value, minimum and maximum; the maximum may be infinite."""
F = TypeVar("F", bound=Callable[..., Any])
Settings = TypeVar("Settings")


class Between(NamedTuple):
    """The range of a setting, in its annotation: `Annotated[int, Between(1, 64)]`."""

    least: float
    most: float = inf


def declare(function: F, settings: Iterable[tuple[str, type, Any]]) -> F:
    """Puts settings, each a name, a type and a default, into a function's signature in place of its `**given`."""
    signature, kind = inspect.signature(function), inspect.Parameter.POSITIONAL_OR_KEYWORD  # as if the signature spelled them out
    own = [p for p in signature.parameters.values() if p.kind is not p.VAR_KEYWORD]
    added = [inspect.Parameter(name, kind, default=default, annotation=annotation) for name, annotation, default in settings]
    function.__signature__ = signature.replace(parameters=[*own, *added])  # type: ignore[attr-defined]
    return function


def takes(settings: type) -> Callable[[F], F]:
    """Returns a decorator that declares the fields of a dataclass as the settings of a program."""
    return lambda main: declare(main, ((f.name, _plain(f.type), inspect.Parameter.empty) for f in dataclasses.fields(settings)))


def _plain(annotation: Any) -> type:
    """Returns the type of a setting's values without its range or its choices."""
    if get_origin(annotation) is Literal:
        return str
    return get_args(annotation)[0] if get_origin(annotation) is Annotated else annotation


def checked(stage: str, settings: Settings) -> Settings:
    """Returns the settings. Raises StageError if one is not in its `Between` or not a choice of its Literal."""
    for field in dataclasses.fields(settings):  # type: ignore[arg-type]
        value = getattr(settings, field.name)
        if get_origin(field.type) is Literal:
            check_choice(stage, field.name, value, get_args(field.type))
        elif get_origin(field.type) is Annotated:
            check_ranges(stage, {field.name: (value, *get_args(field.type)[1])})
    return settings


def check_ranges(stage: str, ranges: Mapping[str, Range], unit: str = "") -> None:
    """Raises StageError if a value is out of its range or NaN. `ranges` has a setting's name as key."""
    for name, (value, least, most) in ranges.items():
        if not least <= value <= most:
            allowed = f"{least:g} or more" if most == inf else f"{least:g} to {most:g}"
            raise StageError(f"parameter {stage}_{name}: expected {' '.join(filter(None, (allowed, unit)))}, found {value:g}")


def check_choice(stage: str, name: str, value: str, choices: Collection[str]) -> None:
    """Raises StageError unless a setting's value is one of the choices."""
    if value not in choices:
        raise StageError(f"parameter {stage}_{name}: expected {', '.join(choices)}, found {value!r}")
