"""Which connections the network policies allow, by the rules of Kubernetes.

A pod that no policy selects is unrestricted, several policies add up, and both ends must allow a connection.
"""

import ipaddress
from dataclasses import dataclass, field

import pytest

from tests.manifests.rendering import Document

HERE = "kubeflow"


@dataclass(frozen=True)
class End:
    """A pod; without a namespace, a host with an address."""

    labels: dict[str, str] = field(default_factory=dict)
    namespace: str = ""
    address: str = "10.244.0.9"


def task(network: str) -> End:
    return End({"speechmill/stage": "any", "speechmill/network": network, "workflows.argoproj.io/workflow": "dataset-x"}, HERE)


def pod(**labels: str) -> End:
    return End({name.replace("_", "-"): value for name, value in labels.items()}, HERE)


DRIVER = End({"workflows.argoproj.io/workflow": "dataset-x"}, HERE)
MINIO = pod(app="speechmill-minio")
API, METADATA, LOGS, PAGE, DATABASE = (
    pod(app="ml-pipeline"),
    pod(component="metadata-grpc-server"),
    pod(app="seaweedfs"),
    pod(app="ml-pipeline-ui"),
    pod(app="mysql"),
)
DNS = End({"k8s-app": "kube-dns"}, "kube-system")
STRANGER = End({"app": "speechmill-minio", "workflows.argoproj.io/workflow": "x"}, "elsewhere")
KUBERNETES = End(address="10.0.0.1")


def selects(selector: Document, labels: dict[str, str]) -> bool:
    for expression in selector.get("matchExpressions", []):
        value = labels.get(expression["key"])
        match = {"In": value in expression.get("values", []), "Exists": value is not None}
        if not match[expression["operator"]]:
            return False
    return all(labels.get(key) == value for key, value in selector.get("matchLabels", {}).items())


def is_peer(peer: Document, end: End) -> bool:
    if "ipBlock" in peer:
        address, block = ipaddress.ip_address(end.address), peer["ipBlock"]
        networks = [ipaddress.ip_network(text) for text in [block["cidr"], *block.get("except", [])]]
        return address in networks[0] and not any(address in n for n in networks[1:])
    if not end.namespace:
        return False
    if "namespaceSelector" in peer:
        return selects(peer["namespaceSelector"], {"kubernetes.io/metadata.name": end.namespace}) and selects(
            peer.get("podSelector", {}), end.labels
        )
    return end.namespace == HERE and selects(peer["podSelector"], end.labels)


def passes(policies: list[Document], end: End, other: End, port: int, protocol: str, way: str) -> bool:
    if end.namespace != HERE:
        return True
    specs = [p["spec"] for p in policies if way.title() in p["spec"]["policyTypes"] and selects(p["spec"]["podSelector"], end.labels)]
    peers = {"egress": "to", "ingress": "from"}[way]
    return not specs or any(
        any(p["protocol"] == protocol and p["port"] <= port <= p.get("endPort", p["port"]) for p in rule["ports"])
        and any(is_peer(peer, other) for peer in rule[peers])
        for spec in specs
        for rule in spec.get(way, [])
    )


@pytest.fixture(params=["cpu", "gpu"])
def reaches(request: pytest.FixtureRequest, rendered: dict[str, list[Document]]):
    policies = [d for d in rendered[request.param] if d["kind"] == "NetworkPolicy"]

    def check(source: End, target: End, port: int, protocol: str = "TCP") -> bool:
        return passes(policies, source, target, port, protocol, "egress") and passes(policies, target, source, port, protocol, "ingress")

    return check


@pytest.mark.parametrize("network", ["none", "store", "internet"])
def test_every_task_reaches_the_services_that_its_launcher_needs(reaches, network: str) -> None:
    for target, port in ((MINIO, 9000), (API, 8887), (API, 8888), (METADATA, 8080), (LOGS, 8333), (DNS, 53), (KUBERNETES, 6443)):
        assert reaches(task(network), target, port), (target, port)
    assert reaches(task(network), DNS, 53, "UDP")


@pytest.mark.parametrize(("network", "allowed"), [("none", False), ("store", False), ("internet", True)])
def test_tasks_that_download_alone_reach_a_server_of_po_tokens(reaches, network: str, allowed: bool) -> None:
    assert reaches(task(network), pod(app="speechmill-po-tokens"), 4416) == allowed


@pytest.mark.parametrize("network", ["none", "store", "internet"])
def test_no_task_reaches_other_services_of_the_cluster(reaches, network: str) -> None:
    others = [
        (MINIO, 22),
        (API, 22),
        (DATABASE, 3306),
        (PAGE, 3000),
        (task("none"), 8080),
        (STRANGER, 9000),
        (DNS, 8080),
        (KUBERNETES, 443),
    ]
    for target, port in others:
        assert not reaches(task(network), target, port), (target, port)


PRIVATE = [
    "10.1.2.3",
    "172.16.0.1",
    "172.31.255.255",
    "192.168.1.1",
    "169.254.169.254",
    "100.64.0.1",
    "127.0.0.1",
    "0.0.0.0",
    "224.0.0.1",
    "255.255.255.255",
    "::1",
    "fd00::1",
    "fe80::1",
    "ff02::1",
    "::ffff:10.0.0.1",
    "64:ff9b::a00:1",
    "2002:a00:1::1",
    "2001:db8::1",
]
PUBLIC = ["142.250.1.1", "172.32.0.1", "172.15.0.1", "11.0.0.1", "100.128.0.1", "2a00:1450:4001::1", "2600::1"]


@pytest.mark.parametrize("port", [80, 443, 8000])
def test_only_internet_tasks_reach_the_internet_and_never_private_addresses(reaches, port: int) -> None:
    for address in PUBLIC:
        assert reaches(task("internet"), End(address=address), port), address
        assert not reaches(task("none"), End(address=address), port), address
        assert not reaches(task("store"), End(address=address), port), address
    for address in PRIVATE:
        for network in ("none", "store", "internet"):
            assert not reaches(task(network), End(address=address), port), (network, address)


def test_only_runs_and_kubeflow_reach_the_store(reaches) -> None:
    jobs = [End({"app": app, "speechmill/network": "store"}, HERE) for app in ("speechmill-init", "speechmill-models")]
    for source in (task("none"), DRIVER, *jobs, PAGE, API):
        assert reaches(source, MINIO, 9000), source
    for source in (STRANGER, DATABASE, pod(app="ml-pipeline-persistenceagent"), End({"app": "ml-pipeline-ui"}, "elsewhere")):
        assert not reaches(source, MINIO, 9000), source


def test_the_store_opens_no_connections(reaches) -> None:
    for target, port in ((End(address="142.250.1.1"), 443), (DNS, 53), (task("none"), 9000), (KUBERNETES, 6443)):
        assert not reaches(MINIO, target, port)


def test_no_task_accepts_connections(reaches) -> None:
    for network in ("none", "store", "internet"):
        assert not any(
            reaches(source, task(network), 8080) for source in (API, PAGE, DRIVER, STRANGER, task("internet"), End(address="8.8.8.8"))
        )


def test_the_policies_do_not_restrict_kubeflow(reaches) -> None:
    assert reaches(API, DATABASE, 3306)
    assert reaches(DRIVER, KUBERNETES, 443)


def test_tasks_reach_an_external_store_only_at_its_address(rendered: dict[str, list[Document]]) -> None:
    policies = [d for d in rendered["external-minio"] if d["kind"] == "NetworkPolicy"]
    assert not [p for p in policies if p["metadata"]["name"] == "speechmill-minio"]
    for network in ("none", "store", "internet"):
        assert passes(policies, task(network), End(address="192.0.2.10"), 9000, "TCP", "egress")
        assert not passes(policies, task(network), End(address="192.0.2.11"), 9000, "TCP", "egress")
