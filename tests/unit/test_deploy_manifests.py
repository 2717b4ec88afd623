"""The Kubernetes manifests: valid by the API's schemas, and in step with what the services read."""

import dataclasses
from pathlib import Path
from typing import Any

import kubernetes_validate
import pytest
import yaml

from framecast_inference.settings import InferenceSettings
from framecast_registry.settings import RegistrySettings
from framecast_trainer.settings import TrainerSettings

BASE = Path(__file__).resolve().parents[2] / "deploy/k8s/base"
SETTINGS: dict[str, type] = {
    "registry": RegistrySettings,
    "trainer": TrainerSettings,
    "inference": InferenceSettings,
}


def documents(name: str) -> list[dict[str, Any]]:
    return list(yaml.safe_load_all((BASE / f"{name}.yaml").read_text()))


def container(name: str) -> dict[str, Any]:
    (deployment,) = (document for document in documents(name) if document["kind"] == "Deployment")
    (only,) = deployment["spec"]["template"]["spec"]["containers"]
    return dict(only)


@pytest.mark.parametrize("name", SETTINGS)
def test_manifests_are_valid(name: str) -> None:
    for document in documents(name):
        kubernetes_validate.validate(document, "1.32", strict=True)


@pytest.mark.parametrize("name", SETTINGS)
def test_every_setting_that_is_set_exists_and_none_is_missing(name: str) -> None:
    given = {entry["name"] for entry in container(name)["env"]} | {"FRAMECAST_OBJECT_STORE_URL"}
    fields = {f"FRAMECAST_{field.name.upper()}": field for field in dataclasses.fields(SETTINGS[name])}
    assert given <= set(fields)
    required = {
        variable
        for variable, field in fields.items()
        if field.default is dataclasses.MISSING and field.default_factory is dataclasses.MISSING
    }
    assert required <= given


@pytest.mark.parametrize("name", SETTINGS)
def test_probes_and_service_point_at_the_port_that_is_listened_on(name: str) -> None:
    main = container(name)
    (listen,) = (entry["value"] for entry in main["env"] if entry["name"] == "FRAMECAST_LISTEN_ADDRESS")
    port = int(listen.rpartition(":")[2])
    (service,) = (document for document in documents(name) if document["kind"] == "Service")
    assert [main["ports"][0]["containerPort"], service["spec"]["ports"][0]["port"]] == [port, port]
    (metrics,) = (entry["value"] for entry in main["env"] if entry["name"] == "FRAMECAST_METRICS_ADDRESS")
    scraped = {"name": "metrics", "containerPort": int(metrics.rpartition(":")[2])}
    assert scraped in main["ports"]
    assert {"name": "metrics", "port": scraped["containerPort"], "targetPort": "metrics"} in service["spec"]["ports"]
    assert main["readinessProbe"]["grpc"]["port"] == main["livenessProbe"]["grpc"]["port"] == port


@pytest.mark.parametrize("name", SETTINGS)
def test_containers_run_unprivileged(name: str) -> None:
    context = container(name)["securityContext"]
    assert context == {
        "allowPrivilegeEscalation": False,
        "readOnlyRootFilesystem": True,
        "capabilities": {"drop": ["ALL"]},
    }


def test_kustomization_lists_every_manifest() -> None:
    listed = yaml.safe_load((BASE / "kustomization.yaml").read_text())["resources"]
    assert sorted(listed) == sorted(path.name for path in BASE.glob("*.yaml") if path.name != "kustomization.yaml")
