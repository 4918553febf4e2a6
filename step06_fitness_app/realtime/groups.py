"""The names of all groups, in one place, made from database ids only."""


def person(user_id: int) -> str:
    """Every open socket of one person, in every process."""
    return f"person.{user_id}"


def conversation(conversation_id: int) -> str:
    """Both participants of a conversation."""
    return f"conversation.{conversation_id}"


def typing(conversation_id: int, listener_id: int) -> str:
    """One participant, who is told that the other types."""
    return f"typing.{conversation_id}.{listener_id}"


def notifications(user_id: int) -> str:
    """One person's bell, in each of their tabs."""
    return f"notifications.{user_id}"


def workout(user_id: int) -> str:
    """Whoever watches a member's running workout, and the member."""
    return f"workout.{user_id}"


def challenge(challenge_id: int) -> str:
    """Whoever looks at a challenge's board."""
    return f"challenge.{challenge_id}"


def feed(user_id: int) -> str:
    """One person's feed, in each of their tabs."""
    return f"feed.{user_id}"


def form(workout_id: int) -> str:
    """The form coach of one workout: who trains, and who looks on."""
    return f"form.{workout_id}"
