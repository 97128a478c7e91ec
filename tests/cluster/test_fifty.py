"""As many shards as a large crawl has, in as many runs as they take."""

from components.discover.component import discover
from tests.cluster.runs import ClusterDataset, episode, feed
from tests.end_to_end.runs import Server

SHARDS = 50


def test_fifty_shards_are_published(dataset: ClusterDataset, server: Server) -> None:
    names = [f"{number}.flac" for number in range(SHARDS)]
    for number, name in enumerate(names):
        episode(server.folder / name, number)
    source, at_once = feed(server, names), discover.settings["max_shards"].default
    for done in range(at_once, SHARDS + at_once, at_once):
        dataset.run("--sources", source, "--discover-shard-seconds", 3)
        rows = [row for row in dataset.ledger().values() if row.outcome == "published"]
        assert len(rows) == len({row.shard for row in rows}) == min(done, SHARDS)
