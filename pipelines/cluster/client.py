"""Client of one Kubeflow Pipelines installation, with the requests that the commands need."""

import contextlib
import io
import json
import logging
import tempfile
import warnings
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime
from functools import cached_property
from pathlib import Path
from typing import Any

import kfp_server_api
import urllib3.exceptions
from kfp import Client
from kfp_server_api.exceptions import ApiException

from components.shared.task import StageError, one_line
from pipelines.cluster.compilation import Compiled

_NO_HOST = (
    "expected the address of Kubeflow in --host or the variable KFP_HOST (http://localhost:8888 behind "
    "`kubectl -n kubeflow port-forward svc/ml-pipeline 8888`), or a kubeconfig, found none"
)
ENDED = ("SUCCEEDED", "FAILED", "CANCELED", "SKIPPED")
DELETED = "deleted"
_PAGE = 100
_WAIT_SECONDS = (10, 60)
"""Timeouts for the connection and for each read of a response. A `kubectl port-forward` may stop without an error."""


class KubeflowError(StageError):
    """Kubeflow refused or could not complete a request."""


class UnreachableError(KubeflowError):
    """Nothing answers. The condition may be temporary, so the request can be repeated."""


class Kubeflow:
    """A connection. It creates and lists runs and schedules in one experiment."""

    def __init__(self, client: Client, host: str, namespace: str | None, experiment: str) -> None:
        self._client, self._host, self._namespace, self._experiment_name = client, host, namespace, experiment

    def upload(self, compiled: Compiled, version: str, tags: Mapping[str, str]) -> tuple[Any, bool]:
        """Uploads a pipeline version unless one with the same digest exists; returns the version and whether it is new."""
        with _said(self._host), tempfile.TemporaryDirectory() as scratch:
            pipeline = self._pipeline(pipeline_name(compiled))
            for present in self._pages(self._client.list_pipeline_versions, "pipeline_versions", pipeline_id=pipeline):
                if present.display_name.endswith(compiled.digest):
                    return present, False
            path = Path(scratch) / f"{compiled.name}.yaml"
            path.write_text(compiled.text, encoding="utf-8")
            upload = self._client._upload_api.upload_pipeline_version  # kfp's client itself takes no tags
            return upload(str(path), name=version, pipelineid=pipeline, tags=json.dumps(dict(tags))), True

    def _pipeline(self, name: str) -> str:
        named = _filter("EQUALS", "display_name", name)
        for pipeline in self._pages(self._client.list_pipelines, "pipelines", namespace=self._namespace, filter=named):
            return pipeline.pipeline_id
        made = kfp_server_api.V2beta1Pipeline(display_name=name, namespace=self._namespace)
        return self._client._pipelines_api.pipeline_service_create_pipeline(made).pipeline_id

    def submit(self, version: Any, name: str, arguments: Mapping[str, Any]) -> str:
        """Starts a run; returns its id."""
        with _said(self._host):
            return self._client.run_pipeline(
                self._experiment(), name, params=dict(arguments), pipeline_id=version.pipeline_id, version_id=version.pipeline_version_id
            ).run_id

    def _experiment(self) -> str:
        return self._client.create_experiment(self._experiment_name, namespace=self._namespace).experiment_id

    def runs(self) -> Iterator[Any]:
        """Yields the runs of the experiment, newest first."""
        with _said(self._host):
            experiment = self._experiment()
        return self._pages(self._client.list_runs, "runs", experiment_id=experiment, sort_by="created_at desc")

    def runs_at_work(self) -> Iterator[Any]:
        """Yields the runs of all experiments that have not ended and are not being stopped. Kubeflow filters: it may have thousands."""
        return self._pages(self._client.list_runs, "runs", filter=_filter("NOT_EQUALS", "state", *ENDED, "CANCELING"))

    def run(self, run: str) -> Any:
        """Returns a run of any experiment by its full id."""
        with _said(self._host):
            return self._client.get_run(run)

    def stop(self, run: str) -> None:
        """Ends a run and its pods."""
        with _said(self._host):
            self._client.terminate_run(run)

    def version_name(self, of: Any) -> str:
        """Returns the name of the pipeline version of a run or a schedule, "" if it has none."""
        reference = of.pipeline_version_reference
        if not reference or not reference.pipeline_version_id:
            return ""
        return self._name(self._client.get_pipeline_version, reference.pipeline_id, reference.pipeline_version_id)

    def pipeline_name(self, of: Any) -> str:
        """Returns the name of the pipeline of a run or a schedule, "" if it has none."""
        reference = of.pipeline_version_reference
        return self._name(self._client.get_pipeline, reference.pipeline_id) if reference and reference.pipeline_id else ""

    def _name(self, get: Callable[..., Any], *ids: str) -> str:
        with _said(self._host):
            try:
                return str(get(*ids).display_name)
            except ApiException as error:
                if error.status == 404:
                    return DELETED
                raise

    def manifest(self, run: str) -> dict[str, Any] | None:
        """Returns Argo's workflow of a run, None before it exists.

        Only API v1beta1 has it. Unlike the task list of v2beta1, it says which tasks wait and why.
        """
        with _said(self._host):
            answer = json.loads(self._get(f"/apis/v1beta1/runs/{run}"))
        text = answer.get("pipeline_runtime", {}).get("workflow_manifest")
        return json.loads(text) if text else None

    def log(self, run: str, node: str) -> str:
        """Returns the log of a pod from Argo's archive or the pod itself, "" if there is none."""
        with _said(self._host):
            try:
                text = self._get(f"/apis/v1alpha1/runs/{run}/nodes/{node}/log").decode(errors="replace")
                return text.partition('{"error_message":')[0]  # status 200, although it finds no log
            except ApiException as error:
                if error.status in (400, 404, 500):
                    return ""
                raise

    def _get(self, path: str) -> bytes:
        return _body(self._client._run_api.api_client, path)

    def schedules(self) -> list[Any]:
        """Returns the schedules of the experiment."""
        with _said(self._host):
            return list(self._pages(self._client.list_recurring_runs, "recurring_runs", experiment_id=self._experiment()))

    def schedule(self, version: Any, name: str, cron: str, arguments: Mapping[str, Any], enabled: bool = True) -> str:
        """Creates a schedule from a cron expression of six fields; returns its id. It starts one run at a time and does not catch up."""
        with _said(self._host):
            return self._client.create_recurring_run(
                self._experiment(),
                name,
                cron_expression=cron,
                max_concurrency=1,
                no_catchup=True,
                enabled=enabled,
                params=dict(arguments),
                pipeline_id=version.pipeline_id,
                version_id=version.pipeline_version_id,
            ).recurring_run_id

    def enable(self, schedule: str, enabled: bool) -> None:
        """Resumes or pauses a schedule."""
        with _said(self._host):
            (self._client.enable_recurring_run if enabled else self._client.disable_recurring_run)(schedule)

    def remove(self, schedule: str) -> None:
        """Removes a schedule; its runs stay."""
        with _said(self._host):
            self._client.delete_recurring_run(schedule)

    def _pages(self, listing: Any, field: str, **query: Any) -> Iterator[Any]:
        """Yields the entries of a list, page by page. The output is hidden during requests only: a caller may print between two entries."""
        token = ""
        while True:
            with _said(self._host):
                page = listing(page_token=token, page_size=_PAGE, **{k: v for k, v in query.items() if v is not None})
            yield from getattr(page, field) or ()
            token = page.next_page_token or ""
            if not token:
                return


def connect(*, host: str | None, namespace: str, token: str | None, ca_cert: str | None, context: str | None, experiment: str) -> Kubeflow:
    """Connects as kfp's client does: to an address, else as a pod of the cluster, else through a kubeconfig.

    Raises KubeflowError if there is no address, nothing answers, the server is not Kubeflow, or it refuses the token.
    """
    logging.getLogger("urllib3").setLevel(logging.ERROR)  # it logs every retry
    with _said(host or "the kubeconfig's cluster"):
        client = _Client(host=host, namespace=namespace, existing_token=token, ssl_ca_cert=ca_cert, kube_context=context)
    return Kubeflow(client, client.address, client.user_namespace, experiment)


class _Client(Client):
    """kfp's client with a single health check: each of its own five attempts prints a page of errors."""

    def __init__(self, namespace: str, **options: Any) -> None:
        super().__init__(namespace=namespace, **options)
        _bound(self._run_api.api_client.rest_client)
        multi_user = self.get_kfp_healthz().multi_user
        self.user_namespace = namespace if multi_user else None
        self._context_setting["namespace"] = self.user_namespace or ""

    def _load_config(self, *options: Any) -> Any:
        """Keeps Kubeflow's address: renewing a kubeconfig's token would replace it with the address of the cluster."""
        config = super()._load_config(*options)
        host, renew = config.host, config.refresh_api_key_hook

        def renewed(present: Any) -> None:
            renew(present)
            present.host, present.refresh_api_key_hook = host, renewed

        if renew:
            config.refresh_api_key_hook = renewed
        return config

    @property
    def address(self) -> str:
        """URL of Kubeflow."""
        return self._existing_config.host

    def get_kfp_healthz(self, sleep_duration: int = 0) -> Any:
        """Returns the cached health check, which kfp's client requests more than once."""
        return self._health

    @cached_property
    def _health(self) -> Any:
        if self.address == kfp_server_api.Configuration().host:
            raise KubeflowError(_NO_HOST)
        with _said(self.address):
            try:
                said = json.loads(_body(self._healthz_api.api_client, "/apis/v2beta1/healthz", _request_timeout=(10, 30)))
                return kfp_server_api.V2beta1GetHealthzResponse(multi_user=said["multi_user"])
            except ApiException as error:
                if error.status != 404:
                    raise
                what = "it has no /apis/v2beta1/healthz"
            except (ValueError, KeyError, TypeError):
                what = "it answers with something else, perhaps a login page: give a token"
        raise KubeflowError(f"expected Kubeflow Pipelines 2 at {self.address}, found another server: {what}")


def _body(api: Any, path: str, **options: Any) -> bytes:
    """Returns the response at a path, which the generated client does not parse."""
    return api.call_api(path, "GET", auth_settings=["Bearer"], _preload_content=False, _return_http_data_only=True, **options).data


def _bound(rest: Any) -> None:
    """Gives every request of the generated client a timeout; it has none by default."""
    unbound = rest.request

    def request(*arguments: Any, _request_timeout: Any = None, **options: Any) -> Any:
        return unbound(*arguments, _request_timeout=_request_timeout or _WAIT_SECONDS, **options)

    rest.request = request


@contextlib.contextmanager
def _said(host: str) -> Iterator[None]:
    """Raises errors of Kubeflow and of the connection as one line; hides the output and warnings of kfp's client."""
    try:
        with contextlib.redirect_stdout(io.StringIO()), warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    except ApiException as error:
        raise _refusal(host, error) from None
    except urllib3.exceptions.HTTPError as error:
        reason = getattr(error, "reason", None) or error
        if isinstance(reason, urllib3.exceptions.SSLError):
            raise KubeflowError(
                f"the certificate of {host} is not trusted here: give its authority's certificate with --ca-cert ({one_line(reason)})"
            ) from None
        raise UnreachableError(f"expected Kubeflow at {host}, found nothing that answers: {one_line(reason)}") from None
    except json.JSONDecodeError as error:
        raise UnreachableError(f"expected JSON from Kubeflow at {host}, found something else: {one_line(error)}") from None


def _refusal(host: str, error: ApiException) -> KubeflowError:
    if error.status in (401, 403):
        return KubeflowError(
            f"Kubeflow at {host} refused the token, or needs one ({error.status}): give --token-file or the variable KFP_TOKEN"
        )
    try:
        body = json.loads(error.body)
        said = body.get("error_message") or body.get("message") or body.get("error")
    except (TypeError, ValueError, AttributeError):
        said = error.reason
    message = f"Kubeflow at {host} refused the request ({error.status}): {one_line(said)}"
    return (UnreachableError if error.status in (0, 502, 503, 504) else KubeflowError)(message)


def _filter(operation: str, key: str, *values: str) -> str:
    """Returns the filter of a listing. It avoids IN: Kubeflow 2.17.0 refuses the second page of such a list."""
    return json.dumps({"predicates": [{"operation": operation, "key": key, "stringValue": value} for value in values]})


def pipeline_name(compiled: Compiled) -> str:
    """Returns the name of a pipeline on Kubeflow."""
    return f"speechmill-{compiled.name}"


def state_of(run: Any) -> str:
    """Returns the state of a run. Kubeflow reports a stopped run as FAILED; this returns CANCELED."""
    stopped = run.state == "FAILED" and any(past.state == "CANCELING" for past in run.state_history or ())
    return "CANCELED" if stopped else str(run.state or "UNKNOWN")


def run_name(dataset: str) -> str:
    """Returns the name of a new run of a dataset."""
    return f"{dataset} {datetime.now(UTC):%Y-%m-%d %H:%M:%S}"
