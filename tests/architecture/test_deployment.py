"""Do compose file, image, locks and CI agree with the code and with each other?"""

from __future__ import annotations

import os
import re
import subprocess
import tomllib
from pathlib import Path
from typing import Any

import pytest
import yaml

from dashboards.build import DOCS
from streams.contracts.topics import TOPICS
from streams.settings import Settings

ROOT = Path(__file__).parents[2]
COMPOSE: dict[str, Any] = yaml.safe_load((ROOT / "docker-compose.yml").read_text())
SERVICES: dict[str, dict[str, Any]] = COMPOSE["services"]
DOCKERFILE = (ROOT / "Dockerfile").read_text()
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())
OURS = [name for name, service in SERVICES.items() if service.get("image") == "paywarden:local"]
VARIABLES = {f"PAYWARDEN_{name.upper()}" for name in Settings.model_fields}


def normal(requirement: str) -> str:
    return re.split(r"[<>=!~;\[ ]", requirement, maxsplit=1)[0].lower().replace("_", "-")


def pins(lock: str) -> dict[str, str]:
    return dict(re.findall(r"^([a-z0-9-]+)==(\S+)", (ROOT / lock).read_text(), re.MULTILINE))


class TestCompose:
    def test_leaves_the_topics_to_the_code(self) -> None:
        assert SERVICES["topics"]["command"] == ["topics", "create"]
        assert SERVICES["worker"]["depends_on"]["topics"]["condition"] == "service_completed_successfully"
        assert SERVICES["kafka"]["environment"]["KAFKA_AUTO_CREATE_TOPICS_ENABLE"] == "false"
        text = (ROOT / "docker-compose.yml").read_text()
        assert [name for name in TOPICS if name in text] == []

    @pytest.mark.parametrize("name", OURS)
    def test_settings_are_settings_of_the_code(self, name: str) -> None:
        environment = SERVICES[name]["environment"]
        assert set(environment) <= VARIABLES
        values = {variable.removeprefix("PAYWARDEN_").lower(): value for variable, value in environment.items()}
        assert Settings(**values).bootstrap == "kafka:9092"

    def test_workers_share_every_setting_with_who_creates_their_topics(self) -> None:
        assert SERVICES["topics"]["environment"] == SERVICES["worker"]["environment"]

    @pytest.mark.parametrize("name", OURS)
    def test_our_containers_cannot_write_or_gain_rights(self, name: str) -> None:
        service = SERVICES[name]
        assert service["read_only"] is True
        assert service["cap_drop"] == ["ALL"]
        assert service["security_opt"] == ["no-new-privileges:true"]
        assert [mount.partition(":")[0] for mount in service["tmpfs"]] == ["/var/lib/paywarden"]

    def test_ports_are_open_to_this_machine_only(self) -> None:
        for service in SERVICES.values():
            for port in service.get("ports", []):
                assert port.startswith("127.0.0.1:")

    def test_images_are_pinned(self) -> None:
        for service in SERVICES.values():
            assert re.search(r":(local|v?\d+\.\d+\.\d+)$", service["image"])

    def test_prometheus_scrapes_the_port_of_the_workers_pages(self) -> None:
        config = yaml.safe_load((ROOT / "dashboards/prometheus/prometheus.yml").read_text())
        job, services = config["scrape_configs"]
        (found,) = job["dns_sd_configs"]
        assert (services["job_name"], services["file_sd_configs"]) == (
            "paywarden-services",
            [{"files": ["services/*.yml"]}],
        )
        assert yaml.safe_load((ROOT / "dashboards/prometheus/services/none.yml").read_text()) == []
        assert (found["names"], found["port"]) == (["worker"], Settings.model_fields["web_port"].default)
        assert job["job_name"] == "paywarden"

    def test_grafana_is_the_one_that_the_dashboards_are_written_for(self) -> None:
        _, _, version = pins("requirements.lock")["grafana-foundation-sdk"].partition("!")
        assert SERVICES["grafana"]["image"] == f"grafana/grafana:{version}"
        folder = yaml.safe_load((ROOT / "dashboards/grafana/provisioning/dashboards/paywarden.yml").read_text())
        (provider,) = folder["providers"]
        mounted = dict(volume.split(":")[:2] for volume in SERVICES["grafana"]["volumes"])
        assert mounted["./dashboards/grafana/dashboards"] == provider["options"]["path"]
        assert mounted["./docs"] == f"/usr/share/grafana{DOCS}"
        home = SERVICES["grafana"]["environment"]["GF_DASHBOARDS_DEFAULT_HOME_DASHBOARD_PATH"]
        assert (ROOT / "dashboards/grafana/dashboards" / Path(home).name).exists()

    def test_what_is_mounted_exists(self) -> None:
        for service in SERVICES.values():
            for volume in service.get("volumes", []):
                source = volume.partition(":")[0]
                assert source in COMPOSE["volumes"] or (ROOT / source).exists()


class TestImage:
    def test_runs_without_rights(self) -> None:
        assert re.findall("^USER (.*)$", DOCKERFILE, re.MULTILINE) == ["10001:10001"]

    def test_sets_settings_of_the_code_only(self) -> None:
        assert set(re.findall("PAYWARDEN_[A-Z_]+", DOCKERFILE)) <= VARIABLES

    def test_installs_by_hash(self) -> None:
        installs = re.findall(r"pip install (.*?)(?: \\)?$", DOCKERFILE, re.MULTILINE)
        assert all("--require-hashes" in install or "--no-deps --no-build-isolation" in install for install in installs)

    def test_shows_the_port_of_the_pages(self) -> None:
        assert f"EXPOSE {Settings.model_fields['web_port'].default}" in DOCKERFILE


class TestLocks:
    def test_name_no_registry(self) -> None:
        for lock in ("requirements.lock", "requirements.worker.lock"):
            text = (ROOT / lock).read_text()
            assert "://" not in text
            assert not re.search("^ *--(index|extra-index|find-links|trusted-host)", text, re.MULTILINE)

    def test_every_pin_has_a_hash(self) -> None:
        for lock in ("requirements.lock", "requirements.worker.lock"):
            for entry in re.split(r"\n(?=[a-z])", (ROOT / lock).read_text())[1:]:
                assert "--hash=sha256:" in entry

    def test_the_worker_has_the_versions_that_were_tested(self) -> None:
        assert pins("requirements.worker.lock").items() <= pins("requirements.lock").items()

    def test_direct_dependencies_are_locked_and_explained(self) -> None:
        project = PROJECT["project"]
        groups = PROJECT["dependency-groups"].values()
        direct = {
            normal(requirement)
            for requirements in (project["dependencies"], *project["optional-dependencies"].values(), *groups)
            for requirement in requirements
            if isinstance(requirement, str)
        }
        assert direct <= pins("requirements.lock").keys()
        page = (ROOT / "docs/dependencies.md").read_text()
        explained = set(re.findall(r"^\| ([a-z0-9-]+) \|", page, re.MULTILINE)) - {"package"}
        assert explained == direct


class TestCommands:
    def test_ci_begins_with_what_everybody_runs(self) -> None:
        script = (ROOT / ".ci/run").read_text()
        assert "set -euo pipefail" in script
        sections = re.findall('^section "([^"]+)"', script, re.MULTILINE)
        assert sections[0] == "make test"
        assert "connected" in sections

    def test_ci_tests_against_the_broker_that_compose_runs(self) -> None:
        (version,) = re.findall("^version=(.*)$", (ROOT / ".ci/kafka-libs").read_text(), re.MULTILINE)
        assert SERVICES["kafka"]["image"] == f"apache/kafka:{version}"

    def test_every_make_target_is_phony_and_explained(self) -> None:
        text = (ROOT / "Makefile").read_text()
        explained = set(re.findall("^([a-z]+):.*## ", text, re.MULTILINE))
        (phony,) = re.findall(r"^\.PHONY: (.*)$", text, re.MULTILINE)
        assert explained == set(phony.split())

    def test_setup_says_which_python_it_needs(self, tmp_path: Path) -> None:
        found = subprocess.run(
            ["make", "setup", "PYTHON=", f"VENV={tmp_path / 'venv'}"],
            cwd=ROOT,
            env={name: value for name, value in os.environ.items() if not name.startswith("MAKE")},
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        assert found.returncode != 0
        assert "Python 3.11 or newer is needed" in found.stdout
