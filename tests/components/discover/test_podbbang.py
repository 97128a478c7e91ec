"""podbbang's JSON as it is documented, from a server on loopback."""

import json
import urllib.parse

import pytest

from components.discover import podbbang as podbbang_module
from components.discover.items import SourceError
from components.discover.podbbang import list_podbbang


def episode(number: int, **more: object) -> dict[str, object]:
    media = {"url": f"https://cdn.example/{number}.mp3?token=x", "duration": 3100 + number, "length": 1}
    return {"id": number, "title": f"{number}회", "publishedAt": "2025-12-18 00:05:00", "canDownload": True, "media": media, **more}


class Podbbang:
    """Speaks as the API does: `offset` counts pages, and a window around one episode."""

    def __init__(self, web, episodes: list[dict[str, object]], total: bool = True) -> None:
        self.web, self.episodes, self.total, self.arriving = web, episodes, total, list[dict[str, object]]()
        web.pages["/channels/88"] = json.dumps({"title": "여성시대", "copyright": "MBC"})
        web.pages["/channels/88/episodes"] = self.page

    def page(self) -> str:
        query = dict(urllib.parse.parse_qsl(urllib.parse.urlsplit(self.web.asked[-1]).query))
        if int(query.get("focus_center", 0)):
            place = [i for i, e in enumerate(self.episodes) if e["id"] == int(query["episode_id"])]
            found = self.episodes[max(0, place[0] - 1) : place[0] + 2] if place else self.episodes[:3]
        else:
            assert query["limit"] == "20"
            start = int(query["offset"]) * 20
            found = self.episodes[start : start + 20]
            self.episodes[:0] = self.arriving
            self.arriving = []
        summary = {"summary": {"totalCount": len(self.episodes)}} if self.total else {}
        return json.dumps({"data": found} | summary)


@pytest.fixture(autouse=True)
def api(web, monkeypatch):
    monkeypatch.setenv("SPEECHMILL_PODBBANG_API", web.url)
    monkeypatch.setattr(podbbang_module, "PAGE_PAUSE_SECONDS", 0.01)


def pages(web) -> list[str]:
    return [path for path in web.asked if "offset" in path]


def test_a_channel_is_walked_to_its_end(web):
    Podbbang(web, [episode(n) for n in range(53, 0, -1)])
    found = [entry.item for entry in list_podbbang("88")]
    assert [f.title for f in found] == [f"{n}회" for n in range(53, 0, -1)]
    assert [urllib.parse.parse_qs(urllib.parse.urlsplit(p).query)["offset"] for p in pages(web)] == [["0"], ["1"], ["2"]]
    first = found[0]
    assert (first.kind, first.channel, first.published, first.seconds, first.licence) == ("podbbang", "여성시대", "2025-12-18", 3153, "")
    assert first.url == "https://cdn.example/53.mp3?token=x"


def test_without_a_total_the_first_empty_page_is_the_end(web):
    Podbbang(web, [episode(n) for n in range(40, 0, -1)], total=False)
    assert len(list(list_podbbang("88"))) == 40
    assert len(pages(web)) == 3


def test_episodes_that_arrive_while_we_read_are_listed_neither_twice_nor_make_it_endless(web):
    channel = Podbbang(web, [episode(n) for n in range(45, 0, -1)])
    channel.arriving = [episode(100)]
    numbers = [entry.item.title for entry in list_podbbang("88")]
    assert len(numbers) == len(set(numbers)) == 45


def test_a_server_that_repeats_its_first_page_ends(web):
    page = {"data": [episode(n) for n in range(20, 0, -1)], "summary": {"totalCount": 10_000}}
    web.pages |= {"/channels/88": "{}", "/channels/88/episodes": json.dumps(page)}
    assert len(list(list_podbbang("88"))) == 20
    assert len(pages(web)) == 2


def test_an_episode_that_may_not_be_downloaded_is_listed_with_the_reason(web):
    Podbbang(web, [episode(2, canDownload=False), episode(1), episode(3, media={})])
    refused, open_, bare = list_podbbang("88")
    assert refused.refusal == bare.refusal == "podbbang does not offer it for download"
    assert refused.item.url == "https://www.podbbang.com/channels/88/episodes/2"
    assert open_.refusal == ""


def test_one_episode_is_the_same_recording_as_in_its_channel(web):
    Podbbang(web, [episode(n) for n in range(30, 0, -1)])
    (alone,) = list_podbbang("88/7")
    assert alone.item in [entry.item for entry in list_podbbang("88")]
    with pytest.raises(SourceError, match="channel 88 has no episode 99"):
        list(list_podbbang("88/99"))


def test_a_page_that_fails_leaves_what_was_listed_before(web):
    Podbbang(web, [episode(n) for n in range(30, 0, -1)])
    web.pages["/channels/88/episodes?offset=1&limit=20&sort=desc&episode_id=0&focus_center=0&with=image"] = (500, {}, b"")
    found = []
    with pytest.raises(SourceError, match="HTTP 500, 3 times"):
        for entry in list_podbbang("88"):
            found.append(entry)
    assert len(found) == 20


@pytest.mark.parametrize(
    ("page", "reason"),
    [
        ("<html/>", "expected JSON from podbbang"),
        ('{"error": 1}', "its API has changed"),
        ("[]", "its API has changed"),
        ("[" * 100_000, "expected JSON"),
    ],
)
def test_an_answer_of_another_form_is_named(web, page, reason):
    web.pages |= {"/channels/88": "{}", "/channels/88/episodes": page}
    with pytest.raises(SourceError, match=reason):
        list(list_podbbang("88"))


def test_a_channel_that_is_not_there(web):
    with pytest.raises(SourceError, match="HTTP 404"):
        list(list_podbbang("99"))
