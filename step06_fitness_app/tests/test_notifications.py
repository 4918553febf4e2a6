"""The bell."""

import pytest

pytestmark = pytest.mark.django_db(transaction=True)


def test_smoke(people):
    from notifications import services

    ada, ben = people["ada"], people["ben"]
    one = services.notify(ada, "friend_request", key="x", about=ben)
    assert one.number == 1
    assert services.notify(ada, "friend_request", key="x", about=ben) is None
    assert services.unread(ada.pk) == (1, 1)
    assert services.mark(ada.pk, True, up_to=1).unread == 0
    assert services.award(ada.pk) == []
