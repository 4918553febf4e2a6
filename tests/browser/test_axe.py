"""axe finds nothing to object to on any page of the docs or of a step, in light or in dark."""

from __future__ import annotations

import pytest
from axe_playwright_python.sync_playwright import Axe
from conftest import ROOT

from browser.test_site import ADDRESSES, with_ports

# What to look for in each scheme: the second differs from the first in its colours only.
SCHEMES = {"light": {}, "dark": {"runOnly": {"type": "rule", "values": ["color-contrast"]}}}
STEPS = [int(path.parent.name[4:6]) for path in sorted(ROOT.glob("step*_*/manage.py"))]

# What the theme's own markup does, by rule and element, with the reason it is let pass.
EXCEPTED = {
    ("aria-dialog-name", ".md-search"): "Material's search box is a dialog without a name",
    ("landmark-unique", ".md-code__nav"): "each code block's copy button is a <nav> of one name",
}


def violations(page, scheme: str = "light") -> list[str]:
    """axe's findings, one line each, without those excepted."""
    page.emulate_media(color_scheme=scheme)
    found = []
    options = {**SCHEMES[scheme], "resultTypes": ["violations"]}
    for violation in Axe().run(page, options=options).response["violations"]:
        for node in violation["nodes"]:
            place = " ".join(str(part) for part in node["target"])
            if not any(violation["id"] == rule and element in place for rule, element in EXCEPTED):
                found.append(f"{violation['id']}: {place}: {node['failureSummary']}")
    return found


# What is left of highlighted code: three words of each kind, on a marked line and not; and of a
# recording its first dozen events. axe looks at all, and a page of 11,000 words took it five times
# as long.
THIN_OUT = """() => {
  for (const trace of document.querySelectorAll("wire-trace"))
    for (const row of [...trace.querySelectorAll(".wt-row")].slice(12)) row.remove();
  const seen = {};
  for (const word of document.querySelectorAll("pre span:not(:has(span))")) {
    const kind = word.className + Boolean(word.closest(".hll"));
    seen[kind] = (seen[kind] ?? 0) + 1;
    if (seen[kind] > 3) word.remove();
  }
}"""


# One of the pages of differences: `course generate` writes all alike, and they are long.
DIFFERENT = [address for address in ADDRESSES if "/diff-" not in address or "01-02" in address]


@pytest.mark.slow
@pytest.mark.parametrize("address", DIFFERENT)
def test_docs_page(page, site, address):
    with_ports(page)
    page.goto(site + address)
    page.evaluate("for (const d of document.querySelectorAll('details')) d.open = true")
    page.evaluate(THIN_OUT)
    for scheme in SCHEMES:
        assert not violations(page, scheme), scheme


@pytest.mark.slow
@pytest.mark.parametrize("number", STEPS)
def test_step_pages(page, step_server, number):
    """Every page of a step that its front page leads to, before and after its first button."""
    server = step_server(number)
    seen, ahead = set(), [server.http("/")]
    while ahead:
        address = ahead.pop()
        if address in seen:
            continue
        seen.add(address)
        page.goto(address)
        links = page.locator("a[href]").evaluate_all("all => all.map(a => a.href.split('#')[0])")
        # Not the admin: its pages are Django's (its log-in page has no <h1>, which axe wants).
        ours = [link for link in links if not link.startswith(server.http("/admin/"))]
        ahead += [link for link in ours if link.startswith(server.http("/"))]
        for scheme in SCHEMES:
            assert not violations(page, scheme), f"{address}, {scheme}"
        button = page.locator("main button:visible").first
        if button.count():
            button.click()
            page.wait_for_load_state("networkidle")
            assert not violations(page), f"{address}, after its first button"
        page.set_viewport_size({"width": 360, "height": 740})
        assert page.evaluate("document.documentElement.scrollWidth") <= 360, address
        page.set_viewport_size({"width": 1280, "height": 800})
    assert len(seen) >= min(number, 3)


@pytest.mark.slow
def test_a_violation_is_noticed(page, site):
    page.goto(site + "versions/")
    for scheme, colour in {"light": "#bbb", "dark": "#444"}.items():
        page.evaluate("colour => document.querySelector('h1').style.color = colour", colour)
        assert any("color-contrast" in line for line in violations(page, scheme)), scheme
