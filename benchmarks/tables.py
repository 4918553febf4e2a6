"""The tables of docs/operate/measure.md, from what benchmarks/run.py has measured."""

import json
import statistics
from dataclasses import dataclass
from pathlib import Path

MEASURED = Path(__file__).resolve().parent.parent / "docs/assets/measured"
REPORT = MEASURED / "step06.json"
TUTORIAL, PUB_SUB, OURS, RAW = "tutorial", "tutorial, Pub/Sub", "step 06, hub", "raw ASGI"
SHOWN = [TUTORIAL, PUB_SUB, "step 06", OURS, RAW]


@dataclass(frozen=True)
class Goal:
    """What was to be reached: a figure of ours, alone or against another variant's."""

    name: str
    figure: str
    daphne: float
    uvicorn: float | None
    against: str | None = None
    number: str = "cpu_us"  # by which of the figure's numbers it counts
    unit: str = ""
    ours: str = OURS


GOALS = [
    Goal("fan-out to 100", "fan-out to 100", 4.5, 13, TUTORIAL),
    Goal("… of raw ASGI on the same server", "fan-out to 100", 0.75, None, RAW),
    Goal("fan-out to 1,000", "fan-out to 1,000", 7, 25, TUTORIAL),
    Goal("… of raw ASGI on the same server", "fan-out to 1,000", 0.7, None, RAW),
    Goal("echo, 1 client", "echo, 1 client", 2, 3, TUTORIAL),
    Goal("echo, 100 clients", "echo, 100 clients", 2, 3, TUTORIAL),
    Goal("handshake, against a plain token", "handshakes", 1.3, 2, "plain token"),
    Goal(
        "stored and acknowledged, against a save for each",
        "stored",
        5,
        None,
        "save each",
        "a_second",
        ours="step 06's chat",
    ),
    Goal("a delivery beside 2,000 idle", "beside 2,000 idle", 1.05, 1.05, None, "cpu_ratio", "×"),
    Goal("an idle connection", "memory", 28, 26, None, "kb", "\u00a0KB"),
    Goal("99 % delivered within, 100 at 30/s", "latency", 15, 5, None, "p99", "\u00a0ms"),
    Goal("lost of a burst of 1,000 to 100", "burst", 0, 0, None, "lost", "\u00a0%"),
    Goal("lost at twice the tutorial's capacity", "overload", 0, 0, None, "lost", "\u00a0%"),
]
RATES = (
    "echo, 1 client",
    "echo, 100 clients",
    "fan-out to 10",
    "fan-out to 100",
    "fan-out to 1,000",
    "handshakes",
)


def rounded(value: float) -> str:
    """Three digits, and 1,140 instead of 1.14e+03."""
    return f"{value:,.0f}" if value >= 100 else f"{value:.3g}"


def ratio(above: dict, below: dict, number: str) -> float:
    """Of two variants, turn by turn; the median."""
    pairs = zip(above[number], below[number], strict=True)
    return statistics.median(one / other for one, other in pairs)


def typical(variant: dict, number: str) -> float:
    """The median of a number; of what was lost the most."""
    return max(variant[number]) if number == "lost" else statistics.median(variant[number])


def goals(report: dict, server: str) -> str:
    """What was to be reached on a server, what was, and whether."""
    lines = [
        "| what | to reach | by the server's time | by the rate | outcome |",
        "| --- | ---: | ---: | ---: | --- |",
    ]
    for goal in GOALS:
        wanted = getattr(goal, server)
        ours = report[server][goal.figure][goal.ours]
        if goal.against:
            there = server if goal.against == RAW else "daphne"
            other = report[there][goal.figure][goal.against]
            found = {"cpu_us": ratio(other, ours, "cpu_us")}
            found["a_second"] = ratio(ours, other, "a_second")
            shown = [f"×{found['cpu_us']:.2f}", f"×{found['a_second']:.2f}"]
            is_reached, to_reach = found[goal.number] >= (wanted or 0), f"≥\u00a0×{wanted}"
        else:
            value = typical(ours, goal.number)
            value = 100 * max(0, value) if goal.number == "lost" else value
            shown = [f"{rounded(value)}{goal.unit}", ""]
            if goal.number == "p99":
                shown.reverse()  # of the clients' clock
            is_reached, to_reach = value <= wanted, f"≤\u00a0{wanted}{goal.unit}"
        verdict = "reached" if is_reached else "not reached"
        if wanted is None:
            verdict = to_reach = ""
        lines.append(f"| {goal.name} | {to_reach} | {shown[0]} | {shown[1]} | {verdict} |")
    return "\n".join(lines) + "\n"


def variants(report: dict, server: str) -> str:
    """Each variant on a server against the tutorial on Daphne, by the server's time."""
    lines = [f"| what | {' | '.join(SHOWN)} |", "| --- |" + " ---: |" * len(SHOWN)]
    for figure in RATES:
        base = report["daphne"][figure][TUTORIAL]
        found = report[server][figure]
        cells = [f"×{ratio(base, found[name], 'cpu_us'):.1f}" for name in SHOWN]
        lines.append(f"| {figure} | {' | '.join(cells)} |")
    for what, figure, key, unit in (
        ("an idle connection", "memory", "kb", "\u00a0KB"),
        ("99 % within, 100 at 30/s", "latency", "p99", "\u00a0ms"),
    ):
        found = report[server][figure]
        cells = [f"{rounded(typical(found[name], key))}{unit}" for name in SHOWN]
        lines.append(f"| {what} | {' | '.join(cells)} |")
    return "\n".join(lines) + "\n"


def processes(report: dict) -> str:
    """What a delivery costs in a room of 1,000 that is spread over several processes."""
    lines = [
        "| processes | on Daphne: a delivery costs | by the rate | on uvicorn: a delivery costs "
        "| by the rate |",
        "| ---: | ---: | ---: | ---: | ---: |",
    ]
    for number in report["daphne"]["processes"]:
        cells = []
        for server in ("daphne", "uvicorn"):
            one, many = (report[server]["processes"][each] for each in ("1", number))
            cells.append(f"×{ratio(many, one, 'cpu_us'):.2f}")
            cells.append(f"×{ratio(many, one, 'a_second'):.2f}")
        lines.append(f"| {number} | {' | '.join(cells)} |")
    return "\n".join(lines) + "\n"


def made_with(report: dict) -> str:
    one = report["with"]
    names = ("Django", "channels", "channels-redis", "daphne", "uvicorn", "uvloop")
    versions = ", ".join(f"{name} {one[name]}" for name in names)
    return (
        f"Measured in one run on one machine with {one['cores']} cores, which had other work too, "
        f"by {one['rounds']} rounds of {one['seconds']} s: Python {one['python']}, {versions}.\n"
    )


def tables(report: dict) -> dict[str, str]:
    """The text of each file; not .md: what ends in .md below docs/ is a page."""
    return {
        "step06-daphne.txt": goals(report, "daphne"),
        "step06-uvicorn.txt": goals(report, "uvicorn"),
        "step06-variants-daphne.txt": variants(report, "daphne"),
        "step06-variants-uvicorn.txt": variants(report, "uvicorn"),
        "step06-processes.txt": processes(report),
        "step06-with.txt": made_with(report),
    }


def write() -> None:
    for name, text in tables(json.loads(REPORT.read_text(encoding="utf-8"))).items():
        (MEASURED / name).write_text(text, encoding="utf-8", newline="\n")
