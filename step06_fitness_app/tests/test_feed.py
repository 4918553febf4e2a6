"""The feed through its socket: pages, what comes live, who sees what, and nothing lost."""

import asyncio
import time

import pytest
from channels.db import database_sync_to_async as in_thread
from channels.layers import get_channel_layer
from django.contrib.auth.models import User
from django.utils import timezone

from accounts.services import tell
from feed import services
from feed.models import Cheer, Comment, Post
from people.models import Block, Friendship, Privacy, Profile
from people.services import block, unfriend
from realtime import groups
from tests.feeding import cheer, comment, enter, post, posted, quiet, texts
from tests.people import befriend, losing_broadcasts
from workouts.models import Workout

pytestmark = pytest.mark.django_db(transaction=True)


def person(name: str) -> User:
    return User.objects.get(username=name)


def trained(privacy: str, owner: str = "ada") -> int:
    return Workout.objects.create(
        owner=person(owner),
        kind="rowing",
        privacy=privacy,
        state="finished",
        duration_seconds=60,
        distance_m=250,
    ).pk


async def test_a_post_reaches_a_friend_and_ones_own_tabs_and_no_stranger(people):
    async with enter("ada") as ada, enter("ada") as tab, enter("ben") as ben, enter("cleo") as cleo:
        number = await post(ada, "Six kilometres")
        for one in (tab, ben, ada):
            frame = (await one.get("post_created"))["post"]
            assert (frame["id"], frame["username"], frame["text"]) == (
                number,
                "ada",
                "Six kilometres",
            )
            assert (frame["workout"], frame["cheers"], frame["comments"]) == (None, 0, [])
        assert await quiet(cleo) == []


async def test_the_first_page_and_older_ones_are_whole_and_in_order(people, no_limits):
    ids = [
        *await in_thread(posted)("ada", *(f"a{n}" for n in range(15))),
        *await in_thread(posted)("ben", *(f"b{n}" for n in range(15))),
        *await in_thread(posted)("ada", *(f"c{n}" for n in range(15))),
    ]
    await in_thread(posted)("cleo", "not a friend's")
    async with enter("ben") as ben:
        frame, seen = ben.first, []
        while True:
            seen += [one["id"] for one in frame["posts"]]
            if not frame["has_older"]:
                break
            assert len(frame["posts"]) == services.PAGE
            await ben.say("history", before=seen[-1])
            frame = await ben.get("feed", before=seen[-1])
        assert seen == ids[::-1]


async def test_an_empty_feed_says_so(people):
    async with enter("cleo") as cleo:
        assert cleo.first == {"type": "feed", "posts": [], "before": None, "has_older": False}


async def test_a_page_takes_as_many_queries_for_many_posts_as_for_one(
    people, no_limits, django_assert_num_queries
):
    def look():
        ben = person("ben")
        for many in (1, 10):
            posted("ada", *(f"{many} {n}" for n in range(many)), workout_id=trained("friends"))
            for row in Post.objects.all():
                services.comment(person("ben"), row.pk, "good", f"{many} {row.pk}")
            with django_assert_num_queries(3):
                services.page(ben)

    await in_thread(look)()


# Cheers and comments


async def test_cheers_count_once_each_and_can_be_taken_back(people):
    [number] = await in_thread(posted)("ada", "Done")
    async with enter("ada") as ada, enter("ben") as ben:
        first = await cheer(ben, number)
        assert (first["count"], first["username"], first["is_on"]) == (1, "ben", True)
        assert (await cheer(ben, number))["count"] == 1
        assert (await ada.get("cheered"))["count"] == 1
        assert (await cheer(ada, number))["count"] == 2
        await quiet(ben)
        await ben.say("cheer", post_id=number, is_on=False)
        last = await ben.get("cheered", is_on=False)
        assert (last["count"], last["is_on"]) == (1, False)
        assert last["number"] > first["number"]
        page = await in_thread(services.page)(people["ben"])
        assert (page.posts[0].cheers, page.posts[0].is_cheered) == (1, False)


async def test_a_repeated_cheer_is_answered_and_told_to_nobody(people):
    [number] = await in_thread(posted)("ada", "Done")
    async with enter("ben") as ben:
        await cheer(ben, number)
        await ben.get("cheered")  # the answer was the first
        async with enter("ada") as ada:
            assert (await cheer(ben, number))["count"] == 1
            assert await quiet(ada) == []


async def test_comments_come_live_and_the_newest_with_the_post(people):
    [number] = await in_thread(posted)("ada", "Done")
    async with enter("ada") as ada, enter("ben") as ben:
        for text in ("one", "two", "three", "four"):
            await comment(ben, number, text)
        heard = [await ada.get("comment_created") for _ in range(4)]
        assert [frame["comment"]["text"] for frame in heard] == ["one", "two", "three", "four"]
        numbers = [frame["number"] for frame in heard]
        assert numbers == sorted(numbers)
    async with enter("ada") as ada:
        [shown] = ada.first["posts"]
        assert shown["comment_count"] == 4
        assert [one["text"] for one in shown["comments"]] == ["two", "three", "four"]


async def test_what_is_sent_twice_is_stored_once(people):
    async with enter("ada") as ada:
        number = await post(ada, "Once")
        assert await post(ada, "Once") == number
        said = await comment(ada, number, "me too")
        assert await comment(ada, number, "me too") == said
    assert await Post.objects.acount() == await Comment.objects.acount() == 1


async def test_anothers_client_id_is_not_mine(people):
    async with enter("ada") as ada, enter("ben") as ben:
        assert await post(ada, "same") != await post(ben, "same")


# Workouts


@pytest.mark.parametrize(("privacy", "for_friends"), [("friends", True), ("private", False)])
async def test_a_workout_is_shown_to_who_may_see_it(people, privacy, for_friends):
    workout = await in_thread(trained)(privacy)
    async with enter("ada") as ada, enter("ben") as ben:
        await post(ada, "Rowed", workout_id=workout)
        own = (await ada.get("post_created"))["post"]["workout"]
        assert own["id"] == workout and own["distance_m"] == 250
        live = (await ben.get("post_created"))["post"]
        assert live["workout"] == (own if for_friends else None)
        async with enter("ben") as later:
            assert later.first["posts"] == [live]
        async with enter("ada") as tab:
            assert tab.first["posts"][0]["workout"] == own


async def test_only_a_finished_workout_of_ones_own_can_be_posted(people):
    theirs = await in_thread(trained)(Privacy.PUBLIC, "ben")
    running = await in_thread(trained)(Privacy.PUBLIC)
    await Workout.objects.filter(pk=running).aupdate(state="running")
    async with enter("ada") as ada:
        for workout in (theirs, running, 999_999, 2**63 - 1, 0):
            await ada.say("post", text="Mine", client_id="x", workout_id=workout)
            error = await ada.get("error", code="not_found")
            assert error["detail"] == "there is no such finished workout of yours"
    assert not await Post.objects.aexists()


# Rights


@pytest.mark.parametrize("name", ["cleo", "dora", "tom", "sam"])
async def test_who_is_no_friend_sees_nothing_and_can_do_nothing(people, name):
    [number] = await in_thread(posted)("ada", "For friends")
    async with enter(name) as other:
        assert other.first["posts"] == []
        await other.say("cheer", post_id=number, is_on=True)
        error = await other.get("error", code="not_found")
        assert error["detail"] == "there is no such post for you"
        await other.say("comment", post_id=number, text="hello", client_id="x")
        assert (await other.get("error"))["code"] == "not_found"
    assert not await Comment.objects.aexists() and not await Cheer.objects.aexists()


@pytest.mark.parametrize("end", [unfriend, block])
async def test_the_end_of_a_friendship_is_the_end_at_once(people, end):
    [number] = await in_thread(posted)("ada", "For friends")
    async with enter("ben") as ben, enter("ada") as ada:
        assert texts(ben.first) == ["For friends"]
        await in_thread(end)(people["ada"], people["ben"])
        assert (await ben.get("feed"))["posts"] == []
        assert texts(await ada.get("feed")) == ["For friends"]
        await post(ada, "Not for ben")
        assert await quiet(ben) == []
        await ben.say("cheer", post_id=number, is_on=True)
        assert (await ben.get("error"))["code"] == "not_found"


async def test_a_frame_on_its_way_is_not_for_who_is_a_friend_no_more(people):
    """It was sent while ben was in the group, and comes after the recheck that took him out."""
    async with enter("ben") as ben:
        _, event = await in_thread(services.post)(people["ada"], "late", "c")
        await in_thread(Friendship.objects.all().delete)()
        await ben.get("feed")
        group = groups.person(people["ben"].pk)
        await services.tell({**event, "group": group})
        await services.tell({**event, "group": group, "author": people["ben"].pk})
        assert [frame["type"] for frame in await ben.until("post_created")] == ["post_created"]


async def test_a_new_friend_brings_their_posts_and_is_heard_from_now_on(people):
    await in_thread(posted)("cleo", "Before")
    async with enter("ada") as ada, enter("cleo") as cleo:
        await in_thread(befriend)(people["ada"], people["cleo"])
        assert texts(await ada.get("feed")) == ["Before"]
        await post(cleo, "After")
        assert (await ada.get("post_created"))["post"]["text"] == "After"


async def test_a_blocked_ones_comment_on_a_common_friends_post_is_not_shown(people):
    """dora is ben's friend, and blocked by ada, who is ben's friend too."""
    await in_thread(befriend)(people["ben"], people["dora"])
    [number] = await in_thread(posted)("ben", "For both")
    async with enter("ada") as ada, enter("ben") as ben, enter("dora") as dora:
        await comment(dora, number, "hello")
        await cheer(dora, number)
        await ben.get("cheered")
        assert await quiet(ada) == []
        await comment(ada, number, "hi")
        told = await ben.get("comment_created")
        assert "count" not in told  # ada would learn that there is one that she does not see
        assert "hi" not in str(await quiet(dora))
    async with enter("ada") as ada:
        assert [one["text"] for one in ada.first["posts"][0]["comments"]] == ["hi"]
        assert ada.first["posts"][0]["comment_count"] == 1


async def test_a_block_hides_what_a_third_one_said_at_once(people):
    await in_thread(befriend)(people["ben"], people["cleo"])
    [number] = await in_thread(posted)("ben", "For both")
    async with enter("ada") as ada, enter("cleo") as cleo:
        await comment(cleo, number, "hello")
        await ada.get("comment_created")
        await Block.objects.acreate(blocker=people["ada"], blocked=people["cleo"])
        assert (await ada.get("feed"))["posts"][0]["comments"] == []


async def test_a_block_that_left_the_friendship_shows_nothing_of_theirs_either(people):
    """One made in the admin: what a third one says to their posts would be told, too."""
    await in_thread(befriend)(people["ben"], people["cleo"])
    [number] = await in_thread(posted)("ben", "Not for ada")
    await Block.objects.acreate(blocker=people["ada"], blocked=people["ben"])
    async with enter("ada") as ada, enter("cleo") as cleo:
        assert ada.first["posts"] == []
        await comment(cleo, number, "hello")
        await cleo.get("comment_created")
        assert await quiet(ada) == []


async def test_what_staff_delete_goes_from_open_pages(people, admin_client):
    def deleted(model: str, pk: int, **more):
        path = f"/admin/feed/{model}/" + ("" if more else f"{pk}/delete/")
        chosen = {"_selected_action": pk, "action": "delete_selected"} if more else {}
        done = admin_client.post(path, {**chosen, "post": "yes"})
        assert done.status_code == 302

    first, second, third = await in_thread(posted)("ada", "First", "Second", "Third")
    async with enter("ben") as ben:
        said = await comment(ben, third, "Not nice")
        await in_thread(deleted)("post", first)
        assert (await ben.get("post_deleted"))["post_id"] == first
        await in_thread(deleted)("post", second, by_action=True)
        assert (await ben.get("post_deleted"))["post_id"] == second
        await in_thread(deleted)("comment", said)
        await in_thread(tell)(people["ben"].pk)  # as his next recheck does
        [now] = (await ben.get("feed_changed"))["posts"]
        assert (now["id"], now["comments"], now["comment_count"]) == (third, [], 0)


async def test_who_is_deleted_is_gone_with_all_they_wrote(people):
    [own] = await in_thread(posted)("ada", "Stays")
    await in_thread(posted)("ben", "Goes")
    async with enter("ben") as ben:
        await comment(ben, own, "goes too")
        await cheer(ben, own)
    async with enter("ada") as ada:
        assert texts(ada.first) == ["Goes", "Stays"]
        await in_thread(people["ben"].delete)()
        page = await ada.get("feed")
        assert texts(page) == ["Stays"]
        assert (page["posts"][0]["cheers"], page["posts"][0]["comments"]) == (0, [])


# What the layer loses


async def test_what_was_lost_comes_with_the_next_look(people):
    [old] = await in_thread(posted)("ada", "Old")
    async with enter("ada") as ada, enter("ben") as ben:
        with losing_broadcasts():
            await post(ada, "Lost")
            await comment(ada, old, "lost too")
        await in_thread(tell)(people["ben"].pk)
        changed = {one["text"]: one for one in (await ben.get("feed_changed"))["posts"]}
        assert changed.keys() == {"Lost", "Old"}
        assert changed["Old"]["comments"][0]["text"] == "lost too"
        assert await quiet(ben) == []
        await in_thread(tell)(people["ben"].pk)  # and not again
        assert await quiet(ben) == []


async def test_more_than_a_page_was_lost(people, no_limits):
    async with enter("ben") as ben:
        await in_thread(posted)("ada", *(f"{n}" for n in range(50)))
        await in_thread(tell)(people["ben"].pk)
        seen = []
        while len(seen) < 50:
            seen += texts(await ben.get("feed_changed"))
        assert seen == [f"{n}" for n in range(50)]


async def test_who_goes_takes_along_what_they_said_to_more_than_a_page_of_posts(people, no_limits):
    await in_thread(befriend)(people["ada"], people["cleo"])
    ids = await in_thread(posted)("ada", *(f"{n}" for n in range(45)))
    for number in ids:
        await in_thread(services.comment)(people["ben"], number, "hm", f"{number}")
    async with enter("cleo") as cleo:
        await in_thread(people["ben"].delete)()
        await in_thread(tell)(people["cleo"].pk)
        seen = set()
        while len(seen) < 45:
            for post in (await cleo.get("feed_changed"))["posts"]:
                assert post["comments"] == []
                seen.add(post["id"])
        assert seen == set(ids)


# Speed


FRIENDS = 5_000


def many_friends(ada: User) -> list[int]:
    made = User.objects.bulk_create(User(username=f"friend{n}") for n in range(FRIENDS))
    Profile.objects.bulk_create(Profile(user=user) for user in made)
    now = timezone.now()
    Friendship.objects.bulk_create(
        Friendship(first=ada, second=user, asked_by=ada, accepted_at=now) for user in made
    )
    return [user.pk for user in made]


async def test_a_post_to_5000_friends_does_not_hold_its_author_up(people, no_limits, monkeypatch):
    """All of them connected, as the layer sees it. A loop in the turn, with one send to each, is
    cut off after two seconds: then only some of them are told."""
    friends, layer = await in_thread(many_friends)(people["ada"]), get_channel_layer()
    names = [await layer.new_channel() for _ in friends]
    for name in names:
        await layer.group_add(groups.feed(people["ada"].pk), name)

    async def naive(event):
        began = time.perf_counter()
        for user_id in friends:
            if time.perf_counter() - began < 2:
                await layer.group_send(f"naive.{user_id}", event)
                told.append(user_id)

    async def answered(ada, text: str) -> float:
        """How long a message waits that follows a post at once."""
        await ada.say("post", text=text, client_id=text)
        began = time.perf_counter()
        await ada.say("history", before=1)
        await ada.get("feed")
        return time.perf_counter() - began

    told = []
    async with enter("ada") as ada, enter("ben") as ben:
        await answered(ada, "warm")
        ours = min([await answered(ada, f"ours {n}") for n in range(10)])
        with monkeypatch.context() as careless:
            careless.setattr(services, "tell", naive)
            for user_id, name in zip(friends, names, strict=True):
                await layer.group_add(f"naive.{user_id}", name)
            loop = await answered(ada, "naive")
        assert (await ben.get("post_created"))["post"]["text"] == "warm"
        print(f"\nanswered in {ours * 1000:.0f} ms, with a loop over {len(told)} in ", end="")
        print(f"{loop * 1000:.0f} ms: {loop / ours:.1f} times")
        assert loop > 2 * ours


async def test_who_has_5000_friends_comes_in_and_hears_them(people, no_limits):
    friends = await in_thread(many_friends)(people["ada"])
    last = await User.objects.aget(pk=friends[-1])
    began = time.perf_counter()
    async with asyncio.timeout(20), enter("ada") as ada:
        print(f"\nin after {(time.perf_counter() - began) * 1000:.0f} ms")
        await in_thread(posted)(last.username, "stored")
        _, event = await in_thread(services.post)(last, "hello", "c")
        await services.tell(event)
        assert (await ada.get("post_created"))["post"]["text"] == "hello"


async def test_a_quiet_feed_does_not_look_through_again_what_others_have_changed(
    people, monkeypatch
):
    """cleo sees nothing of it; her tab may be open for days."""
    asked, looked, since = [], asyncio.Event(), services.since
    loop = asyncio.get_running_loop()

    def since_and_tell(viewer, number):
        asked.append(number)
        loop.call_soon_threadsafe(looked.set)
        return since(viewer, number)

    monkeypatch.setattr("feed.services.since", since_and_tell)
    async with enter("cleo"):
        await in_thread(posted)("ada", "one", "two")
        newest = await in_thread(services.last_number)()
        for _ in range(2):
            looked.clear()
            await in_thread(tell)(people["cleo"].pk)
            await asyncio.wait_for(looked.wait(), 20)
    assert asked[0] < newest == asked[-1]
