"""Are the Kubernetes manifests valid, and do they agree with the image, the settings and the groups of the code?

Nothing here runs them. They are checked against the schemas that Kubernetes publishes, of the oldest and the newest
version that the checker knows, and against what the code says.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import kubernetes_validate
import pytest
import yaml

from streams.cli.main import COMMANDS
from streams.metrics import LAG
from streams.runtime.options import RuntimeOptions
from streams.settings import Settings

ROOT = Path(__file__).parents[2]
FOLDER = ROOT / "deploy/kubernetes"
DOCUMENTS: list[dict[str, Any]] = [
    document
    for path in sorted(FOLDER.glob("*.yaml"))
    if path.name != "kustomization.yaml"
    for document in yaml.safe_load_all(path.read_text())
]
KUSTOMIZATION: dict[str, Any] = yaml.safe_load((FOLDER / "kustomization.yaml").read_text())
WORKLOADS = [each for each in DOCUMENTS if each["kind"] in ("StatefulSet", "Job")]
VARIABLES = {f"PAYWARDEN_{name.upper()}" for name in Settings.model_fields}
# Of the managed services' long-term support today, and whatever is newest.
VERSIONS = ("1.31", kubernetes_validate.latest_version())


def name_of(document: dict[str, Any]) -> str:
    return f"{document['kind']}/{document['metadata']['name']}"


def find(kind: str, name: str) -> dict[str, Any]:
    (found,) = [each for each in DOCUMENTS if each["kind"] == kind and each["metadata"]["name"] == name]
    return found


def pod_of(workload: dict[str, Any]) -> dict[str, Any]:
    pod: dict[str, Any] = workload["spec"]["template"]["spec"]
    return pod


def container_of(workload: dict[str, Any]) -> dict[str, Any]:
    (container,) = pod_of(workload)["containers"]
    assert isinstance(container, dict)
    return container


def environment_of(workload: dict[str, Any]) -> dict[str, str]:
    """As the process will see it; what the cluster fills in stands as its path."""
    shared = find("ConfigMap", "paywarden-settings")["data"]
    own = {
        each["name"]: each.get("value") or each["valueFrom"]["fieldRef"]["fieldPath"]
        for each in container_of(workload)["env"]
    }
    return {**shared, **own}


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("document", DOCUMENTS, ids=name_of)
def test_is_what_the_published_schema_allows(document: dict[str, Any], version: str) -> None:
    kubernetes_validate.validate(document, version, strict=True)


def test_the_checker_would_see_a_mistake() -> None:
    broken = yaml.safe_load(yaml.safe_dump(find("StatefulSet", "paywarden-worker")))
    broken["spec"]["template"]["spec"]["containers"][0]["readynessProbe"] = {}
    with pytest.raises(kubernetes_validate.ValidationError):
        kubernetes_validate.validate(broken, VERSIONS[0], strict=True)


def test_kustomize_lists_every_file_but_the_job_that_runs_once() -> None:
    files = {path.name for path in FOLDER.glob("*.yaml")} - {"kustomization.yaml", "bootstrap.yaml"}
    assert set(KUSTOMIZATION["resources"]) == files
    assert KUSTOMIZATION["namespace"] == find("Namespace", "paywarden")["metadata"]["name"]


@pytest.mark.parametrize("workload", WORKLOADS, ids=name_of)
class TestWorkload:
    def test_settings_are_settings_of_the_code(self, workload: dict[str, Any]) -> None:
        environment = environment_of(workload)
        assert environment.keys() <= VARIABLES
        values = {variable.removeprefix("PAYWARDEN_").lower(): value for variable, value in environment.items()}
        values["policy_files"] = yaml.safe_load(values["policy_files"])
        settings = Settings(**values)
        assert settings.security_protocol == "SASL_SSL"
        assert not settings.sasl_password  # secrets come from files

    def test_no_service_sets_variables_that_look_like_settings(self, workload: dict[str, Any]) -> None:
        assert pod_of(workload)["enableServiceLinks"] is False

    def test_what_the_settings_name_is_mounted(self, workload: dict[str, Any]) -> None:
        container = container_of(workload)
        mounts = {each["mountPath"]: each["name"] for each in container["volumeMounts"]}
        named = re.findall(r"/etc/paywarden/[\w./-]+", str(environment_of(workload)) + str(container["args"]))
        assert {path.rpartition("/")[0] for path in named} <= mounts.keys()
        assert set(mounts.values()) == {each["name"] for each in pod_of(workload)["volumes"]}

    def test_runs_without_rights_on_a_file_system_that_it_cannot_write(self, workload: dict[str, Any]) -> None:
        pod, container = pod_of(workload), container_of(workload)
        (user,) = re.findall(r"^USER (\d+):", (ROOT / "Dockerfile").read_text(), re.MULTILINE)
        assert pod["securityContext"]["runAsNonRoot"] is True
        assert pod["securityContext"]["runAsUser"] == int(user)
        assert pod["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
        assert pod["automountServiceAccountToken"] is False
        assert container["securityContext"] == {
            "allowPrivilegeEscalation": False,
            "readOnlyRootFilesystem": True,
            "capabilities": {"drop": ["ALL"]},
        }
        writable = [each["mountPath"] for each in container["volumeMounts"] if not each.get("readOnly")]
        (scratch,) = re.findall(r"TMPDIR=(\S+)", (ROOT / "Dockerfile").read_text())
        assert writable == [scratch]

    def test_the_command_exists_and_the_image_is_pinned(self, workload: dict[str, Any]) -> None:
        container = container_of(workload)
        assert container["args"][0] in COMMANDS
        assert re.search(r"paywarden:\d+\.\d+\.\d+$", container["image"])

    def test_memory_is_limited(self, workload: dict[str, Any]) -> None:
        assert "memory" in container_of(workload)["resources"]["limits"]


@pytest.mark.parametrize("workload", [each for each in WORKLOADS if each["kind"] == "StatefulSet"], ids=name_of)
class TestMembers:
    def test_membership_is_static(self, workload: dict[str, Any]) -> None:
        assert environment_of(workload)["PAYWARDEN_INSTANCE_ID"] == "metadata.name"
        assert workload["spec"]["podManagementPolicy"] == "Parallel"

    def test_probes_ask_the_pages(self, workload: dict[str, Any]) -> None:
        container = container_of(workload)
        (port,) = container["ports"]
        assert port == {"name": "pages", "containerPort": Settings.model_fields["web_port"].default}
        for probe, path in (("startupProbe", "/healthz"), ("livenessProbe", "/healthz"), ("readinessProbe", "/readyz")):
            assert container[probe]["httpGet"] == {"path": path, "port": "pages"}
        annotations = workload["spec"]["template"]["metadata"]["annotations"]
        assert annotations["prometheus.io/port"] == str(port["containerPort"])

    def test_a_take_over_has_the_time_that_the_group_allows(self, workload: dict[str, Any]) -> None:
        probe = container_of(workload)["startupProbe"]
        assert probe["periodSeconds"] * probe["failureThreshold"] >= RuntimeOptions().rebalance_timeout_s

    def test_the_service_gives_the_pods_their_names(self, workload: dict[str, Any]) -> None:
        service = find("Service", workload["spec"]["serviceName"])
        assert service["spec"]["clusterIP"] == "None"
        assert service["spec"]["selector"] == workload["spec"]["selector"]["matchLabels"]
        assert workload["spec"]["template"]["metadata"]["labels"] == workload["spec"]["selector"]["matchLabels"]


def test_one_worker_at_a_time_is_disturbed() -> None:
    budget, worker = find("PodDisruptionBudget", "paywarden-worker"), find("StatefulSet", "paywarden-worker")
    assert budget["spec"]["maxUnavailable"] == 1
    assert budget["spec"]["selector"] == worker["spec"]["selector"]


def test_workers_grow_with_the_lag_up_to_the_partitions() -> None:
    scaler, worker = (
        find("HorizontalPodAutoscaler", "paywarden-worker")["spec"],
        find("StatefulSet", "paywarden-worker"),
    )
    assert scaler["scaleTargetRef"]["name"] == worker["metadata"]["name"]
    assert scaler["maxReplicas"] == Settings.model_fields["partitions"].default
    assert scaler["minReplicas"] == worker["spec"]["replicas"]
    (metric,) = scaler["metrics"]
    assert metric["pods"]["metric"]["name"] == LAG.name


def test_nothing_is_secret_here() -> None:
    assert not [each for each in DOCUMENTS if each["kind"] == "Secret"]
    assert "PASSWORD:" not in "".join(path.read_text() for path in FOLDER.glob("*.yaml"))
