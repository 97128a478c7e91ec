"""Kubeflow's web page in a browser: the form of a run, and pictures of what is shown."""

import os
from pathlib import Path

from playwright.sync_api import Page, expect

from tests.cluster.runs import ClusterDataset, client
from tests.end_to_end.runs import speechmill


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
