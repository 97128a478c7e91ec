"""As many shards as a large crawl has: about 600 pods."""

from tests.cluster.runs import ClusterDataset, episode, feed
from tests.end_to_end.runs import Server

SHARDS = 50


def test_fifty_shards_are_published(dataset: ClusterDataset, server: Server) -> None:
    names = [f"{number}.flac" for number in range(SHARDS)]
    for number, name in enumerate(names):
        episode(server.folder / name, number)
    done = dataset.run("--sources", feed(server, names), "--discover-shard-seconds", 3)
    rows = [row for row in dataset.ledger().values() if row.kind != "source"]
    assert len(rows) == SHARDS
    assert len({row.shard for row in rows}) == SHARDS
    assert {row.outcome for row in rows} == {"published"}, done.stdout
