"""The HTTP paths of the people."""

api_urlpatterns = []
urlpatterns = [*api_urlpatterns]
