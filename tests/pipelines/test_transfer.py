"""Large files come whole, however the server behaves, and what is there is not fetched twice."""

import random
from collections.abc import Iterator
from pathlib import Path

import pytest

from components.shared.task import StageError
from pipelines.inputs.transfer import BLOCK_BYTES, TRIES, transfer
from tests.pipelines.model_server import Server, serving

DATA = random.Random(1).randbytes(1_000_000)


@pytest.fixture
def server() -> Iterator[Server]:
    with serving() as server:
        yield server


def get(url: str, part: Path, expected_bytes: int = len(DATA)) -> list[tuple[int, int]]:
    told: list[tuple[int, int]] = []
    transfer(url, part, expected_bytes, lambda have, total: told.append((have, total)), pause_seconds=0.001)
    return told


@pytest.mark.parametrize("expected_bytes", [len(DATA), 0])
def test_a_file_comes_whole_and_its_progress_is_told(server: Server, tmp_path: Path, expected_bytes: int) -> None:
    told = get(server.put("f", DATA), tmp_path / "part", expected_bytes)
    assert (tmp_path / "part").read_bytes() == DATA
    assert told[-1] == (len(DATA), len(DATA)) and len(told) > 1 and told == sorted(told)


def test_what_breaks_off_is_resumed_where_it_broke(server: Server, tmp_path: Path) -> None:
    url = server.put("f", DATA, cuts=[300_000, 300_000])
    get(url, tmp_path / "part")
    assert (tmp_path / "part").read_bytes() == DATA
    etag = server.resources["/f"].etag
    first, *resumed = server.asked
    assert first == ("/f", "", "") and [version for _, _, version in resumed] == [etag, etag]
    starts = [int(wanted.removeprefix("bytes=").removesuffix("-")) for _, wanted, _ in resumed]
    assert all(0 <= cut - start < BLOCK_BYTES for cut, start in zip((300_000, starts[0] + 300_000), starts, strict=True))


def test_a_server_that_breaks_off_more_often_than_it_is_tried_still_gets_there(server: Server, tmp_path: Path) -> None:
    get(server.put("f", DATA, cuts=[50_000] * 3 * TRIES), tmp_path / "part")
    assert (tmp_path / "part").read_bytes() == DATA


def test_a_later_command_goes_on_where_an_earlier_one_ended(server: Server, tmp_path: Path) -> None:
    url = server.put("f", DATA, cuts=[409_600, *[0] * TRIES])
    with pytest.raises(StageError, match=r"found 409600 bytes and then, 6 times in a row, .*run it again"):
        get(url, tmp_path / "part")
    get(url, tmp_path / "part")
    assert (tmp_path / "part").read_bytes() == DATA
    assert server.asked[-1][1] == "bytes=409600-"


def test_a_file_that_changed_meanwhile_is_fetched_from_its_beginning(server: Server, tmp_path: Path) -> None:
    url = server.put("f", bytes(len(DATA)), cuts=[400_000, *[0] * TRIES])
    with pytest.raises(StageError):
        get(url, tmp_path / "part")
    server.put("f", DATA)
    get(url, tmp_path / "part")
    assert (tmp_path / "part").read_bytes() == DATA


def test_another_mirror_does_not_continue_the_file_of_the_first(server: Server, tmp_path: Path) -> None:
    with pytest.raises(StageError):
        get(server.put("one/f", bytes(len(DATA)), etag='"1"', cuts=[400_000, *[0] * TRIES]), tmp_path / "part")
    get(server.put("two/f", DATA, etag='"1"'), tmp_path / "part")
    assert (tmp_path / "part").read_bytes() == DATA


@pytest.mark.parametrize("behavior", [{"ranges": False}, {"etag": ""}], ids=["no ranges", "no version"])
def test_where_nothing_can_be_resumed_it_begins_anew(server: Server, tmp_path: Path, behavior: dict[str, object]) -> None:
    get(server.put("f", DATA, cuts=[300_000], **behavior), tmp_path / "part")
    assert (tmp_path / "part").read_bytes() == DATA


def test_a_server_that_states_more_than_it_sends_is_found_out(server: Server, tmp_path: Path) -> None:
    with pytest.raises(StageError, match="times in a row"):
        get(server.put("f", DATA, stated_more=1000), tmp_path / "part", 0)


def test_a_file_of_another_size_is_refused_before_it_comes(server: Server, tmp_path: Path) -> None:
    with pytest.raises(StageError, match=r"expected 1000000 bytes at .*f, found 1000001: it is another file"):
        get(server.put("f", DATA + b"1"), tmp_path / "part")
    assert len(server.asked) == 1 and not (tmp_path / "part").exists()


def test_more_than_the_file_is_not_taken_from_a_server_that_states_no_length(server: Server, tmp_path: Path) -> None:
    with pytest.raises(StageError, match="found more"):
        get(server.put("f", DATA + bytes(1 << 20), unstated=True), tmp_path / "part")
    assert (tmp_path / "part").stat().st_size == 0


def test_a_server_that_states_no_length_and_ends_early_is_found_out(server: Server, tmp_path: Path) -> None:
    get(server.put("f", DATA, unstated=True, cuts=[10, 20]), tmp_path / "part")
    assert (tmp_path / "part").read_bytes() == DATA


@pytest.mark.parametrize("status", [429, 500, 503])
def test_a_server_that_is_busy_is_asked_again(server: Server, tmp_path: Path, status: int) -> None:
    get(server.put("f", DATA, statuses=[status] * 3), tmp_path / "part")
    assert (tmp_path / "part").read_bytes() == DATA


@pytest.mark.parametrize("status", [401, 403, 404, 410])
def test_what_a_server_refuses_is_not_asked_again(server: Server, tmp_path: Path, status: int) -> None:
    with pytest.raises(StageError, match=f"found HTTP {status}.*--from"):
        get(server.put("f", DATA, statuses=[status]), tmp_path / "part")
    assert len(server.asked) == 1


def test_a_part_that_is_longer_than_what_the_server_has_is_thrown_away(server: Server, tmp_path: Path) -> None:
    with pytest.raises(StageError):
        get(server.put("f", DATA, etag='"1"', cuts=[400_000, *[0] * TRIES]), tmp_path / "part", 0)
    get(server.put("f", DATA[:1000], etag='"1"'), tmp_path / "part", 0)
    assert (tmp_path / "part").read_bytes() == DATA[:1000]


def test_errors_show_no_secrets_of_a_url(server: Server, tmp_path: Path) -> None:
    with pytest.raises(StageError) as error:
        get(server.url.replace("//", "//user:hidden@") + "f?token=hidden", tmp_path / "part")
    assert "hidden" not in str(error.value) and "/f" in str(error.value)


def test_a_proxy_of_the_environment_is_used(server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("http_proxy", server.url)
    monkeypatch.setenv("no_proxy", "")
    server.put("f", DATA)
    server.resources["http://models.example/f"] = server.resources["/f"]
    get("http://models.example/f", tmp_path / "part")
    assert (tmp_path / "part").read_bytes() == DATA


@pytest.mark.parametrize("url", ["ftp://models.example/f", "file:///etc/passwd", "models.example/f"])
def test_what_is_no_web_address_is_refused(tmp_path: Path, url: str) -> None:
    with pytest.raises(StageError, match="begins with http"):
        get(url, tmp_path / "part")


def test_no_answer_at_all_ends(tmp_path: Path) -> None:
    with serving() as server:
        url = server.url
    with pytest.raises(StageError, match="the connection failed: Connection refused"):
        get(f"{url}f", tmp_path / "part")
