"""Kubeflow's web page in a browser: the form, the graph, the metrics and the report."""

import pytest
from kfp_server_api import ApiException
from playwright.sync_api import Locator, Page, expect

from store.objects import open_store
from store.truth import Truth, write_truth
from tests.cluster.browser import fitted, form, pipeline, shown, start
from tests.cluster.runs import STORE, ClusterDataset, client
from tests.cluster.test_client import NOWHERE

RUN_SECONDS = 900


def test_the_form_offers_fixed_choices_and_kubeflow_refuses_others(page: Page, dataset: ClusterDataset) -> None:
    """No image is needed: the run is stopped before its first stage could begin."""
    identifier, version = pipeline(*NOWHERE)
    form(page, dataset, identifier, version)
    for name, offered, choice in (
        ("segment_engine", ["smn", "sm"], "sm"),
        ("separate_stereo", ["true", "false"], "true"),
        ("transcribe_engine", ["whisper", "pocketsphinx", "none"], "none"),
    ):
        page.locator(f"#{name}").click()
        expect(page.get_by_role("option")).to_have_text(offered)
        if name == "transcribe_engine":
            shown(page, "form")
        page.get_by_role("option", name=choice, exact=True).click()
        expect(page.locator(f"#{name}")).to_have_text(choice)
    names = [label.removesuffix("-label") for label in page.locator("label[id$=-label]").evaluate_all("labels => labels.map(l => l.id)")]
    assert "segment_engine" in names and names == sorted(names), "the form sorts by name, whatever a person sets first"
    run = start(page, dataset)
    given = client().get_run(run).runtime_config.parameters
    assert (given["segment_engine"], given["transcribe_engine"]) == ("sm", "none")
    assert (given["separate_stereo"], given["separate_keep_accompaniment"]) == (True, False)
    client().terminate_run(run)
    with pytest.raises(ApiException, match="does not match any of the allowed literal values"):
        client().run_pipeline(
            client().get_run(run).experiment_id,
            dataset.name,
            params={**given, "segment_engine": "ms"},
            version_id=version,
            pipeline_id=identifier,
        )


def test_a_run_started_from_the_form_shows_graph_metrics_and_report(page: Page, dataset: ClusterDataset) -> None:
    truth = [Truth(f"sample:episode-{number}.opus", 0.0, 60.0, "neutral") for number in (1, 2)]
    write_truth(open_store(STORE), dataset.name, truth)
    form(page, dataset, *pipeline())
    run = start(page, dataset)
    expect(node(page, "discover")).to_be_visible(timeout=60_000)
    assert client().wait_for_run_completion(run, RUN_SECONDS).state == "SUCCEEDED"
    (row, *_) = dataset.rows()
    assert dataset.versions() == 1 and row.kept

    open_publish(page)
    shown(page, "graph")
    node(page, "metrics").click()
    page.get_by_text("Visualization").click()
    expect(page.get_by_text("kept_seconds")).to_be_visible(timeout=60_000)
    shown(page, "metrics")
    open_publish(page)
    node(page, "page").click()
    page.get_by_text("Visualization").click()
    report = page.frame_locator("iframe").first
    expect(report.get_by_role("heading", name=f"{dataset.name} version 1")).to_be_visible(timeout=60_000)
    player = report.locator("audio").first
    player.evaluate("player => player.play()")
    page.wait_for_timeout(1500)
    assert player.evaluate("player => player.currentTime") > 0.5, "expected the clip to play"
    shown(page, "summary")
    open_publish(page)
    node(page, "tone_confusion").click()
    page.get_by_text("Visualization").click()
    expect(page.get_by_text("Confusion matrix").first).to_be_visible(timeout=60_000)
    shown(page, "confusion")


def node(page: Page, text: str) -> Locator:
    """The first task or artifact of the graph with this text."""
    return page.locator(".react-flow__node").filter(has_text=text).first


def open_publish(page: Page) -> None:
    """Opens the sub-graph with `publish` and its artifacts."""
    page.reload()
    for layer in ("condition-branches-1", "anything-new"):
        node(page, layer).click(timeout=60_000)
        page.get_by_role("button", name="Open sub-dag").click()
    expect(node(page, "publish")).to_be_visible(timeout=60_000)
    fitted(page)
