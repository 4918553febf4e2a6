"""The name of this app's group, made from a database id only."""


def person_group(user_id: int) -> str:
    """Every open socket of one person, in every process."""
    return f"person.{user_id}"
