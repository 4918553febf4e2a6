"""A log-in that has ended elsewhere is over for the pages too."""

from django.contrib.auth import logout

from accounts import services


class EndedLoginMiddleware:
    """Log out whose log-in was ended, by a kick for instance. After AuthenticationMiddleware."""

    def __init__(self, get_response):
        self.get_response = get_response

    def __call__(self, request):
        if request.user.is_authenticated:
            try:
                services.check(request.session.get("sid"), request.user)
            except services.Ended:
                logout(request)
        return self.get_response(request)
