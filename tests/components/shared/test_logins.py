"""User names and passwords: which requests they go with. `localhost` and `127.0.0.1` are two hosts at one server."""

import base64
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from components.shared.http import HttpError, Limits, fetch, transfer
from components.shared.logins import LOGINS, LOGINS_FILE, authorizations, known_logins, remember, without_logins
from components.shared.task import StageError
from tests.http_server import Server, serving

QUICK = Limits(attempts=1, pause_seconds=0.001)
WORDS = st.text(st.characters(blacklist_categories=["Cs", "Cc"], blacklist_characters=":"), min_size=1, max_size=12)


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[Server]:
    monkeypatch.delenv(LOGINS, raising=False)
    monkeypatch.delenv(LOGINS_FILE, raising=False)
    monkeypatch.setenv("no_proxy", "*")
    with serving() as found:
        yield found


def login(server: Server, user: str, path: str = "/") -> str:
    return server.url.replace("//", f"//{user}@") + path


def sent(logins: list[str], url: str) -> list[str]:
    return [base64.b64decode(a.removeprefix("Basic ")).decode() for a in authorizations(url, logins)]


def test_a_login_of_the_environment_opens_what_is_on_its_host(server: Server, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    url = server.put("/paid/1.mp3", b"sound", logins=("me:pw",))
    with pytest.raises(HttpError, match=f"^HTTP 401: it wants a user name and password, and none is in {LOGINS}$"):
        fetch(url, QUICK)
    monkeypatch.setenv(LOGINS, login(server, "me:wrong"))
    with pytest.raises(HttpError, match=f"^HTTP 401: it wants a user name and password, and refuses those in {LOGINS}$"):
        fetch(url, QUICK)
    monkeypatch.setenv(LOGINS, f"# paid\n{login(server, 'me:pw', '/feed')}\n")
    assert fetch(url, QUICK).data == b"sound"
    transfer(url, tmp_path / "file", QUICK)
    assert (tmp_path / "file").read_bytes() == b"sound"


def test_logins_in_a_file(server: Server, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    url = server.put("/1.mp3", b"sound", logins=("me:pw",))
    (tmp_path / "logins").write_text(login(server, "me:pw"))
    monkeypatch.setenv(LOGINS_FILE, str(tmp_path / "logins"))
    assert fetch(url, QUICK).data == b"sound"
    monkeypatch.setenv(LOGINS_FILE, str(tmp_path / "absent"))
    with pytest.raises(StageError, match=f"expected {LOGINS_FILE} to name a file that can be read, found: No such file"):
        fetch(url, QUICK)


def test_no_other_host_gets_a_login_also_not_after_a_redirect(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(LOGINS, login(server, "me:pw"))
    other = server.url.replace("127.0.0.1", "localhost")
    server.put("/1.mp3", b"sound")
    server.put("/away", b"", statuses=[302] * 9, headers={"Location": f"{other}/1.mp3"})
    server.put("/back", b"", statuses=[302] * 9, headers={"Location": f"{server.url}/1.mp3"})
    for url in (f"{server.url}/away", f"{other}/1.mp3", f"{other}/back"):
        assert fetch(url, QUICK).data == b"sound"
    assert server.authorizations == ["me:pw", "", "", "", "me:pw"]


def test_another_port_is_another_server(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(LOGINS, login(server, "me:pw"))
    with serving() as other:
        other.put("/1.mp3", b"sound")
        fetch(server.put("/away", b"", statuses=[302], headers={"Location": f"{other.url}/1.mp3"}), QUICK)
        assert other.authorizations == [""]


def test_the_login_in_a_url_goes_with_it_and_stays_out_of_the_answer(server: Server) -> None:
    server.put("/1.mp3", b"sound", logins=("me:pw",))
    server.put("/go", b"", statuses=[302] * 9, headers={"Location": "/1.mp3"}, logins=("me:pw",))
    server.put("/named", b"", statuses=[302], headers={"Location": login(server, "you:x", "/1.mp3")})
    for path in ("/1.mp3", "/go", "/named"):
        answer = fetch(login(server, "me:pw", path), QUICK)
        assert (answer.url, answer.data) == (f"{server.url}/1.mp3", b"sound")


def test_of_several_logins_for_a_host_the_one_that_it_accepts_is_found(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(
        LOGINS, "\n".join([login(server, "a:1", "/a/feed"), login(server, "b:2", "/b/feed"), login(server, "c:3", "/c/feed")])
    )
    for path, owner in (("/a/1.mp3", "a:1"), ("/b/1.mp3", "b:2"), ("/media/2.mp3", "c:3")):
        assert fetch(server.put(path, b"sound", logins=(owner,)), QUICK).data == b"sound"
    assert server.authorizations == ["a:1", "b:2", "a:1", "b:2", "c:3"]


def test_the_netrc_of_the_operator_is_not_read(server: Server, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / ".netrc").write_text("default login me password hidden\n")
    monkeypatch.setenv("NETRC", str(tmp_path / ".netrc"))
    monkeypatch.setenv("HOME", str(tmp_path))
    server.put("/1.mp3", b"sound")
    fetch(server.put("/go", b"", statuses=[302], headers={"Location": "/1.mp3"}), QUICK)
    assert server.authorizations == ["", ""]


@pytest.mark.parametrize(
    ("own", "url", "goes"),
    [
        ("https://me:pw@a.example/feed", "https://a.example/1.mp3", True),
        ("https://me:pw@a.example/feed", "https://A.EXAMPLE:443/1.mp3", True),
        ("https://me:pw@a.example/feed", "https://a.example./1.mp3", True),
        ("https://me:pw@a.example/feed", "http://a.example/1.mp3", False),
        ("https://me:pw@a.example/feed", "http://a.example:443/1.mp3", False),
        ("https://me:pw@a.example/feed", "https://a.example:8443/1.mp3", False),
        ("https://me:pw@a.example/feed", "https://b.a.example/1.mp3", False),
        ("https://me:pw@a.example/feed", "https://a.example.b.example/1.mp3", False),
        ("https://me:pw@a.example/feed", "https://a.example@b.example/1.mp3", False),
        ("http://me:pw@a.example/feed", "https://a.example/1.mp3", True),
        ("http://me:pw@a.example/feed", "https://a.example:8443/1.mp3", False),
        ("http://me:pw@a.example:8080/feed", "https://a.example/1.mp3", False),
        ("feed://me:pw@a.example/feed", "http://a.example/1.mp3", True),
        ("HTTPS://me:pw@a.example/feed", "https://a.example/1.mp3", True),
        ("https://me:pw@[bad/feed", "https://a.example/1.mp3", False),
    ],
)
def test_a_login_is_for_its_scheme_host_and_port(own: str, url: str, goes: bool) -> None:
    assert sent(without_logins(own)[1], url) == ["me:pw"] * goes


@given(WORDS, WORDS)
def test_any_user_and_password_can_be_written_with_percent_signs(user: str, password: str) -> None:
    from urllib.parse import quote

    url = f"https://{quote(user, safe='')}:{quote(password, safe='')}@a.example/feed"
    text, found = without_logins(f"# mine\n{url} # paid, by me\nhttps://b.example/@name, s3://bucket/a@b")
    assert text == "# mine\nhttps://a.example/feed # paid, by me\nhttps://b.example/@name, s3://bucket/a@b"
    assert sent(found, "https://a.example/1.mp3") == [f"{user}:{password}"]


def test_logins_are_remembered_once(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(LOGINS, "https://b:2@b.example/")
    remember(["https://a:1@a.example/"])
    remember(["https://a:1@a.example/"])
    assert known_logins() == ["https://a:1@a.example/", "https://b:2@b.example/"]
