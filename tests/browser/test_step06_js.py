"""What step 06 adds in the browser, by itself: samples kept until stored, a recording played."""

from __future__ import annotations

import pytest
from conftest import ROOT

STATIC = ROOT / "step06_fitness_app/static"
HERE = "http://localhost/"  # never asked: the test answers for it
STAGE = """
import { Chart } from "/js/chart.js";
import { Player } from "/js/player.js";
import { Unsaved } from "/js/unsaved.js";

window.sent = [];
window.unsaved = new Unsaved(({ time }) => sent.push(time));
window.add = (...times) => times.forEach((time) => unsaved.add({ time }));
window.kept = () => unsaved.samples.map(({ time }) => time);

window.played = [];
window.player = new Player((row) => played.push(row && row[0]));
window.drawn = []; // what uPlot was given, drawing by drawing
window.uPlot = class {
  constructor(options, data) { this.options = options; }
  setData(data) { drawn.push(data); }
  setSize() {}
  destroy() { drawn.push("destroyed"); }
};
window.chart = new Chart(document.body);

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


def test_samples_wait_for_the_connection(stage):
    stage.evaluate("add(1, 2, 3)")
    assert stage.evaluate("[sent, kept(), unsaved.isSent]") == [[], [1, 2, 3], False]
    stage.evaluate("unsaved.start()")
    assert stage.evaluate("[sent, kept(), unsaved.isSent]") == [[1, 2, 3], [1, 2, 3], True]
    stage.evaluate("unsaved.start()")  # nothing was said to be stored: all of it again
    assert stage.evaluate("sent") == [1, 2, 3, 1, 2, 3]


def test_what_is_stored_is_forgotten_and_the_rest_is_sent_again_in_order(stage):
    stage.evaluate("unsaved.start(); add(1, 2, 3, 4); unsaved.saved(2)")
    assert stage.evaluate("[sent, kept()]") == [[1, 2, 3, 4], [3, 4]]
    stage.evaluate("unsaved.stop(); add(5)")
    assert stage.evaluate("sent") == [1, 2, 3, 4]
    stage.evaluate("sent.length = 0; unsaved.start(); add(6)")
    assert stage.evaluate("[sent, kept()]") == [[3, 4, 5, 6], [3, 4, 5, 6]]


def test_a_stored_one_that_was_not_sent_yet_skips_none_of_the_others(stage):
    stage.evaluate("add(1, 2, 3); unsaved.saved(2); unsaved.start()")
    assert stage.evaluate("sent") == [3]


def test_after_a_refusal_nothing_is_forgotten_until_all_of_it_was_sent_again(stage):
    """Of 1, 2 and 3 the server took 1 and 3: `saved` up to 3 says nothing of 2."""
    stage.evaluate("unsaved.start(); add(1, 2, 3); unsaved.stop(); unsaved.saved(3)")
    assert stage.evaluate("kept()") == [1, 2, 3]
    stage.evaluate("sent.length = 0; unsaved.start(); unsaved.saved(3)")
    assert stage.evaluate("[sent, kept()]") == [[1, 2, 3], []]


def test_what_has_piled_up_goes_slower_than_the_server_takes(stage):
    stage.evaluate("add(...Array(100).keys()); unsaved.start()")
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


def test_however_many_rows_come_a_frame_has_one_drawing(stage):
    stage.evaluate("for (let t = 0; t < 50; t += 1) chart.add([t, 100 + t, 80, 200, null])")
    assert stage.evaluate("drawn.length") == 0
    stage.clock.run_for(20)
    assert stage.evaluate("drawn.map(([times, bpm]) => [times.length, bpm.at(-1)])") == [[50, 149]]
    stage.clock.run_for(1_000)
    assert stage.evaluate("drawn.length") == 1  # nor one without a row


def test_a_row_that_comes_twice_is_one_and_two_of_one_time_make_one(stage):
    stage.evaluate("chart.add([1, 90, null, null, 5]); chart.add([1, 91, 80, 200, null])")
    assert stage.evaluate("chart.rows") == [[1, 90, 80, 200, 5]]
    assert stage.evaluate("chart.add([0.5, 1, 1, 1, 1])") is False
    assert stage.evaluate("chart.rows.length") == 1


def test_a_long_workout_is_thinned_where_it_is_old(stage):
    stage.evaluate("for (let t = 0; t <= 20000; t += 1) chart.add([t, 100, null, null, null])")
    times = stage.evaluate("chart.rows.map(([t]) => t)")
    assert (len(times), times[-1]) == (15_000, 20_000)
    assert (times[1] - times[0], times[-1] - times[-2]) == (2, 1)


def test_another_scheme_is_another_chart(stage):
    stage.evaluate("chart.add([1, 90, 80, 200, null])")
    stage.emulate_media(color_scheme="dark")
    stage.wait_for_function("drawn.includes('destroyed')", polling=20)
