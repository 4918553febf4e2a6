"""What step 06 adds in the browser, by itself: samples kept until stored, a recording played."""

from __future__ import annotations

import pytest
from conftest import ROOT

STATIC = ROOT / "step06_fitness_app/static"
HERE = "http://localhost/"  # never asked: the test answers for it
STAGE = """
import { Player } from "/js/player.js";
import { Unsaved } from "/js/unsaved.js";

window.sent = [];
window.unsaved = new Unsaved(({ time }) => sent.push(time));
window.add = (...times) => times.forEach((time) => unsaved.add({ time }));
window.kept = () => unsaved.samples.map(({ time }) => time);

window.played = [];
window.player = new Player((row) => played.push(row && row[0]));
window.fetch = async () => ({ ok: true, json: async () => ({ samples: [[0], [1], [2], [5]] }) });
window.ready = true;
"""


@pytest.fixture
def stage(page):
    """The modules in a page whose clock stands still."""

    def answer(route):
        path = route.request.url.removeprefix(HERE)
        if path.startswith("js/"):
            route.fulfill(path=STATIC / path, content_type="text/javascript")
        else:
            html = f'<!doctype html><title>x</title><script type="module">{STAGE}</script>'
            route.fulfill(body=html, content_type="text/html")

    page.clock.install(time=0)
    page.clock.pause_at(1_000)
    page.route(f"{HERE}**", answer)
    page.goto(HERE)
    page.wait_for_function("window.ready", polling=20)
    return page


def test_samples_wait_for_the_server_to_say_how_far_it_is(stage):
    stage.evaluate("add(1, 2, 3)")
    assert stage.evaluate("[sent, kept(), unsaved.isSent]") == [[], [1, 2, 3], False]
    stage.evaluate("unsaved.start(1)")
    assert stage.evaluate("[sent, kept(), unsaved.isSent]") == [[2, 3], [2, 3], True]
    stage.evaluate("unsaved.start(null)")  # nothing is stored: all of it again
    assert stage.evaluate("sent") == [2, 3, 2, 3]


def test_what_is_stored_is_forgotten_and_the_rest_is_sent_again_in_order(stage):
    stage.evaluate("unsaved.start(null); add(1, 2, 3, 4); unsaved.saved(2)")
    assert stage.evaluate("[sent, kept()]") == [[1, 2, 3, 4], [3, 4]]
    stage.evaluate("unsaved.stop(); add(5)")
    assert stage.evaluate("sent") == [1, 2, 3, 4]
    stage.evaluate("sent.length = 0; unsaved.start(3); add(6)")
    assert stage.evaluate("[sent, kept()]") == [[4, 5, 6], [4, 5, 6]]


def test_a_stored_one_that_was_not_sent_yet_skips_none_of_the_others(stage):
    stage.evaluate("add(1, 2, 3); unsaved.saved(2); unsaved.start(2)")
    assert stage.evaluate("sent") == [3]


def test_what_has_piled_up_goes_slower_than_the_server_takes(stage):
    stage.evaluate("add(...Array(100).keys()); unsaved.start(null)")
    assert stage.evaluate("sent.length") == 40
    stage.clock.run_for(1_000)
    assert 60 <= stage.evaluate("sent.length") <= 66
    stage.clock.run_for(3_000)
    assert stage.evaluate("sent") == [*range(100)]


def test_there_is_an_end_to_what_is_kept_and_it_is_counted(stage):
    stage.evaluate("add(...Array(4_005).keys())")
    assert stage.evaluate("[kept().length, kept()[0], unsaved.lost]") == [4000, 5, 5]


def test_a_recording_is_played_at_its_pace_or_faster(stage):
    stage.evaluate("player.load('x').then(() => player.play())")
    stage.clock.run_for(1_100)
    assert stage.evaluate("played") == [0, 1]
    stage.evaluate("player.pause()")
    stage.clock.run_for(5_000)
    assert stage.evaluate("[played, player.isPlaying]") == [[0, 1], False]
    stage.evaluate("player.speed = 10; player.play()")
    stage.clock.run_for(100)
    assert stage.evaluate("played") == [0, 1, 2]
    stage.clock.run_for(400)
    assert stage.evaluate("[played, player.isPlaying]") == [[0, 1, 2, 5, None], False]
    stage.evaluate("player.play()")  # from the beginning
    stage.clock.run_for(100)
    assert stage.evaluate("played") == [0, 1, 2, 5, None, 0, 1]
