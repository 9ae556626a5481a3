"""The alert rules and the dashboard in docs/monitoring."""

import json
import re
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path
from typing import Any, Final

import promql_parser
import pytest
import yaml
from django.test import Client
from prometheus_client.parser import text_string_to_metric_families
from pytest_django import Settings

from tests.services.server import ROOT

pytestmark = pytest.mark.django_db

FOLDER: Final = ROOT / "docs" / "monitoring"
# Metrics that exist only with a supervisor or a broker.
ELSEWHERE: Final = {"ramp_seconds_since_progress", "ramp_queue_jobs"}
METRIC: Final = re.compile(r"\bramp_\w+")


def rules() -> list[dict[str, Any]]:
    loaded = yaml.safe_load((FOLDER / "alerts.yml").read_text())
    return [rule for group in loaded["groups"] for rule in group["rules"]]


def expressions() -> Iterator[str]:
    yield from (rule["expr"] for rule in rules())
    for panel in json.loads((FOLDER / "dashboard.json").read_text())["panels"]:
        yield from (target["expr"] for target in panel["targets"])


@pytest.fixture
def names(client: Client, settings: Settings) -> set[str]:
    settings.METRICS_TOKEN = "a token"
    client.get("/healthz")
    # Only workers send mail.
    import_module("people.mail.sending")
    answer = client.get("/metrics", headers={"Authorization": "Bearer a token"})
    families = text_string_to_metric_families(answer.content.decode())
    suffixes = {"counter": ("_total",), "histogram": ("_bucket", "_count", "_sum")}
    return {
        f"{family.name}{suffix}"
        for family in families
        for suffix in suffixes.get(family.type, ("",))
    }


def test_use_only_existing_metrics(names: set[str]) -> None:
    used = {name for expression in expressions() for name in METRIC.findall(expression)}

    assert used - ELSEWHERE <= names
    assert len(used) > 10


@pytest.mark.parametrize("rule", rules(), ids=lambda rule: rule["alert"])
def test_alert_rules_have_a_severity_a_summary_and_an_action(rule: dict[str, Any]) -> None:
    assert rule["alert"].startswith("Ramp")
    assert rule["labels"]["severity"] in ("page", "ticket")
    assert set(rule["annotations"]) == {"summary", "action"}


@pytest.mark.parametrize("expression", list(expressions()))
def test_expressions_are_valid_promql(expression: str) -> None:
    promql_parser.parse(expression)


def test_are_described_in_the_operating_manual() -> None:
    manual = (ROOT / "docs" / "operating.md").read_text()

    for file in FOLDER.iterdir():
        assert f"monitoring/{Path(file).name}" in manual
