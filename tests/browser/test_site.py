"""The built site in a browser."""


def test_front_page_opens(page, site):
    page.goto(site)
    assert page.title()
