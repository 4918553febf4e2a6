"""The HTTP paths of the form."""

api_urlpatterns = []
urlpatterns = [*api_urlpatterns]
