"""LOOK's colours: the docs and every step have the same ones, and every pair can be read."""

import re
from itertools import product
from pathlib import Path

import pytest
from pages import DOCS, ROOT

NAMES = ["surface", "raised", "line", "text", "quiet", "accent", "good", "warn", "bad"]
STEPS = sorted(ROOT.glob("step*_*/static/css/look.css"))
DOCS_TOKENS = DOCS / "assets/stylesheets/tokens.css"


def schemes(sheet: Path) -> dict[str, dict[str, str]]:
    """The tokens a style sheet sets, for light and for dark."""
    text = re.sub(r"/\*.*?\*/", "", sheet.read_text(encoding="utf-8"), flags=re.DOTALL)
    found: dict[str, dict[str, str]] = {}
    for block in re.finditer(r"([^{}]*)\{([^{}]*--surface:[^{}]*)\}", text):
        # The selector, and an @media around it.
        before = text[: block.start(2)].rsplit("}", 1)[-1]
        scheme = "dark" if re.search("dark|slate", before) else "light"
        values = dict(re.findall(r"--([a-z]+):\s*(#[0-9a-fA-F]{3,6})\b", block[2]))
        tokens = {name: full(values[name]) for name in NAMES}
        assert found.setdefault(scheme, tokens) == tokens, f"{sheet}: two sets for {scheme}"
    return found


def full(colour: str) -> str:
    digits = colour[1:].lower()
    return "#" + ("".join(2 * digit for digit in digits) if len(digits) == 3 else digits)


def luminance(colour: str) -> float:
    """Relative luminance, WCAG 2.2."""
    parts = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    linear = [p / 12.92 if p <= 0.04045 else ((p + 0.055) / 1.055) ** 2.4 for p in parts]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def contrast(one: str, other: str) -> float:
    low, high = sorted([luminance(one), luminance(other)])
    return (high + 0.05) / (low + 0.05)


def test_contrast_is_computed_as_wcag_does():
    assert round(contrast("#000000", "#ffffff"), 2) == 21
    assert round(contrast("#777777", "#ffffff"), 2) == 4.48


@pytest.mark.parametrize("sheet", [DOCS_TOKENS, *STEPS], ids=lambda p: str(p.relative_to(ROOT)))
def test_every_pair_can_be_read(sheet):
    both = schemes(sheet)
    assert set(both) == {"light", "dark"}
    for scheme, tokens in both.items():
        texts = ["text", "quiet", "accent", "good", "warn", "bad"]
        for ink, paper in product(texts, ["surface", "raised"]):
            ratio = contrast(tokens[ink], tokens[paper])
            assert ratio >= 4.5, f"{scheme}: {ink} on {paper} is {ratio:.2f}"
        # A button's label stands on the accent colour.
        assert contrast(tokens["surface"], tokens["accent"]) >= 4.5


@pytest.mark.parametrize("sheet", STEPS, ids=lambda p: str(p.relative_to(ROOT)))
def test_docs_and_steps_share_their_colours(sheet):
    assert schemes(sheet) == schemes(DOCS_TOKENS)
