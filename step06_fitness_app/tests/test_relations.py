"""Who is what to whom, and what that allows: every cell of the table."""

import pytest
from django.contrib.auth.models import User

from people.models import Block, Friendship, Privacy, Profile
from people.relations import Relation, friends_of, is_blocked, may_see, may_talk, relation
from tests.people import befriend, make_user

pytestmark = pytest.mark.django_db
TO_ADA = {
    "ada": Relation.OWNER,
    "ben": Relation.FRIEND,
    "tom": Relation.TRAINER,
    "cleo": Relation.STRANGER,
    "sam": Relation.STRANGER,
    "dora": Relation.BLOCKED,
}


@pytest.mark.parametrize("viewer", TO_ADA)
def test_what_each_is_to_ada(people, viewer):
    assert relation(people[viewer].pk, people["ada"].pk) == TO_ADA[viewer]


def test_what_ada_is_to_each(people):
    ada = people["ada"].pk
    seen = {name: relation(ada, user.pk) for name, user in people.items()}
    assert seen == {**TO_ADA, "tom": Relation.STRANGER}  # a client is not the trainer's trainer


@pytest.mark.parametrize(
    "privacy, viewers",
    [
        (Privacy.PUBLIC, {"ada", "ben", "tom", "cleo", "sam"}),
        (Privacy.FRIENDS, {"ada", "ben", "tom"}),
        (Privacy.TRAINER, {"ada", "tom"}),
        (Privacy.PRIVATE, {"ada"}),
    ],
)
def test_who_sees_what_has_which_privacy(people, privacy, viewers):
    ada = people["ada"].pk
    sees = {name for name, user in people.items() if may_see(relation(user.pk, ada), privacy)}
    assert sees == viewers


def test_nothing_is_seen_by_a_privacy_that_is_none():
    assert not any(may_see(one, privacy) for one in Relation for privacy in ("", "all", None))


def test_a_block_outweighs_all_else_both_ways(people):
    ada, ben, tom = people["ada"], people["ben"], people["tom"]
    for other in (ben, tom):
        Block.objects.create(blocker=other, blocked=ada)
        assert relation(other.pk, ada.pk) == relation(ada.pk, other.pk) == Relation.BLOCKED
        assert is_blocked(ada.pk, other.pk) and is_blocked(other.pk, ada.pk)
        assert not may_talk(ada.pk, other.pk) and not may_talk(other.pk, ada.pk)


def test_a_trainer_who_is_a_friend_too_counts_as_the_trainer(people):
    befriend(people["ada"], people["tom"])
    assert relation(people["tom"].pk, people["ada"].pk) == Relation.TRAINER


def test_friends_and_a_trainer_and_their_client_may_talk(people):
    may = {
        frozenset((one.username, other.username))
        for one in people.values()
        for other in people.values()
        if may_talk(one.pk, other.pk)
    }
    assert may == {frozenset(("ada", "ben")), frozenset(("ada", "tom"))}


def test_a_request_is_no_friendship(people):
    ada, cleo = people["ada"], people["cleo"]
    first, second = sorted([ada, cleo], key=lambda user: user.pk)
    Friendship.objects.create(first=first, second=second, asked_by=ada)
    assert relation(cleo.pk, ada.pk) == relation(ada.pk, cleo.pk) == Relation.STRANGER
    assert not may_talk(ada.pk, cleo.pk)
    assert cleo not in friends_of(ada.pk)


def test_friends_are_those_of_both_sides_who_are_still_here(people):
    ada = people["ada"]
    befriend(people["cleo"], ada)
    befriend(ada, make_user("gone", is_active=False))
    befriend(people["ben"], people["cleo"])
    assert {user.username for user in friends_of(ada.pk)} == {"ben", "cleo"}


def test_somebody_who_is_not_there_is_a_stranger(people):
    nobody = User.objects.order_by("pk").last().pk + 1
    ada = people["ada"].pk
    assert relation(ada, nobody) == relation(nobody, ada) == Relation.STRANGER
    assert not may_talk(ada, nobody) and not may_talk(nobody, ada)


def test_everybody_has_a_profile_however_they_came_to_be(people):
    assert Profile.objects.count() == User.objects.count()
