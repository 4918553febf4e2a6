"""The names of this app's groups, in one place, made from database ids only."""


def conversation_group(conversation_id: int) -> str:
    """Both participants' connections. Nobody joins it but after services.find."""
    return f"conversation.{conversation_id}"
