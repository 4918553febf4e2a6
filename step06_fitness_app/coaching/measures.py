"""What can be told from one frame: ratios of two lengths along one axis of the picture, so that no
scale or shift changes them, nor whether the picture is wide or tall.
"""

import math
from dataclasses import dataclass

# MediaPipe's own examples take 0.5, the project the frames come from 0.6; their lowest is 0.71.
VISIBLE = 0.65
FACING = 0.15  # shoulders this wide against the torso; narrower is somebody seen from the side
TOGETHER = 0.2  # feet closer than this, in shoulder widths, are no measure for the knees


@dataclass(frozen=True)
class Body:
    """Ratios of one frame; None is what cannot be told from it."""

    leg: float  # height of the hips above the ankles, in torsos: 1.4 standing, 0.65 in a squat
    depth: float | None = None  # 0 standing, 1 with the hips as low as the knees
    feet_width: float | None = None  # in shoulder widths
    knees: float | None = None  # their distance in that of the feet: below 1 they fall in
    balance: float | None = None  # the hips beside the middle of the feet, to the person's left


def measure(points) -> Body | None:
    """The ratios, or None where the body cannot be seen whole and upright."""
    if min(visibility for _, _, visibility in points) < VISIBLE:
        return None
    xs, ys = [x for x, _, _ in points], [y for _, y, _ in points]
    shoulders, hips, knees, ankles = ((ys[at] + ys[at + 1]) / 2 for at in (0, 2, 4, 6))
    leg = ratio(ankles - hips, hips - shoulders)
    if leg is None or leg <= 0 or hips <= shoulders:
        return None
    thigh = ratio(knees - hips, ankles - knees) if ankles > knees else None
    depth = None if thigh is None else min(2.0, max(0.0, 1 - thigh))
    across, feet = xs[0] - xs[1], xs[6] - xs[7]  # left minus right: signed, for who faces away
    if not abs(across) > FACING * (hips - shoulders):
        return Body(leg, depth)
    feet_width = ratio(feet, across)
    has_stance = feet_width is not None and feet_width > TOGETHER
    knees_over = ratio(xs[4] - xs[5], feet) if has_stance else None
    balance = ratio((xs[2] + xs[3] - xs[6] - xs[7]) / 2, across)
    return Body(leg, depth, feet_width, knees_over, balance)


def ratio(one: float, other: float) -> float | None:
    """A quotient that is a number."""
    value = one / other if other else math.nan
    return value if math.isfinite(value) else None
