"""A crawl of fifty shards, in as few runs as the limit of shards per run allows."""

from pipelines.commands.cluster import MOST_SHARDS
from tests.cluster.runs import ClusterDataset, episode, feed
from tests.end_to_end.runs import Server

SHARDS = 50


def test_every_run_publishes_its_shards_until_all_fifty_are_published(dataset: ClusterDataset, server: Server) -> None:
    names = [f"{number}.flac" for number in range(SHARDS)]
    for number, name in enumerate(names):
        episode(server.folder / name, number)
    source = feed(server, names)
    for done in range(MOST_SHARDS, SHARDS + MOST_SHARDS, MOST_SHARDS):
        dataset.run("--sources", source, "--discover-shard-seconds", 3, "--discover-max-shards", MOST_SHARDS)
        rows = [row for row in dataset.ledger().values() if row.outcome == "published"]
        assert len(rows) == len({row.shard for row in rows}) == min(done, SHARDS)
