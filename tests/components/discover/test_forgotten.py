"""What a dataset was told to forget is never planned again."""

import pytest

from store.plans import shard_name
from tests.components.discover.planned import AGAIN, DEFAULTS, REFRESH, Dataset, episodes


@pytest.mark.parametrize("settings", [DEFAULTS, AGAIN, REFRESH])
def test_what_is_forgotten_is_never_planned_and_the_others_of_its_shard_are(settings):
    dataset = Dataset()
    dataset.plan(episodes(1, 2, 3))
    dataset.forgotten = {f"{2:016x}"}
    plan = dataset.plan(episodes(1, 2, 3, 4), settings)
    assert sorted(int(i.recording, 16) for group in plan.shards for i in group) == [1, 3, 4]
    assert plan.fates[f"{2:016x}"] == "forgotten" and f"{2:016x}" not in {r.recording for r in plan.rows}
    for group in plan.shards:
        dataset.publish(shard_name(group))
    again = dataset.plan(episodes(1, 2, 3, 4), AGAIN)
    assert sorted(int(i.recording, 16) for group in again.shards for i in group) == [1, 3, 4]
