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
            found["fan-out to 100"][name]["cpu_us"]
            for name in run.VARIANTS
            if name in ("tutorial", "step 06", "step 06, hub")
        ]
        assert costs == sorted(costs, reverse=True)
        for figure in ("burst", "overload"):
            assert all(found[figure][name]["lost"] <= 0 for name in ("step 06", "step 06, hub"))


@pytest.mark.slow
@pytest.mark.needs("redis")
@pytest.mark.needs("uvicorn")
@pytest.mark.parametrize("server", ["daphne", "uvicorn"])
def test_measured_again_the_hub_still_costs_a_third_of_the_tutorial(server):
    options = SimpleNamespace(
        only=["tutorial", "step 06, hub"], rounds=1, seconds=1, figures=["fan-out to 100"]
    )
    found = run.measure(server, options)["fan-out to 100"]
    assert found["tutorial"]["cpu_us"] > 2.5 * found["step 06, hub"]["cpu_us"]
