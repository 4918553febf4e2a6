"""The HTTP paths of the workouts."""

api_urlpatterns = []
urlpatterns = [*api_urlpatterns]
