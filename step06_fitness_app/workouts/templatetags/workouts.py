"""How figures of a workout are written."""

from django import template

register = template.Library()


@register.filter
def minutes(seconds: float | None) -> str:
    """45 → 45 s, 2262 → 38 min, 4000 → 1 h 7 min"""
    whole = round(seconds or 0)
    hours, rest = divmod(round(whole / 60), 60)
    if whole < 60:
        return f"{whole} s"
    return f"{hours} h {rest} min" if hours else f"{rest} min"


@register.filter
def kilometres(metres: float | None) -> str:
    """5230 → 5.23 km"""
    return f"{(metres or 0) / 1000:.2f} km"
