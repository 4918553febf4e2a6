"""Two at once, each in a thread with a connection of its own: as two processes would be."""

import threading
from contextlib import contextmanager

import pytest
from django.contrib.auth.models import User
from django.core.exceptions import ObjectDoesNotExist
from django.db import connection, transaction

from feed import services
from feed.models import Cheer, Comment, Post, Stream
from people.services import delete_account
from tests.feeding import posted
from tests.test_challenges_races import at_once

pytestmark = pytest.mark.django_db(transaction=True)


def person(name: str) -> User:
    return User.objects.get(username=name)


def texts(posts) -> list[str]:
    return [post.text for post in posts]


def overtaken() -> list[str]:
    """Ada writes and commits late; ben writes after her, and commits as soon as he can. A reader
    who looks in between, and again from there: all that they see."""
    ada_wrote, seen, ben = threading.Event(), [], person("ben")

    def slow():
        with transaction.atomic():
            services.post(person("ada"), "slow", "a")
            ada_wrote.set()
            ben_is_done.wait(1)  # he is not, unless nothing stops him

    def quick():
        ada_wrote.wait(10)
        services.post(ben, "quick", "b")
        last = 0
        for row in services.since(ben, last):
            seen.append(row.text)
            last = row.number
        ben_is_done.set()
        slow_is_over.wait(10)
        seen.extend(texts(services.since(ben, last)))

    ben_is_done, slow_is_over = threading.Event(), threading.Event()
    results = at_once(lambda: slow() or slow_is_over.set(), quick)
    assert results == [None, None]
    return seen


def test_of_two_writers_none_is_missed_whoever_commits_first(people):
    posted("ada", "first")  # the stream is there
    assert overtaken() == ["first", "slow", "quick"]
    ids = [row.pk for row in Post.objects.order_by("changed")]
    assert ids == sorted(ids)


if connection.vendor == "postgresql":  # SQLite has one writer at a time, locked or not

    def test_without_the_lock_one_would_be_missed(people, monkeypatch):
        """The attack on the defence: numbers from a counter that is no part of the transaction."""
        posted("ada", "first")
        numbers = iter(range(2, 100))

        class Careless:
            def next(self):
                return next(numbers)

        @contextmanager
        def writing(user):
            with transaction.atomic():
                yield Careless()

        monkeypatch.setattr(services, "writing", writing)
        assert overtaken() == ["first", "quick"]


def test_one_post_sent_twice_at_once_is_stored_once(people, no_limits):
    ada = person("ada")
    results = at_once(*[lambda: services.post(ada, "same", "c")] * 6)
    assert len({answer.number for answer, _ in results}) == 1
    assert sum(event is not None for _, event in results) == 1
    assert Post.objects.count() == 1 and Stream.objects.get().last_number == 1


def test_cheers_at_once_count_each_person_once(people, no_limits):
    [number] = posted("ada", "Done")
    ada, ben = person("ada"), person("ben")
    results = at_once(
        *[lambda who=who: services.cheer(who, number, True) for who in (ada, ben) * 3]
    )
    assert Cheer.objects.count() == 2
    assert sum(event is not None for _, event in results) == 2
    newest = max((answer for answer, _ in results), key=lambda answer: answer.number)
    assert newest.count == 2


def test_an_account_that_goes_while_others_answer_it(people, no_limits):
    [number] = posted("ada", "Done")
    ben = person("ben")
    gone, *answers = at_once(
        lambda: delete_account(person("ada"), "ada-demo"),
        lambda: services.comment(ben, number, "well done", "c"),
        lambda: services.cheer(ben, number, True),
    )
    assert gone is None
    assert all(isinstance(one, (tuple, ObjectDoesNotExist)) for one in answers), answers
    assert not Post.objects.exists() and not Comment.objects.exists()


def test_an_account_that_goes_while_it_writes(people, no_limits):
    [number] = posted("ada", "Done")
    ben = person("ben")
    gone, *answers = at_once(
        lambda: delete_account(person("ben"), "ben-demo"),
        lambda: services.post(ben, "still here", "p"),
        lambda: services.comment(ben, number, "well done", "c"),
    )
    assert gone is None
    assert all(isinstance(one, (tuple, ObjectDoesNotExist)) for one in answers), answers
    assert not Comment.objects.exists() and Post.objects.count() == 1
