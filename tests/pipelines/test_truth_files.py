"""Files in which people wrote down the tones of recordings."""

from pathlib import Path

import pytest
from click.testing import CliRunner

from components.shared.rows import DatasetRow
from components.shared.table import empty
from components.shared.task import StageError
from pipelines.commands.dataset import command
from pipelines.datasets.truth import read_truth_file
from store.datasets import DatasetStore
from store.interface import StoreError
from store.objects import open_store
from store.truth import Truth, read_truth
from tests.versions import put_version

ROWS = [Truth("https://example.org/a.mp3", 0.0, 2.5, "calm"), Truth("둘, 셋.wav", 1.0, 2.0, "")]


def test_csv_and_json_lines_say_the_same(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text(
        '\ufefftone,source,start,end\ncalm,https://example.org/a.mp3,0,2.5\n,"둘, 셋.wav",1.0,2\n', encoding="utf-8"
    )
    (tmp_path / "a.jsonl").write_text(
        '{"source": "https://example.org/a.mp3", "start": 0, "end": 2.5, "tone": "calm"}\n\n'
        '{"source": "둘, 셋.wav", "start": 1, "end": 2, "tone": ""}\n',
        encoding="utf-8",
    )
    assert read_truth_file(tmp_path / "a.csv") == read_truth_file(tmp_path / "a.jsonl") == ROWS


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "expected the header source,start,end,tone"),
        ("source,start,end,tone\n", "found none"),
        ("source,start,end\na,0,1\n", "found 'source,start,end'"),
        ("source,start,end,tone\na,0,1,calm\na,2,1,calm\n", "in line 3"),
        ("source,start,end,tone\na,zero,1,calm\n", "in line 2"),
        ("source,start,end,tone\na,0,nan,calm\n", "in line 2"),
        ("source,start,end,tone\na,0,inf,calm\n", "in line 2"),
        ("source,start,end,tone\na,0,1\n", "in line 2"),
        ("source,start,end,tone\na,0,1,calm,more\n", "in line 2"),
        (",0,1,calm\n", "expected the header"),
        ('{"source": "a", "start": 0, "end": 1, "tone": "calm"}\n{"source": "a"\n', "in line 2"),
        ('{"source": "a", "start": 0, "end": 1, "tone": null}', "in line 1"),
        ('{"source": "a", "start": 0, "end": 1}', "in line 1"),
    ],
)
def test_something_else_is_refused_with_its_line(tmp_path: Path, text: str, message: str) -> None:
    (tmp_path / "truth").write_text(text, encoding="utf-8")
    with pytest.raises(StageError, match=message):
        read_truth_file(tmp_path / "truth")


def test_what_is_no_text_is_refused(tmp_path: Path) -> None:
    (tmp_path / "truth").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(StageError, match="expected UTF-8 text"):
        read_truth_file(tmp_path / "truth")


def test_the_command_keeps_the_truth_of_a_dataset_that_is_there(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("source,start,end,tone\nb.wav,0,1,calm\n", encoding="utf-8")
    store, arguments = open_store(str(tmp_path / "store")), ["truth", "show", str(tmp_path / "a.csv"), "--store", str(tmp_path / "store")]
    assert isinstance(CliRunner().invoke(command, arguments).exception, StoreError) and read_truth(store, "show") == []
    put_version(DatasetStore(store, "show"), [empty(DatasetRow)], "run", {"stages": {}, "sources_sha256": "", "seconds": {}})
    done = CliRunner().invoke(command, arguments)
    assert done.output == "stored the tones of 1 stretches in 1 recordings of dataset show\n"
    assert read_truth(store, "show") == [Truth("b.wav", 0.0, 1.0, "calm")]
