"""Playlists and channels through the real yt-dlp, with an extractor that answers in YouTube's place."""

import pytest
from yt_dlp.extractor.common import InfoExtractor
from yt_dlp.utils import ExtractorError

from components.discover.items import SourceError
from components.discover.youtube import downloader, list_video, list_youtube

CHANNEL = "https://youtube.test/@radio"
IDS = [f"video-{n:05d}" for n in range(6)]


class FakeTabIE(InfoExtractor):
    """A channel with two tabs, as the extractor of YouTube's tabs gives them: videos flat, tabs as further listings."""

    IE_NAME = "youtube:fake"
    _VALID_URL = r"https://youtube\.test/(?P<id>.+)"

    def _real_extract(self, url: str):
        page = self._match_id(url)
        if page == "gone":
            raise ExtractorError("The playlist does not exist. https://me:pw@youtube.test/gone?token=t", expected=True)
        if page == "single":
            return {"id": IDS[0], "title": "one video", "url": "https://youtube.test/media", "ext": "mp4"}
        if page == "@radio":
            tabs = [self.url_result(f"https://youtube.test/{tab}", FakeTabIE) for tab in ("videos", "streams")]
            return self.playlist_result(tabs, "UCx", "Radio", channel="라디오 FM")
        videos = IDS[:3] if page == "videos" else IDS[3:]
        return self.playlist_result((self._video(v) for v in videos), page, page)

    def _video(self, video: str):
        facts = {"duration": 100.0, "upload_date": "20261102"} if video == IDS[0] else {"duration": None}
        facts |= {"live_status": "is_upcoming"} if video == IDS[3] else {}
        return self.url_result(f"https://www.youtube.com/watch?v={video}", "Youtube", video, f"title\nof {video}", **facts)


@pytest.fixture
def youtube():
    with downloader() as found:
        ie = FakeTabIE()
        ie.set_downloader(found)
        found._ies = {ie.ie_key(): ie, **found._ies}
        found._ies_instances[ie.ie_key()] = ie
        yield found


def test_a_channel_is_all_its_tabs_without_opening_a_video(youtube, capsys):
    found = [entry.item for entry in list_youtube(CHANNEL, youtube)]
    assert [f.url for f in found] == [f"https://www.youtube.com/watch?v={v}" for v in IDS if v != IDS[3]]
    first = found[0]
    assert (first.title, first.channel, first.seconds, first.published) == (f"title of {IDS[0]}", "라디오 FM", 100, "2026-11-02")
    assert (found[1].seconds, found[1].published, found[1].licence) == (0, "", "")
    assert "skipped 1 live streams that have not ended; a later run lists them" in capsys.readouterr().out


def test_a_video_is_the_same_recording_by_its_own_url_and_in_a_playlist(youtube):
    found = {entry.item.recording for entry in list_youtube("https://youtube.test/videos", youtube)}
    assert list_video(IDS[1]).item.recording in found


def test_what_cannot_be_listed_has_a_reason_in_one_line_without_secrets(youtube):
    with pytest.raises(SourceError, match="The playlist does not exist") as error:
        list(list_youtube("https://youtube.test/gone", youtube))
    assert "\n" not in str(error.value)
    assert "pw" not in str(error.value)
    assert "token" not in str(error.value)


def test_urls_of_other_sites_are_not_opened():
    with downloader() as youtube, pytest.raises(SourceError, match="No suitable extractor"):
        list(list_youtube("http://127.0.0.1/playlist.m3u8", youtube))
