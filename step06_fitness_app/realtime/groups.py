"""The names of all groups, in one place, made from database ids only."""


def person(user_id: int) -> str:
    """Every open socket of one person, in every process."""
    return f"person.{user_id}"


def conversation(conversation_id: int) -> str:
    """Both participants of a conversation."""
    return f"conversation.{conversation_id}"


def notifications(user_id: int) -> str:
    """One person's bell, in each of their tabs."""
    return f"notifications.{user_id}"


def workout(user_id: int) -> str:
    """Whoever watches a member's running workout, and the member."""
    return f"workout.{user_id}"
