"""What travels on /ws/whoami/."""

from msgspec import Struct

from realtime import messages as realtime
from realtime.messages import decoder


class Whoami(Struct, tag_field="type", tag="whoami"):
    """Who you are here, and how you proved it."""

    user_id: int
    username: str
    via: str


Incoming = realtime.Incoming
Outgoing = Whoami | realtime.Outgoing
decode = decoder(Incoming)
