"""Do compose file, image, locks and CI agree with the code and with each other?"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import tomllib
from pathlib import Path
from typing import Any

import click
import pytest
import yaml
from sqlalchemy import make_url

from dashboards.build import DOCS
from streams.cli.main import paywarden
from streams.console.webhooks.endpoints import load_endpoints
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

    @pytest.mark.parametrize("name", ["console", "webhooks"])
    def test_what_runs_beside_the_workers_is_a_command_with_the_store_on_a_volume(self, name: str) -> None:
        service = SERVICES[name]
        assert service["depends_on"] == SERVICES["worker"]["depends_on"]
        environment = {each: value for each, value in service["environment"].items() if each != "PAYWARDEN_STORE_URL"}
        assert environment == SERVICES["worker"]["environment"]
        volume, _, folder = service["volumes"][0].partition(":")
        assert volume in COMPOSE["volumes"]
        file = make_url(service["environment"]["PAYWARDEN_STORE_URL"]).database
        assert Path(str(file)).parent == Path(folder)
        assert f"mkdir -p /var/lib/paywarden {folder} " in DOCKERFILE, "a volume has the owner that the image gave it"
        # Every word of it is one that the command line takes.
        parser, words = paywarden, list(service["command"])
        context = click.Context(parser)
        while isinstance(parser, click.Group) and words and parser.get_command(context, words[0]) is not None:
            parser = parser.get_command(context, words.pop(0))  # type: ignore[assignment]
        with parser.make_context("paywarden", words, resilient_parsing=True) as parsed:
            assert parsed.args == []

    def test_the_console_is_where_compose_says(self) -> None:
        console = paywarden.get_command(click.Context(paywarden), "console")
        assert console is not None
        options = {option.name: option.default for option in console.params}
        assert SERVICES["console"]["ports"] == [f"127.0.0.1:{options['port']}:{options['port']}"]
        assert "profiles" not in SERVICES["console"]

    def test_webhooks_know_their_endpoint_once_it_has_a_secret(self, tmp_path: Path) -> None:
        mounted = dict(volume.split(":")[:2] for volume in SERVICES["webhooks"]["volumes"])
        shipped = ROOT / "deploy/compose/webhooks"
        config = Path(SERVICES["webhooks"]["command"][-1])
        assert mounted["./deploy/compose/webhooks"] == str(config.parent)
        shutil.copy(shipped / config.name, tmp_path)
        (tmp_path / "billing.secret").write_text("0123456789abcdef0123456789abcdef")
        assert [each.name for each in load_endpoints(tmp_path / config.name)] == ["billing"]
        assert SERVICES["webhooks"]["profiles"] == ["webhooks"]
        assert (shipped / ".gitignore").read_text() == "*.secret\n"

    def test_prometheus_scrapes_the_console(self) -> None:
        mounted = dict(volume.split(":")[:2] for volume in SERVICES["prometheus"]["volumes"])
        assert mounted["./deploy/compose/services"] == f"{mounted['./dashboards/prometheus']}/services"
        (listed,) = yaml.safe_load((ROOT / "deploy/compose/services/console.yml").read_text())
        port = Settings.model_fields["web_port"].default
        assert listed == {"targets": [f"console:{port}"], "labels": {"service": "console"}}

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

    def test_the_image_has_what_its_roles_need(self) -> None:
        extras = PROJECT["project"]["optional-dependencies"]
        needed = {normal(each) for role in ("serve", "console") for each in extras[role]}
        assert needed <= pins("requirements.worker.lock").keys()

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
