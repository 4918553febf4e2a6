"""What a workout does, without sockets: storing, races, recordings."""

import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from functools import partial

import pytest
from django.db import connection
from django.utils import timezone

from realtime.limits import TooMuch
from tests.working_out import record
from workouts import services
from workouts.models import ExerciseSet, Samples, Workout
from workouts.recordings import Recording, Sample

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def ada(people):
    return people["ada"]


@pytest.fixture
def workout(ada):
    return services.start(ada, "cycling")


def power(*times) -> list[list]:
    return [[time, None, None, 100, None] for time in times]


def times_of(workout) -> list[float]:
    return [row[0] for row in services.rows_of(workout)]


def at_once(*jobs) -> list:
    """What each returns or raises, when they all begin at the same moment."""
    gate = threading.Barrier(len(jobs))

    def run(job):
        gate.wait(10)
        try:
            return job()
        except Exception as problem:
            return problem
        finally:
            connection.close()

    with ThreadPoolExecutor(len(jobs)) as pool:
        return list(pool.map(run, jobs))


# Starting


def test_a_workout_has_the_profiles_privacy_of_now(ada):
    assert ada.profile.privacy == "friends"  # read, and kept by this object
    type(ada.profile).objects.update(privacy="private")
    assert services.start(ada, "cycling").privacy == "private"


def test_of_several_starts_at_once_one_wins(ada):
    begun = at_once(*[lambda: services.start(ada, "cycling") for _ in range(6)])
    assert sum(isinstance(one, Workout) for one in begun) == 1
    assert sum(isinstance(one, services.Conflict) for one in begun) == 5
    assert Workout.objects.count() == 1


def test_one_start_sent_by_several_connections_at_once_is_one(ada):
    begun = at_once(*[lambda: services.start(ada, "cycling", client_id="a") for _ in range(6)])
    assert {one.pk for one in begun} == {Workout.objects.get().pk}


def test_a_client_id_is_ones_own(people):
    ada, ben = people["ada"], people["ben"]
    mine, his = (services.start(user, "cycling", client_id="a") for user in (ada, ben))
    assert mine != his


def test_nobody_starts_and_ends_all_the_time(ada, monkeypatch):
    monkeypatch.setattr(services, "CHANGES_PER_MINUTE", 3)
    services.start(ada, "cycling")
    services.pause(ada)
    services.resume(ada)
    for change in (services.pause, services.finish, lambda user: services.start(user, "other")):
        with pytest.raises(TooMuch):
            change(ada)


# Samples


def test_samples_fill_chunks(workout, monkeypatch):
    monkeypatch.setattr(services, "CHUNK", 3)
    for times in ([0], [1, 2, 3], [4, 5, 6, 7]):
        services.store_samples(workout.pk, power(*times))
    chunks = Samples.objects.order_by("number")
    assert [[row[0] for row in chunk.rows] for chunk in chunks] == [[0, 1, 2], [3, 4, 5], [6, 7]]
    assert [(chunk.number, chunk.last_t) for chunk in chunks] == [(1, 2), (2, 5), (3, 7)]
    workout.refresh_from_db()
    assert workout.saved_up_to == 7


def test_what_is_sent_again_is_stored_once_however_old(workout, monkeypatch):
    monkeypatch.setattr(services, "CHUNK", 3)
    services.store_samples(workout.pk, power(*range(10)))
    services.store_samples(workout.pk, power(2, 0, 8.5, 9, 4.5, 10))
    assert times_of(workout) == [0, 1, 2, 3, 4, 4.5, 5, 6, 7, 8, 8.5, 9, 10]
    services.store_samples(workout.pk, power(4.5, 8.5, 3))
    assert len(times_of(workout)) == 13


def test_what_is_measured_by_another_device_at_the_same_time_is_added(workout):
    services.store_samples(workout.pk, [[1, 100, None, None, None], [1, None, 80, None, None]])
    services.store_samples(workout.pk, [[1, 180, None, 250, None]])
    assert services.rows_of(workout) == [[1, 100, 80, 250, None]]


def test_a_flush_of_few_samples_does_not_read_the_whole_workout(
    workout, django_assert_max_num_queries
):
    services.store_samples(workout.pk, power(*range(3 * services.CHUNK)))
    with django_assert_max_num_queries(8) as queries:  # with its transaction's two
        services.store_samples(workout.pk, power(10_000, 10_001))
    read = [query for query in queries.captured_queries if '"rows"' in query["sql"]]
    assert len(read) == 3  # those of that time or later, the last, and what is written


def test_what_has_to_read_far_back_is_taken_less_often(workout, monkeypatch):
    monkeypatch.setattr(services, "CHUNK", 1)
    monkeypatch.setattr(services, "FAR_BACK", 3)
    monkeypatch.setattr(services, "FAR_BACK_PER_MINUTE", 1)
    services.store_samples(workout.pk, power(*range(9)))
    for near in (8, 7.5, 6.5):
        services.store_samples(workout.pk, power(near))
    services.store_samples(workout.pk, power(0.5))
    with pytest.raises(TooMuch, match="late-batches"):
        services.store_samples(workout.pk, power(1.5))
    assert times_of(workout) == [0, 0.5, 1, 2, 3, 4, 5, 6, 6.5, 7, 7.5, 8]


def test_tabs_that_flush_at_once_lose_nothing(workout):
    jobs = [
        lambda start=start: services.store_samples(workout.pk, power(*range(start, 400, 4)))
        for start in range(4)
    ]
    assert at_once(*jobs) == [None] * 4
    assert times_of(workout) == list(range(400))


def test_a_workout_is_full_some_day(workout, monkeypatch):
    monkeypatch.setattr(services, "CHUNK", 2)
    monkeypatch.setattr(services, "MAX_CHUNKS", 2)
    services.store_samples(workout.pk, power(1, 2, 3, 4))
    with pytest.raises(services.Conflict, match="4 samples"):
        services.store_samples(workout.pk, power(5))
    assert times_of(workout) == [1, 2, 3, 4]


def test_late_samples_come_into_the_totals(ada, workout):
    services.store_samples(workout.pk, power(10))
    services.finish(ada)
    services.store_samples(workout.pk, [[20, 150, None, 300, None]])
    workout.refresh_from_db()
    assert (workout.power_mean, workout.heart_rate_max, workout.duration_seconds) == (200, 150, 20)
    assert workout.state == "finished"


# Sets


def test_sets_at_once_are_numbered_without_gaps(ada, workout):
    jobs = [lambda n=n: services.add_set(ada, "Squat", 1, 5, 80, f"s-{n}") for n in range(6)]
    assert sorted(done.number for done in at_once(*jobs)) == [1, 2, 3, 4, 5, 6]


def test_one_set_sent_twice_at_once_is_one(ada, workout):
    done = at_once(*[lambda: services.add_set(ada, "Squat", 1, 5, 80, "s") for _ in range(4)])
    assert {one.pk for one in done} == {ExerciseSet.objects.get().pk}


def test_so_many_sets_are_enough(ada, workout, monkeypatch):
    monkeypatch.setattr(services, "MAX_SETS", 1)
    services.add_set(ada, "Squat", 1, 5, 80, "s-1")
    with pytest.raises(services.Conflict, match="1 sets"):
        services.add_set(ada, "Squat", 1, 5, 80, "s-2")
    assert services.add_set(ada, "Squat", 1, 5, 80, "s-1").number == 1


# Finishing


def test_of_two_who_finish_at_once_one_does(ada, workout):
    services.store_samples(workout.pk, power(10))
    ended = at_once(*[lambda: services.finish(ada) for _ in range(3)])
    assert sum(isinstance(one, Workout) for one in ended) == 1
    assert sum(isinstance(one, services.Conflict) for one in ended) == 2


def test_what_is_sent_while_it_is_finished_is_kept(ada, workout):
    """Either before the totals or after, and then in them too."""
    at_once(
        lambda: services.finish(ada),
        *[lambda n=n: services.store_samples(workout.pk, power(n)) for n in range(1, 4)],
    )
    workout.refresh_from_db()
    assert times_of(workout) == [1, 2, 3]
    assert workout.duration_seconds == 3 and workout.state == "finished"


@pytest.mark.parametrize("by", ["owner", "staff"])
def test_what_is_sent_while_it_is_deleted_goes_with_it(ada, monkeypatch, by):
    """On PostgreSQL, without workouts.signals, one of the two was refused each time."""
    monkeypatch.setattr(services, "BATCHES_PER_MINUTE", 100_000)

    def send(workout):
        for time in range(30):
            services.store_samples(workout.pk, power(time))

    def remove(workout):
        own = Workout.objects.filter(pk=workout.pk)
        services.delete(workout) if by == "owner" else own.delete()

    for _ in range(5):
        workout = services.start(ada, "cycling")
        sent, removed = at_once(partial(send, workout), partial(remove, workout))
        assert removed is None
        assert sent is None or isinstance(sent, Workout.DoesNotExist)
        assert not Samples.objects.exists()


def test_pauses_do_not_count(ada, workout, monkeypatch):
    def at(seconds):
        moment = workout.started_at + timedelta(seconds=seconds)
        monkeypatch.setattr("django.utils.timezone.now", lambda: moment)

    for seconds, change in ((100, "pause"), (400, "resume"), (500, "pause"), (510, "resume")):
        at(seconds)
        getattr(services, change)(ada)
    services.add_set(ada, "Squat", 1, 1, 1)
    ExerciseSet.objects.update(at=workout.started_at + timedelta(seconds=600))
    at(5000)
    assert services.finish(ada).duration_seconds == 600 - 300 - 10


def test_a_pause_begins_where_a_recording_is_that_is_ahead_of_the_clock(ada, workout):
    services.store_samples(workout.pk, [[100.0, 120, None, None, None]])
    paused = services.pause(ada)
    assert paused.pauses == [[100.0, None]]
    assert services.state_of(ada, paused, "owner").workout.elapsed_seconds == 100
    assert services.resume(ada).pauses == [[100.0, 100.0]]
    services.pause(ada)
    assert services.finish(ada).duration_seconds == 100


def test_finishing_while_paused(ada, workout):
    services.store_samples(workout.pk, power(50))
    services.pause(ada)
    assert services.finish(ada).duration_seconds <= 50


def test_a_workout_of_nothing_lasted_until_its_end(ada, workout, monkeypatch):
    now = workout.started_at + timedelta(seconds=90)
    monkeypatch.setattr("django.utils.timezone.now", lambda: now)
    ended = services.finish(ada)
    assert ended.duration_seconds == 90 and ended.finished_at == now


def test_totals_are_stored_with_the_end_or_not_at_all(ada, workout, monkeypatch):
    services.store_samples(workout.pk, power(50))
    monkeypatch.setattr("notifications.services.award", lambda user_id: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        services.finish(ada)
    workout.refresh_from_db()
    assert workout.state == "running" and workout.power_max is None


# Recordings


def test_a_recording_is_stored_with_totals(ada):
    started_at = timezone.now() - timedelta(days=2)
    samples = [Sample(n, 100 + n % 2, None, None, 2.0 * n) for n in range(1000)]
    stored = services.store_recording(ada, Recording("rowing", started_at, samples))
    stored.refresh_from_db()
    assert (stored.kind, stored.source, stored.privacy) == ("rowing", "import", "friends")
    assert (stored.state, stored.started_at) == ("finished", started_at)
    assert stored.finished_at == started_at + timedelta(seconds=999)
    assert (stored.duration_seconds, stored.distance_m) == (999, 1998)
    assert (stored.heart_rate_mean, stored.heart_rate_max) == (100.5, 101)
    assert services.rows_of(stored) == [list(sample) for sample in samples]


def test_a_recording_is_stored_once_for_each(people):
    at = timezone.now() - timedelta(days=1)
    record(people["ada"], started_at=at)
    with pytest.raises(services.Conflict, match="already"):
        record(people["ada"], started_at=at)
    record(people["ben"], started_at=at)
    assert Workout.objects.count() == 2


def test_a_recording_that_comes_twice_at_once_is_stored_once(ada):
    at = timezone.now() - timedelta(days=1)
    came = at_once(*[lambda: record(ada, started_at=at) for _ in range(4)])
    assert sum(isinstance(one, Workout) for one in came) == 1
    assert sum(isinstance(one, services.Conflict) for one in came) == 3


def test_a_recording_comes_in_while_a_workout_runs(ada, workout):
    record(ada)
    assert services.unfinished(ada).get() == workout


def test_a_recording_that_is_too_long_leaves_nothing(ada, monkeypatch):
    monkeypatch.setattr(services, "CHUNK", 1)
    monkeypatch.setattr(services, "MAX_CHUNKS", 2)
    with pytest.raises(services.Conflict):
        record(ada, Sample(1, 100), Sample(2, 100), Sample(3, 100))
    assert not Workout.objects.exists()


# A set that is sent again, or comes late


SQUAT = "squat", 3, 5, 60.0


def test_a_set_sent_again_after_its_workout_is_stored_once(ada, workout):
    stored = services.add_set(ada, *SQUAT, "a")
    services.finish(ada)
    assert services.add_set(ada, *SQUAT, "a") == stored  # none goes on
    services.start(ada, "strength")
    assert services.add_set(ada, *SQUAT, "a") == stored  # another goes on
    assert ExerciseSet.objects.count() == 1


def test_a_set_goes_into_no_other_workout_than_its_own(ada, workout):
    services.finish(ada)
    other = services.start(ada, "strength")
    with pytest.raises(services.Conflict, match="the workout of that set is over"):
        services.add_set(ada, *SQUAT, "late", workout.pk)
    assert services.add_set(ada, *SQUAT, "now", other.pk).workout == other
    assert ExerciseSet.objects.count() == 1


def test_a_client_id_of_somebody_elses_set_is_free(people, ada, workout):
    services.add_set(ada, *SQUAT, "a")
    services.start(people["ben"], "strength")
    assert services.add_set(people["ben"], *SQUAT, "a").workout.owner == people["ben"]
