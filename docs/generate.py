"""Writes the generated parts of the documents: `make docs`. tests/test_docs.py checks that they are current.

A generated part stands between the lines `<!-- generated: NAME -->` and `<!-- end -->`, where NAME is a key of PARTS.
"""

import ast
import dataclasses
import inspect
import re
import textwrap
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping
from functools import cache
from graphlib import TopologicalSorter
from pathlib import Path
from types import ModuleType
from typing import Any, get_args

import docstring_parser
from google.protobuf import json_format

from components.deployment import LOCAL, ROOT, Deployment, deployed
from components.shared import events, extraction, refusals, review, rows, transcript
from components.shared.rows import Vector
from components.shared.task import StageError
from components.shared.windows import REFERENCE_TABLE, WINDOWS_TABLE
from components.stage import Stage
from components.train_tone import rows as training_rows
from pipelines import dataset, training
from pipelines.inputs.settings import check_settings
from pipelines.inputs.slots import SLOTS
from store import forgotten, ledger, repeats, reviews, tags, version_rows, voices

PAGES = (ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md")))
PIPELINES = {"dataset": dataset, "training": training}
ROW_MODULES = (rows, extraction, events, transcript, review, training_rows, ledger, version_rows, tags, repeats, voices, reviews, forgotten)
TYPES = {
    str: "text",
    int: "integer",
    float: "number",
    bool: "true or false",
    bytes: "bytes",
    list[str]: "list of texts",
    Vector: "list of numbers",
    float | None: "number or null",
}
UNITS = {
    "seconds": "s",
    "start": "s",
    "end": "s",
    "minutes": "min",
    "hz": "Hz",
    "db": "dB",
    "lufs": "LUFS",
    "dbtp": "dBTP",
    "semitones": "semitones",
    "semitones_per_second": "semitones/s",
    "characters_per_second": "characters/s",
    "bytes": "bytes",
    "samples": "samples",
    "steps": "steps",
}
"""Units by the end of a name; the longest end counts."""
LARGEST = 1e12


def rendered(text: str) -> str:
    """A page with its generated parts made anew."""
    return re.sub(r"(<!-- generated: ([^\n]+) -->\n).*?(<!-- end -->)", lambda m: f"{m[1]}{PARTS[m[2]]()}{m[3]}", text, flags=re.DOTALL)


def table(head: Iterable[str], body: Iterable[Iterable[str]]) -> str:
    """A table in Markdown."""
    lines = [head := list(head), ["---"] * len(head), *([cell.replace("|", r"\|") for cell in row] for row in body)]
    return "".join(f"| {' | '.join(line)} |\n" for line in lines)


def wrapped(text: str, indent: str = "") -> str:
    """Text in lines of up to 100 characters."""
    return textwrap.fill(text, 100, subsequent_indent=indent, break_long_words=False, break_on_hyphens=False)


def unit(name: str) -> str:
    """The unit that a name ends in, or ""."""
    ends = [end for end in UNITS if f"_{name}".endswith(f"_{end}")]
    return UNITS[max(ends, key=len)] if ends else ""


def linked(text: str | None) -> str:
    """A docstring's text on one line of Markdown, with links to the pages that it names."""
    line = re.sub(r"docs/([\w-]+\.md)", r"[\1](\1)", " ".join((text or "").split()))
    return "`".join(part if number % 2 else part.replace("<", r"\<") for number, part in enumerate(line.split("`")))


# --- parameters


def accepts(stage: Stage, given: Mapping[str, Any]) -> bool:
    """Whether the stage takes these settings, and its defaults for the others."""
    try:
        check_settings(stage.name, {name: p.default for name, p in stage.settings.items()} | dict(given))
    except StageError:
        return False
    return True


def bound(stage: Stage, name: str, direction: int) -> tuple[float, bool] | None:
    """The last number that the stage takes for a setting, and whether it takes that one itself; None if it takes any."""
    default = stage.settings[name].default
    number = type(default)
    inside, step = default, number(1)
    while accepts(stage, {name: (outside := default + direction * step)}):
        inside, step = outside, step * 4
        if step > LARGEST:
            return None
    while (middle := (inside + outside) // 2 if number is int else (inside + outside) / 2) not in (inside, outside):
        inside, outside = (middle, outside) if accepts(stage, {name: middle}) else (inside, middle)
    edge = inside if number is int else round(inside, 6) + 0.0
    return edge, accepts(stage, {name: edge})


def bound_text(stage: Stage, name: str, edge: float) -> str:
    """The number, or the other setting that sets it."""
    for other, parameter in stage.settings.items():
        if other != name and parameter.default == edge and not isinstance(parameter.default, bool | str):
            for moved in (type(edge)(edge + 1), type(edge)(edge - 1)):
                if accepts(stage, {other: moved, name: moved}) and not accepts(stage, {name: moved}):
                    return f"`{stage.name}_{other}`"
    return f"{edge:.12g}"


def range_of(stage: Stage, name: str) -> str:
    """The values that the stage takes for a setting, as its check of settings has it."""
    parameter = stage.settings[name]
    if choices := get_args(parameter.annotation):
        return ", ".join(f"`{choice}`" for choice in choices)
    if parameter.annotation not in (int, float):
        return ""
    (low, high) = (bound(stage, name, direction) for direction in (-1, 1))
    least, most = (bound_text(stage, name, edge[0]) if edge else "" for edge in (low, high))
    if low and high and low[1] and high[1]:
        return f"{least} to {most}"
    parts = [f"{least} or more" if low[1] else f"above {least}"] if low else []
    parts += [f"{most} or less" if high[1] else f"below {most}"] if high else []
    return ", ".join(parts) or "any"


def type_of(annotation: Any) -> str:
    """What a person calls the type of a parameter or a column."""
    return "choice" if get_args(annotation) and annotation not in TYPES else TYPES[annotation]


def value(given: Any) -> str:
    """A default as Kubeflow's form and the command line take it."""
    return f"`{str(given).lower() if isinstance(given, bool) else given}`" if given != "" else "empty"


def meanings(documented: Any) -> dict[str, str]:
    """What a docstring says of each parameter."""
    return {p.arg_name: linked(p.description) for p in docstring_parser.parse(documented).params}


def parameters(pipeline: str) -> str:
    """A table of the pipeline's own parameters, and one for each of its stages that has settings."""
    head = ("parameter", "type", "default", "range", "unit", "meaning")
    inputs = PIPELINES[pipeline].build(LOCAL).component_spec.inputs
    stages = PIPELINES[pipeline].STAGES
    of_stages = {f"{stage.name}_{name}" for stage in stages for name in stage.settings}
    own = []
    for name, spec in inputs.items():
        if name not in of_stages:
            meaning = SLOTS[name].help if name in SLOTS else spec.description
            own.append([f"`{name}`", TYPES[type(spec.default)], value(spec.default), "", "", linked(meaning)])
    parts = [f"### The pipeline's own\n\n{table(head, own)}"]
    for stage in stages:
        said = meanings(stage.doc)
        body = [
            [f"`{stage.name}_{name}`", type_of(p.annotation), value(p.default), range_of(stage, name), unit(name), said[name]]
            for name, p in stage.settings.items()
        ]
        if body:
            parts.append(f"### {stage.name}\n\n{table(head, body)}")
    return "\n".join(parts)


# --- tables of rows


@cache
def written() -> list[tuple[str, str, str, str]]:
    """Every table that a stage writes: stage, artifact, file, kind of row."""
    found = []
    for path in sorted((ROOT / "components").glob("*/__main__.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in ("write_rows", "WindowsWriter"):
                texts = [a.value for a in node.args if isinstance(a, ast.Constant) and isinstance(a.value, str)]
                names = [a.id for a in node.args if isinstance(a, ast.Name)]
                if node.func.id == "WindowsWriter":
                    kind, file = "Window", REFERENCE_TABLE if "REFERENCE_TABLE" in names else WINDOWS_TABLE
                else:
                    kind, file = names[1], (texts or ["rows"])[0]
                found.append((path.parent.name, names[0], f"{file}.parquet", kind))
    return sorted(set(found), key=lambda table: (table[0], table[1], table[2] != "rows.parquet", *table[2:]))


def explained(module: ModuleType) -> dict[str, dict[str, str]]:
    """The docstring of every column of every class of a module, "" where there is none."""
    found: dict[str, dict[str, str]] = {}
    for kind in ast.parse(inspect.getsource(module)).body:
        if isinstance(kind, ast.ClassDef):
            columns = found.setdefault(kind.name, {})
            for node, after in zip(kind.body, [*kind.body[1:], None], strict=True):
                if isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name):
                    text = after.value if isinstance(after, ast.Expr) else None
                    columns[node.target.id] = linked(str(text.value)) if isinstance(text, ast.Constant) else ""
    return found


def row_kinds() -> list[tuple[type, ModuleType]]:
    """Every kind of row, with its module."""
    return [
        (kind, module)
        for module in ROW_MODULES
        for kind in vars(module).values()
        if isinstance(kind, type) and kind.__module__ == module.__name__
        if dataclasses.is_dataclass(kind)
    ]


def column_meanings() -> dict[tuple[str, str], str]:
    """What each column of each kind of row means: its own docstring, else that of the same column of the first kind that has one."""
    own = {
        (kind, column): text for module in ROW_MODULES for kind, columns in explained(module).items() for column, text in columns.items()
    }
    first: dict[str, str] = {}
    for (_, column), text in own.items():
        first.setdefault(column, text) if text else None
    found = {}
    for kind, _ in row_kinds():
        for field in dataclasses.fields(kind):
            texts = (own.get((base.__name__, field.name), "") for base in kind.__mro__)
            found[kind.__name__, field.name] = next(filter(None, texts), "") or first.get(field.name, "")
    return found


def tables() -> str:
    """Every kind of row: where it is found, and its columns."""
    meaning, parts = column_meanings(), []
    for kind, _ in row_kinds():
        places = [f"`{artifact}/{file}` of `{stage}`" for stage, artifact, file, row in written() if row == kind.__name__]
        if not places and kind.__subclasses__():
            continue
        lines = [f"### {kind.__name__}\n", f"{wrapped(linked(inspect.getdoc(kind)))}\n"]
        if places:
            lines.append(wrapped(f"Written as {', '.join(places)}.") + "\n")
        body = [[f"`{f.name}`", type_of(f.type), unit(f.name), meaning[kind.__name__, f.name]] for f in dataclasses.fields(kind)]
        parts.append("\n".join([*lines, table(("column", "type", "unit", "meaning"), body)]))
    return "\n".join(parts)


# --- stages


@cache
def order(pipeline: Any) -> set[tuple[str, str]]:
    """Which stage runs before which, without what follows from the rest."""
    spec = json_format.MessageToDict(pipeline.build(LOCAL).pipeline_spec)
    executors, pairs = spec["deploymentSpec"]["executors"], set[tuple[str, str]]()

    def walk(dag: Mapping[str, Any], before: set[str]) -> set[str]:
        """Adds the pairs of a graph that begins after some stages; returns those that it ends with."""
        waits = {name: task.get("dependentTasks", []) for name, task in dag["tasks"].items()}
        ends: dict[str, set[str]] = {}
        for name in TopologicalSorter(waits).static_order():
            component = spec["components"][dag["tasks"][name]["componentRef"]["name"]]
            previous = set().union(*(ends[w] for w in waits[name])) or before
            container = executors.get(component.get("executorLabel"), {}).get("container")
            if container:
                stage = container["command"][-1].removeprefix("components.")
                pairs.update((p, stage) for p in previous)
            ends[name] = {stage} if container else walk(component["dag"], previous) if "dag" in component else previous
        return set().union(*(ends[n] for n in waits if not any(n in w for w in waits.values())))

    walk(spec["root"]["dag"], set())
    after: dict[str, set[str]] = defaultdict(set)
    for one, other in pairs:
        after[one].add(other)

    def reached(stage: str) -> set[str]:
        return after[stage] | set().union(*(reached(s) for s in set(after[stage])))

    return {(a, b) for a, b in pairs if not any(b in reached(c) for c in after[a] - {b})}


def graph() -> str:
    """A recording's way through the dataset pipeline, as a diagram in Mermaid."""
    place = {stage.name: number for number, stage in enumerate(dataset.STAGES)}
    lines = [f"    {a} --> {b}" for a, b in sorted(order(dataset), key=lambda pair: [place[name] for name in pair])]
    return "\n".join(["```mermaid", "flowchart LR", *lines, "```\n"])


def shard() -> str:
    """How many tasks and pods a shard is."""
    names = {stage.name for stage in dataset.SHARD_STAGES}
    waits = {name: {a for a, b in order(dataset) if b == name and a in names} for name in names}
    level: dict[str, int] = {}
    for name in TopologicalSorter(waits).static_order():
        level[name] = 1 + max((level[w] for w in waits[name]), default=0)
    pods = 2 * len(names) + 2  # a driver and the work, also of the branch itself
    text = f"One shard is {len(names)} tasks in {max(level.values())} levels. A run with N shards is about {pods} N + 20 pods."
    return f"{wrapped(text)}\n"


def reads(stage: Stage) -> list[str]:
    """The artifacts and the texts that a stage works on."""
    specs = stage.component.component_spec.inputs
    return [n for n in specs if n not in {*stage.settings, "dataset", "store", "allow_private", "run"}]


def cores(text: str) -> str:
    return f"{float(text.removesuffix('m')) / (1000 if text.endswith('m') else 1):g}"


def needs(stage: Stage) -> list[str]:
    """What the tasks of a stage ask for: CPU, memory, hours, GPU, network, secrets, cache."""
    needed = stage.needs
    with deployed(Deployment(azure=True)):
        with_azure = stage.needs
    network = "internet" if needed.internet else "store" if needed.store else "none"
    secrets = [f"`speechmill-{needed.store}`"] if needed.store else []
    secrets += [f"`{name}`" + (" with Azure" if needed.azure else "") for name in with_azure.secrets]
    return [
        f"{cores(needed.cpu)} to {cores(needed.cpu_limit)}",
        needed.memory.replace("Gi", " GiB"),
        str(needed.timeout_hours),
        "yes" if needed.gpu else "no",
        network + ("; internet with Azure" if with_azure.internet != needed.internet else ""),
        ", ".join(secrets),
        "yes" if needed.cached else "no",
    ]


def stage_needs() -> str:
    """What the tasks of every stage ask for."""
    head = ("stage", "CPU cores", "memory", "hours", "GPU", "network", "secrets", "cached")
    return table(head, ([f"[`{stage.name}`](#{stage.name})", *needs(stage)] for module in PIPELINES.values() for stage in module.STAGES))


def stages(pipeline: str) -> str:
    """A table of a pipeline's stages, and a section on each."""
    parts, body = [], []
    for stage in PIPELINES[pipeline].STAGES:
        doc = docstring_parser.parse(stage.doc)
        outputs = stage.component.component_spec.outputs or {}
        kinds = defaultdict(list)
        for name, artifact, file, kind in written():
            if name == stage.name:
                kinds[artifact].append(f"[{kind}](data-dictionary.md#{kind.lower()})" + (f" in `{file}`" if file != "rows.parquet" else ""))
        made = [f"`{name}`" + (f" ({', '.join(kinds[name])})" if kinds[name] else "") for name in outputs]
        text = f"{linked(doc.short_description)} {linked(doc.long_description)}".strip()
        facts = [f"- Reads: {', '.join(f'`{name}`' for name in reads(stage))}", f"- Writes: {', '.join(made)}"]
        facts += [f"- Settings: [parameters.md](parameters.md#{stage.name})"] if stage.settings else []
        lines = [f"### {stage.name}\n", f"{wrapped(text)}\n", *(wrapped(fact, "  ") for fact in facts)]
        parts.append("\n".join([*lines, ""]))
        written_names = ", ".join(f"`{name}`" for name in outputs)
        body.append(
            [f"[`{stage.name}`](#{stage.name})", ", ".join(f"`{n}`" for n in reads(stage)), written_names, linked(doc.short_description)]
        )
    return "\n".join([table(("stage", "reads", "writes", "does"), body), *parts])


def refusal_table() -> str:
    """The kinds of refusals."""
    waits = ("for ever" if k.wait_hours == refusals.NEVER else f"{k.wait_hours:g} h" for k in refusals.REFUSALS)
    body = ((f"`{k.name}`", w, "yes" if k.counts else "no", k.advice) for k, w in zip(refusals.REFUSALS, waits, strict=True))
    return table(("kind", "first wait", "attempt", "what to do"), body)


PARTS: dict[str, Callable[[], str]] = {
    "graph": graph,
    "refusals": refusal_table,
    "shard": shard,
    "stage needs": stage_needs,
    "tables": tables,
    **{f"parameters {name}": lambda name=name: parameters(name) for name in PIPELINES},  # type: ignore[misc]
    **{f"stages {name}": lambda name=name: stages(name) for name in PIPELINES},  # type: ignore[misc]
}
"""What makes each generated part."""


def write(pages: Iterable[Path]) -> None:
    """Brings the pages up to date."""
    for page in pages:
        if (new := rendered(text := page.read_text(encoding="utf-8"))) != text:
            page.write_text(new, encoding="utf-8")
            print(f"wrote {page.relative_to(ROOT)}")


if __name__ == "__main__":
    write(PAGES)
