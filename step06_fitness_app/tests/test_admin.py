"""Conversations and messages in the admin: found by search and by filter, never made up."""

import pytest

from chat import services
from chat.models import Conversation, Message
from tests.people import as_shown, befriend, browser_of, make_user

pytestmark = pytest.mark.django_db


@pytest.fixture
def talks() -> list[Conversation]:
    ada, ben, cleo = [make_user(name) for name in ("ada", "ben", "cleo")]
    befriend(ada, ben), befriend(ben, cleo)
    talks = [services.start(ada, ben), services.start(ben, cleo)]
    Message.objects.create(conversation=talks[0], number=1, sender=ada, text="hello from here")
    Message.objects.create(conversation=talks[1], number=1, sender=cleo, text="hot in here")
    return talks


def rows(answer) -> list:
    assert answer.status_code == 200
    return list(answer.context["cl"].queryset)


def test_messages_are_searched_by_text_and_by_name(admin_client, talks):
    for searched, text in [("hello", "hello from here"), ("cleo", "hot in here")]:
        found = rows(admin_client.get("/admin/chat/message/", {"q": searched}))
        assert [message.text for message in found] == [text]


def test_messages_and_conversations_are_filtered_by_day(admin_client, talks):
    for page, field in [("message", "sent_at"), ("conversation", "started_at")]:
        path = f"/admin/chat/{page}/"
        assert len(rows(admin_client.get(path))) == 2
        assert rows(admin_client.get(path, {f"{field}__lt": "2000-01-01 00:00+00:00"})) == []


def test_conversations_are_searched_by_either_name(admin_client, talks):
    for name, found in [("ada", talks[:1]), ("cleo", talks[1:]), ("nobody", [])]:
        assert rows(admin_client.get("/admin/chat/conversation/", {"q": name})) == found


@pytest.mark.parametrize("page", ["message", "conversation"])
def test_nothing_is_added_by_hand(admin_client, talks, page):
    assert admin_client.get(f"/admin/chat/{page}/add/").status_code == 403


def test_a_message_keeps_its_number_its_sender_and_its_conversation(admin_client, talks):
    message = Message.objects.get(conversation=talks[0])
    changed = {
        "text": "mended",
        "sent_at_0": "2026-01-01",
        "sent_at_1": "12:00",
        "number": 99,
        "conversation": talks[1].pk,
        "sender": talks[1].second_id,
    }
    path = f"/admin/chat/message/{message.pk}/change/"
    assert admin_client.post(path, changed).status_code == 302
    kept = (message.sender_id, message.conversation_id)
    message.refresh_from_db()
    assert (message.text, message.number) == ("mended", 1)
    assert (message.sender_id, message.conversation_id) == kept


# What others change while a page is open


def test_staff_make_nothing_public_again_that_was_made_private_meanwhile(people):
    from people.models import Profile
    from people.services import change
    from workouts.services import change_privacy, start

    ada, staff = people["ada"], browser_of("sam")
    workout = start(ada, "cycling", "public")
    page = f"/admin/workouts/workout/{workout.pk}/change/"
    sets = {"sets-TOTAL_FORMS": 0, "sets-INITIAL_FORMS": 0}
    given = as_shown(staff, page) | sets
    change_privacy(workout, "private")
    assert staff.post(page, given | {"kind": "rowing"}).status_code == 302
    workout.refresh_from_db()
    assert (workout.kind, workout.privacy) == ("rowing", "private")

    change(ada.profile, privacy="public")
    page = f"/admin/people/profile/{ada.pk}/change/"
    given = as_shown(staff, page)
    change(Profile.objects.get(user=ada), privacy="private", trainer=None)
    assert staff.post(page, given | {"role": "trainer"}).status_code == 302
    profile = Profile.objects.get(user=ada)
    assert (profile.role, profile.privacy, profile.trainer) == ("trainer", "private", None)


def test_a_profile_goes_with_its_person_and_not_by_itself(people):
    from people.models import Profile

    ada, staff = people["ada"], browser_of("sam")
    assert staff.post(f"/admin/people/profile/{ada.pk}/delete/", {"post": "yes"}).status_code == 403
    listed = {"action": "delete_selected", "_selected_action": ada.pk, "post": "yes"}
    staff.post("/admin/people/profile/", listed)
    assert Profile.objects.filter(user=ada).exists()
    assert staff.post(f"/admin/auth/user/{ada.pk}/delete/", {"post": "yes"}).status_code == 302
    assert not Profile.objects.filter(user=ada.pk).exists()


def test_a_challenge_that_is_over_can_be_given_another_name_and_its_sockets_look(
    people, monkeypatch
):
    from challenges.models import Challenge

    told = []
    monkeypatch.setattr("challenges.admin.tell_group", told.append)
    past = {"starts_at": "2026-01-01T10:00Z", "ends_at": "2026-01-02T10:00Z"}
    over = Challenge.objects.create(
        name="rude", metric="repetitions", made_by=people["ada"], **past
    )
    page, staff = f"/admin/challenges/challenge/{over.pk}/change/", browser_of("sam")
    given = {"name": "a race", "metric": "repetitions"}
    for at in ("starts_at", "ends_at"):
        given |= {f"{at}_0": past[at][:10], f"{at}_1": "10:00"}
    saved = staff.post(page, given)
    assert saved.status_code == 302, saved.context["errors"]
    over.refresh_from_db()
    assert over.name == "a race"
    assert told == [f"challenge.{over.pk}"]
