"""What the end of a log-in means for the pages, and the other way round."""

from django.contrib.auth import logout

from accounts import services


class EndedLoginMiddleware:
    """Log out whose log-in was ended, by a kick for instance. After AuthenticationMiddleware.

    And end the log-in that another one takes the place of, for which Django sends no signal: its
    sockets would stay.
    """

    def __init__(self, get_response):
        self.get_response = get_response

    def __call__(self, request):
        sid = request.session.get("sid")
        if request.user.is_authenticated:
            try:
                services.check(sid, request.user)
            except services.Ended:
                logout(request)
        response = self.get_response(request)
        if sid and request.session.get("sid") != sid:
            services.end(sid)
        return response
