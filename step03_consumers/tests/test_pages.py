"""The step's pages, without a browser: they answer, and load nothing from elsewhere."""

import re

import pytest
from django.contrib.staticfiles import finders

PAGES = ["/", "/lifecycle/", "/slow/", "/reconnect/"]


@pytest.mark.parametrize("path", PAGES)
def test_every_page_answers_and_its_files_are_ours(client, path):
    response = client.get(path)
    assert response.status_code == 200
    files = re.findall(r'(?:src|href)="/static/([^"]+)"', response.text)
    assert files and all(finders.find(name) for name in files)
    assert not re.search(r'(?:src|href)="(?:https?:)?//', response.text)


@pytest.mark.parametrize("path", PAGES)
def test_every_page_leads_to_the_others(client, path):
    text = client.get(path).text
    assert all(f'href="{other}"' in text for other in PAGES)
