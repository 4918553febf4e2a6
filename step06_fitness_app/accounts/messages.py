"""What travels on /ws/whoami/."""

from msgspec import Struct


class Whoami(Struct, tag_field="type", tag="whoami"):
    """Who you are here, and how you proved it."""

    user_id: int
    username: str
    via: str
