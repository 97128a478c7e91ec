"""The documents say what the code does: their generated parts are current, and what they quote and link to exists."""

import ast
import dataclasses
import re
from pathlib import Path

import pytest

from components.deployment import ROOT
from components.shared.events import BOUNDS
from docs import generate
from pipelines.dataset import SHARD_STAGES, STAGES
from tests.test_rooms import imports, modules, room

DOCS = ROOT / "docs"
PAGES = [*generate.PAGES, ROOT / "CONTRIBUTING.md", ROOT / "CHANGELOG.md"]


def text_of(page: str) -> str:
    return (DOCS / page).read_text(encoding="utf-8")


def table(text: str, head: str) -> dict[str, list[str]]:
    """The rows of the table whose head begins so, by the name in their first column."""
    lines = text.partition(f"\n{head}")[2].partition("\n\n")[0].splitlines()[2:]
    rows = [[cell.strip() for cell in line.strip("|").split(" | ")] for line in lines if line.startswith("|")]
    return {re.sub(r"\W+.*", "", row[0].lstrip("[`")): row[1:] for row in rows}


def names(cell: str) -> list[str]:
    return re.findall(r"`(\w+)`", cell)


@pytest.mark.parametrize("page", generate.PAGES, ids=lambda page: page.name)
def test_the_generated_parts_are_current(page: Path) -> None:
    text = page.read_text(encoding="utf-8")
    assert generate.rendered(text) == text, f"{page.name} does not say what the code does: run make docs"


def test_every_generated_part_is_in_a_page() -> None:
    pages = "".join(page.read_text(encoding="utf-8") for page in generate.PAGES)
    assert set(re.findall(r"<!-- generated: (.+) -->", pages)) == set(generate.PARTS)
    assert "<!-- generated: graph -->" in (ROOT / "README.md").read_text(encoding="utf-8")


def test_the_table_of_stages_is_the_pipeline() -> None:
    cells = table(text_of("stages.md"), "| stage | reads |")
    assert list(cells) == [stage.name for stage in STAGES]
    for stage in SHARD_STAGES[1:]:
        specs = stage.component.component_spec
        artifacts = [n for n, s in specs.inputs.items() if str(s.type).startswith("system.")]
        assert [n for n in names(cells[stage.name][0]) if n != "shard"] == artifacts, stage.name
        assert names(cells[stage.name][1]) == list(specs.outputs), stage.name


def test_the_ranges_are_those_of_the_checks() -> None:
    stages = {stage.name: stage for stage in STAGES}
    ranges = {
        ("cut", "max_seconds"): "1 to 3600",
        ("separate", "batch_segments"): "1 to 64",
        ("discover", "shard_seconds"): "above 0",
        ("discover", "attempts"): "1 or more",
        ("download", "sleep_seconds"): "0 to `download_max_sleep_seconds`",
        ("download", "max_sleep_seconds"): "`download_sleep_seconds` or more",
        ("publish", "min_characters_per_second"): "0 to 100",
    }
    assert {key: generate.range_of(stages[key[0]], key[1]) for key in ranges} == ranges


def test_every_column_is_explained_and_every_kind_of_row_has_a_place() -> None:
    meanings = generate.column_meanings()
    assert [key for key, text in meanings.items() if not text] == []
    places = text_of("data-dictionary.md").partition("## Tables")[0]
    written = {kind for _, _, _, kind in generate.written()}
    for kind, _ in generate.row_kinds():
        assert kind.__name__ in written or f"(#{kind.__name__.lower()})" in places or kind.__subclasses__(), kind.__name__
        assert all((kind.__name__, field.name) in meanings for field in dataclasses.fields(kind))


def test_every_parameter_is_in_the_page_of_parameters() -> None:
    found = re.findall(r"^\| `(\w+)` \|", text_of("parameters.md"), re.M)
    expected = [name for pipeline in generate.PIPELINES.values() for name in pipeline.build(generate.LOCAL).component_spec.inputs]
    assert found == expected
    assert [line for line in text_of("parameters.md").splitlines() if line.startswith("| `") and line.endswith("|  |")] == []


def test_every_stage_of_a_shard_has_its_disk() -> None:
    named = {name for row in (DOCS / "operating.md").read_text().splitlines() if row.startswith("| `") for name in names(row)}
    audio = {artifact for _, artifact, _, kind in generate.written() if kind == "Recording"}
    for stage in SHARD_STAGES:
        own = {*stage.component.component_spec.outputs, *generate.reads(stage)} & audio
        assert stage.name in named or own <= {"voices", "clean"}, f"{stage.name}: name it in the table of disks of docs/operating.md"


# --- what is written by hand


def test_the_page_of_events_has_the_bound_of_each() -> None:
    lines = re.findall(r"^\| `(\w+)` \| ([\d.]+) \|", (DOCS / "events.md").read_text(encoding="utf-8"), re.M)
    assert {name: float(bound) for name, bound in lines} == BOUNDS


def anchors(page: Path) -> set[str]:
    """The anchors of a page's headings, as GitHub makes them."""
    headings = re.findall(r"^#+ (.*)$", page.read_text(encoding="utf-8"), re.M)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links_lead_somewhere(page: Path) -> None:
    for target in re.findall(r"\]\(([^)\s]+)\)", page.read_text(encoding="utf-8")):
        if not target.startswith(("http://", "https://")):
            path, _, anchor = target.partition("#")
            other = page.parent / path if path else page
            assert other.exists(), target
            assert not anchor or anchor in anchors(other), target


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_make_command_exists(page: Path) -> None:
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    for target in re.findall(r"(?:^ {4}|`|&& |; )make ([a-z][a-z-]*)", page.read_text(encoding="utf-8"), re.M):
        assert re.search(rf"^{target}:", makefile, re.M), target


def strings() -> list[str]:
    """Every text in the source; "…" stands for a value within it."""
    found = []
    for folder in ("components", "pipelines", "store", "manifests"):
        for path in (ROOT / folder).rglob("*.py"):
            for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
                if isinstance(node, ast.JoinedStr):
                    found.append("".join(str(v.value) if isinstance(v, ast.Constant) else "…" for v in node.values))
                elif isinstance(node, ast.Constant) and isinstance(node.value, str):
                    found.append(node.value)
    makefile = re.sub(r"\{.*?\}", "…", (ROOT / "Makefile").read_text(encoding="utf-8"))
    return [*found, makefile]


def test_every_error_of_speechmill_in_the_page_of_troubles_is_in_the_source() -> None:
    own, _, foreign = text_of("troubleshooting.md").partition("\n## Messages of other programs")
    quoted = re.findall(r"^\*\*`(.+)`\*\*$", own, re.M)
    assert len(quoted) > 20 and foreign
    source = strings()
    assert [text for text in quoted if not any(text in found for found in source)] == []


def test_the_diagram_of_folders_shows_who_imports_whom() -> None:
    diagram = text_of("architecture.md").partition("```mermaid")[2].partition("```")[0]
    shown = {(a, b) for a, b in re.findall(r"(\w+) --> (\w+)", diagram)}
    known = modules("pipelines")
    used = {(room(name), room(other)) for name, path in known.items() for other in imports(path) if other in known}
    assert shown == {(a, b) for a, b in used if a != b}
