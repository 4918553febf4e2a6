"""What a conversation does, without sockets: who may, store, read. Called in a thread."""

import re
from collections import Counter

from django.conf import settings
from django.contrib.auth.models import User
from django.db import transaction
from django.db.models import Case, Count, Exists, F, OuterRef, Prefetch, Q, QuerySet, Subquery, When
from django.db.models.functions import Coalesce

from chat.models import Conversation, Message
from people.relations import blocks, linked, may_talk
from realtime import limits
from realtime.pages import read_page
from realtime.refusals import NotAllowed


class NotLinked(NotAllowed):
    """These two may not talk, or no longer."""

    def __init__(self):
        super().__init__("You can talk to friends, your trainer and your clients.")


def unblocked() -> QuerySet[Conversation]:
    """Without those a block hides, and whether the two `is_linked`: may still write."""
    pair = OuterRef("first"), OuterRef("second")
    return Conversation.objects.filter(~Exists(blocks(*pair))).annotate(is_linked=linked(*pair))


def of(user: User) -> QuerySet[Conversation]:
    """The conversations `user` takes part in: every way to one, socket and HTTP, begins here."""
    return unblocked().filter(Q(first=user) | Q(second=user))


def find(user: User, conversation_id: int | str) -> Conversation:
    """A conversation of the user's.

    Raises Conversation.DoesNotExist for other people's as for what cannot be an id: an answer
    that told them apart would tell who talks to whom.
    """
    if not re.fullmatch("[0-9]{1,18}", str(conversation_id)):
        raise Conversation.DoesNotExist
    return of(user).select_related("first", "second").get(pk=conversation_id)


def start(user: User, other: User) -> Conversation:
    """The one conversation of two different people, made if there is none. Raises NotLinked."""
    if not may_talk(user.pk, other.pk):
        raise NotLinked
    first, second = sorted([user, other], key=lambda person: person.pk)
    return Conversation.objects.get_or_create(first=first, second=second)[0]


Said = tuple[int, User, str, str | None]  # conversation id, sender, text, client_id


# --8<-- [start:each]
def store_all(said: list[Said]) -> list[Message | Exception]:
    """Store messages; committed on return. For each its row, or why there is none.

    Why: TooMuch, Conversation.DoesNotExist, or NotLinked where one of the two has ended what they
    were to each other.
    """
    senders = [sender.pk for _, sender, *_ in said]
    too_much = limits.count_each("messages", senders, settings.USER_MESSAGES_PER_MINUTE)
    allowed = [one for one, no in zip(said, too_much, strict=True) if not no]
    outcomes = iter(number_and_store(allowed))
    return [no or next(outcomes) for no in too_much]


# --8<-- [end:each]


# --8<-- [start:store]
@transaction.atomic
def number_and_store(said: list[Said]) -> list[Message | Exception]:
    """Take the next numbers, under the lock, and store.

    A `client_id` that this sender used already gives that row. The other one's are not theirs.
    """
    locked = unblocked().select_for_update().order_by("pk").in_bulk({one for one, *_ in said})
    made: list[Message] = []
    known = known_of(said)
    outcomes = [stored(each, locked.get(each[0]), known, made) for each in said]
    Message.objects.bulk_create(made)
    grown = Counter(one.conversation_id for one in made)
    for by in set(grown.values()):  # bulk_update would take as long as all the rest
        those = [one for one, times in grown.items() if times == by]
        Conversation.objects.filter(pk__in=those).update(last_number=F("last_number") + by)
    return outcomes


# --8<-- [end:store]


def stored(said: Said, conversation: Conversation | None, known: dict, made: list):
    """What becomes of one of them; a new message is numbered, and one of those `made`."""
    conversation_id, sender, text, client_id = said
    if not conversation or sender.pk not in (conversation.first_id, conversation.second_id):
        return Conversation.DoesNotExist()
    if message := known.get((conversation_id, sender.pk, client_id)):
        return message
    if not conversation.is_linked:
        return NotLinked()
    conversation.last_number += 1
    message = Message(
        conversation=conversation,
        number=conversation.last_number,
        sender=sender,
        text=text,
        client_id=client_id,
    )
    made.append(message)
    if client_id:
        known[conversation_id, sender.pk, client_id] = message
    return message


def known_of(said: list[Said]) -> dict[tuple[int, int, str], Message]:
    """What was stored already under these client_ids, by conversation, sender and client_id."""
    if not (client_ids := {client_id for *_, client_id in said if client_id}):
        return {}
    found = Message.objects.filter(
        conversation__in={one for one, *_ in said},
        sender__in={sender.pk for _, sender, *_ in said},
        client_id__in=client_ids,
    )
    return {
        (message.conversation_id, message.sender_id, message.client_id): message
        for message in found.select_related("sender")
    }


def store(conversation_id: int, sender: User, text: str, client_id: str | None) -> Message:
    """Store one, and raise why not."""
    [outcome] = store_all([(conversation_id, sender, text, client_id)])
    if isinstance(outcome, Exception):
        raise outcome
    return outcome


@transaction.atomic
def mark_read(conversation_id: int, reader: User, up_to: int) -> int | None:
    """Move a reader's position forward, at most to the newest message; None if it stays."""
    conversation = of(reader).select_for_update().get(pk=conversation_id)
    field = "first_read" if reader.pk == conversation.first_id else "second_read"
    up_to = min(up_to, conversation.last_number)
    if up_to <= getattr(conversation, field):
        return None
    setattr(conversation, field, up_to)
    conversation.save(update_fields=[field])
    return up_to


def page(user: User, conversation_id: int | str, **which) -> tuple[Conversation, list[Message]]:
    """A conversation of the user's, and a page of its messages: see read_page."""
    conversation = find(user, conversation_id)
    return conversation, read_page(conversation.messages.select_related("sender"), **which)


def inbox(user: User) -> list[Conversation]:
    """All of a person's, in two queries: with how many are `unread`, and the `newest` in a list."""
    news = Message.objects.filter(conversation=OuterRef("pk"), number__gt=OuterRef("read"))
    news = news.exclude(sender=user).order_by().values("conversation").values(count=Count("*"))
    newest = Message.objects.filter(number=F("conversation__last_number")).select_related("sender")
    found = (
        of(user)
        .select_related("first", "second")
        .annotate(read=Case(When(first=user, then="first_read"), default="second_read"))
        .annotate(unread=Coalesce(Subquery(news), 0))
        .prefetch_related(Prefetch("messages", newest, to_attr="newest"))
    )
    return sorted(found, key=latest, reverse=True)


def latest(conversation: Conversation):
    """When something happened in a conversation of the inbox."""
    return max([conversation.started_at, *(message.sent_at for message in conversation.newest)])
