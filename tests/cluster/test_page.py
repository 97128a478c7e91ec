"""Kubeflow's web page in a browser: the form, the graph, the metrics and the report."""

import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from kfp_server_api import ApiException
from playwright.sync_api import Locator, Page, expect, sync_playwright

from store.objects import open_store
from store.truth import Truth, write_truth
from tests.cluster.runs import STORE, ClusterDataset, client
from tests.cluster.test_client import NOWHERE
from tests.end_to_end.runs import speechmill

RUN_SECONDS = 900


@pytest.fixture
def page() -> Iterator[Page]:
    if not os.environ.get("KFP_UI"):
        pytest.skip("no KFP_UI: the address of Kubeflow's web page")
    chromium = shutil.which("chromium") or shutil.which("google-chrome")
    if not chromium:
        pytest.skip("no chromium")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox"] if os.geteuid() == 0 else [])
        yield browser.new_page(viewport={"width": 1280, "height": 900})
        browser.close()


def fitted(page: Page) -> None:
    """Fits the graph, if there is one, to the window: nodes outside it cannot be clicked."""
    page.wait_for_timeout(2000)  # the page moves its parts into place
    for fit in page.locator(".react-flow__controls-fitview").all():
        fit.click(force=True)
        page.wait_for_timeout(1000)


def shown(page: Page, name: str) -> None:
    """Saves a screenshot if SPEECHMILL_SCREENSHOTS names a folder."""
    if folder := os.environ.get("SPEECHMILL_SCREENSHOTS"):
        fitted(page)
        page.screenshot(path=Path(folder) / f"{name}.png")


def pipeline(*options: str) -> tuple[str, str]:
    """The ids of the pipeline and of the version of this checkout."""
    uploaded = speechmill("upload", *options)
    assert uploaded.returncode == 0, uploaded.stderr
    kubeflow = client()
    identifier = kubeflow.get_pipeline_id("speechmill-dataset")
    versions = kubeflow.list_pipeline_versions(identifier, page_size=100).pipeline_versions
    return identifier, next(v.pipeline_version_id for v in versions if v.display_name in uploaded.stdout)


def form(page: Page, dataset: ClusterDataset, identifier: str, version: str) -> None:
    """Opens the form of a run and fills in what it must be given."""
    page.goto(f"{os.environ['KFP_UI']}/#/pipelines/details/{identifier}/version/{version}")
    page.get_by_role("button", name="Create run").click()
    expect(page.get_by_label("sources - string")).to_have_value("sample:", timeout=30_000)
    page.get_by_role("button", name="Choose").nth(2).click()
    page.get_by_role("dialog").get_by_text("Default", exact=True).click()
    page.get_by_role("button", name="Use this experiment").click()
    page.get_by_label("Run name").fill(dataset.name)
    page.get_by_label("dataset - string").fill(dataset.name)


def start(page: Page, dataset: ClusterDataset) -> str:
    """Starts the run that the form describes, and opens its page; returns its id."""
    page.get_by_role("button", name="Start").click()
    expect(page.get_by_text("Start a new run")).not_to_be_visible(timeout=30_000)
    page.goto(f"{os.environ['KFP_UI']}/#/runs")
    page.get_by_role("link", name=dataset.name).first.click(timeout=30_000)
    page.wait_for_url("**/runs/details/*")
    return page.url.rsplit("/", 1)[-1]


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
