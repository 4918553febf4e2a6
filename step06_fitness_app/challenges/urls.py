"""The HTTP paths of the challenges."""

api_urlpatterns = []
urlpatterns = [*api_urlpatterns]
