"""The HTTP paths of the feed."""

api_urlpatterns = []
urlpatterns = [*api_urlpatterns]
