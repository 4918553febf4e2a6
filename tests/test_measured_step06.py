"""The tables of docs/operate/measure.md are those of its figures, and their gist holds again."""

import json
from types import SimpleNamespace

import pytest

from benchmarks import run, tables


def test_the_tables_are_those_of_the_report():
    report = json.loads(tables.REPORT.read_text(encoding="utf-8"))
    for name, text in tables.tables(report).items():
        assert (tables.MEASURED / name).read_text(encoding="utf-8") == text, name


def test_nothing_was_lost_and_the_hub_is_faster_than_groups_and_they_than_the_tutorial():
    report = json.loads(tables.REPORT.read_text(encoding="utf-8"))
    for server in ("daphne", "uvicorn"):
        found = report[server]
        costs = [
            tables.typical(found["fan-out to 100"][name], "cpu_us")
            for name in ("tutorial", "step 06", "step 06, hub")
        ]
        assert costs == sorted(costs, reverse=True)
        for figure in ("burst", "overload"):
            lost = [max(found[figure][name]["lost"]) for name in ("step 06", "step 06, hub")]
            assert max(lost) <= 0


@pytest.mark.slow
@pytest.mark.needs("redis")
@pytest.mark.needs("uvicorn")
def test_measured_again_the_hub_still_costs_a_third_of_the_tutorial():
    options = SimpleNamespace(
        only=["tutorial", "step 06, hub"], rounds=1, seconds=1, figures=["fan-out to 100"]
    )
    for server, found in run.measure(["daphne", "uvicorn"], options).items():
        tutorial, hub = (found["fan-out to 100"][name] for name in options.only)
        assert tables.ratio(tutorial, hub, "cpu_us") > 2.5, server
