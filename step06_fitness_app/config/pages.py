"""The pages of somebody who is logged in: nothing keeps them."""

from django.utils.cache import add_never_cache_headers


class NotKeptMiddleware:
    """Tell the browser so. After AuthenticationMiddleware.

    Else Back shows a page as it was: unread what was read since, and to whoever comes after the
    log-out.
    """

    def __init__(self, get_response):
        self.get_response = get_response

    def __call__(self, request):
        response = self.get_response(request)
        if request.user.is_authenticated:
            add_never_cache_headers(response)
        return response
