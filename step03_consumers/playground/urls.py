"""The step's pages: none of them needs a view of its own."""

from django.urls import path
from django.views.generic import TemplateView

PAGES = {"": "playground", "lifecycle/": "lifecycle", "slow/": "slow", "reconnect/": "reconnect"}

urlpatterns = [
    path(address, TemplateView.as_view(template_name=f"playground/{name}.html"), name=name)
    for address, name in PAGES.items()
]
