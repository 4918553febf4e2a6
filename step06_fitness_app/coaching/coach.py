"""The coach: a fold over frames. No socket, no clock, no database: what it knows is its State."""

from dataclasses import dataclass, replace

from coaching import cues
from coaching.measures import Body, measure
from coaching.recording import Frame
from coaching.stage import MEASURED, is_cut, judge

GAP = 0.5  # seconds out of sight after which nothing is known of a movement
HELD = 0.2  # seconds at the bottom; what is shorter was seen wrongly
FALL = 0.25  # seconds from top to bottom; what is faster is no fall even: frames are missing
FAST = 1.0  # seconds to lower oneself
SHALLOW = 1.0  # torsos: who turns round between this and MEASURED.down meant to squat
RECENT = 3.0  # seconds after a repetition in which its mistake is told


@dataclass(frozen=True)
class Tempo:
    """Seconds of a repetition: down, at the bottom, up. None where frames were missing."""

    lowering: float | None
    held: float
    rising: float | None


@dataclass(frozen=True)
class State:
    """What the coach remembers. Times are the frames' own."""

    time: float | None = None  # of the last frame in which somebody was seen
    leg: float | None = None
    stage: str | None = None
    cut_at: float | None = None  # when frames were missing
    top_at: float | None = None  # when they stood last; the next four are since then
    lowest: float = MEASURED.up
    bottom_from: float | None = None  # first and last time at the bottom
    bottom_to: float | None = None
    lowering: float | None = None
    mistake: tuple[str, float] | None = None  # of the last repetition: its cue, and when
    repetitions: int = 0
    deepest: float | None = None  # depth of this repetition, or of the last one
    tempo: Tempo | None = None  # of the last one
    heard: cues.Heard = cues.Heard()


@dataclass(frozen=True)
class Feedback:
    """What can be told after a frame. None is what cannot."""

    visible: bool
    repetitions: int
    stage: str | None = None
    depth: float | None = None
    deepest: float | None = None
    tempo: Tempo | None = None
    balance: float | None = None
    feet_width: float | None = None
    knees: float | None = None


# --8<-- [start:step]
def step(state: State, frame: Frame) -> tuple[State, Feedback, str | None]:
    """The state after a frame, what to show, and a cue if it is time for one."""
    body, now = measure(frame.points), frame.time
    if state.time is not None and not 0 <= now - state.time <= GAP:
        state = forget(state)
    if body is None:
        heard, cue = cues.choose(state.heard, [cues.NOT_VISIBLE], now)
        return replace(state, heard=heard), Feedback(False, state.repetitions), cue
    state = move(state, body, now)
    present = cues.of(body, state.heard.since)
    if state.mistake and now - state.mistake[1] < RECENT:
        present.append(state.mistake[0])
    heard, cue = cues.choose(state.heard, present, now)
    depths = map(rounded, (body.depth, state.deepest))
    widths = map(rounded, (body.balance, body.feet_width, body.knees))
    feedback = Feedback(True, state.repetitions, state.stage, *depths, state.tempo, *widths)
    return replace(state, heard=heard), feedback, cue


# --8<-- [end:step]


def forget(state: State) -> State:
    """What is left when somebody was out of sight: what is counted, and what was told."""
    heard = cues.Heard(told=state.heard.told)
    return State(
        repetitions=state.repetitions, deepest=state.deepest, tempo=state.tempo, heard=heard
    )


def move(state: State, body: Body, now: float) -> State:
    """Go on to a frame in which somebody is seen."""
    has_cut = is_cut(state.leg, body.leg, 0 if state.time is None else now - state.time)
    stage = judge(state.stage, body.leg, has_cut)
    cut_at = now if has_cut else state.cut_at
    state = replace(state, time=now, leg=body.leg, stage=stage, cut_at=cut_at)
    if body.leg >= MEASURED.up:
        return stand(state, now)
    state = replace(state, lowest=min(state.lowest, body.leg))
    if body.leg > MEASURED.down:
        return state
    deepest = body.depth or 0
    if state.bottom_from is None:
        lowering = seconds(state, state.top_at, now)
        state = replace(state, bottom_from=now, lowering=lowering, deepest=deepest)
    return replace(state, bottom_to=now, deepest=max(deepest, state.deepest))


def stand(state: State, now: float) -> State:
    """At the top: that ends a repetition, if the top before it and the bottom were seen."""
    if state.top_at is not None and state.bottom_from is None and state.lowest <= SHALLOW:
        state = replace(state, mistake=(cues.DEEPER, now))
    if state.top_at is not None and state.bottom_from is not None:
        held = state.bottom_to - state.bottom_from
        if held >= HELD:
            tempo = Tempo(state.lowering, rounded(held), seconds(state, state.bottom_to, now))
            is_fast = tempo.lowering is not None and tempo.lowering < FAST
            mistake = (cues.SLOWER, now) if is_fast else None
            repetitions = state.repetitions + 1
            state = replace(state, repetitions=repetitions, tempo=tempo, mistake=mistake)
    return replace(state, top_at=now, lowest=MEASURED.up, bottom_from=None, bottom_to=None)


def seconds(state: State, since: float | None, now: float) -> float | None:
    """The time of a movement, if every frame of it was there."""
    is_broken = since is None or (state.cut_at is not None and state.cut_at > since)
    return None if is_broken or now - since < FALL else rounded(now - since)


def rounded(value: float | None) -> float | None:
    return None if value is None else round(value, 3)
