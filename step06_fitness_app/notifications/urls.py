"""The HTTP paths of the notifications."""

api_urlpatterns = []
urlpatterns = [*api_urlpatterns]
