"""What the server bears, and what it says when it is asked for more."""

from __future__ import annotations

import asyncio
import gc
import threading
import weakref

import pytest

from clearhead.explorer.contract.stopping import QuestionCancelled, check
from clearhead.explorer.server.limits import ClientDisconnected, HttpError, ServerLimits, Workers

SMALL = ServerLimits(at_work=2, waiting=3, seconds=20.0)


class Desk:
    """Work that waits until it is let go, and counts who is at it."""

    def __init__(self):
        self.open = threading.Event()
        self.at_work = self.most = self.done = 0
        self._lock = threading.Lock()

    def work(self):
        with self._lock:
            self.at_work += 1
            self.most = max(self.most, self.at_work)
        assert self.open.wait(20)
        with self._lock:
            self.at_work -= 1
            self.done += 1
        return "done"


async def never():
    await asyncio.Event().wait()


async def settled(condition):
    while not condition():
        await asyncio.sleep(0.005)


@pytest.fixture
def desk():
    desk = Desk()
    yield desk
    desk.open.set()


def test_no_more_than_two_work_and_three_wait_and_the_others_hear_so(desk):
    async def crowd():
        workers = Workers(SMALL)
        tasks = [asyncio.create_task(workers.do(desk.work, never)) for _ in range(9)]
        await settled(lambda: desk.at_work == 2 and sum(task.done() for task in tasks) == 4)
        assert workers.inside == 5
        desk.open.set()
        answers = await asyncio.gather(*tasks, return_exceptions=True)
        await settled(lambda: workers.inside == 0)
        assert workers.close()
        return answers

    answers = asyncio.run(crowd())
    refusals = [answer for answer in answers if isinstance(answer, HttpError)]
    assert answers.count("done") == 5
    assert [(refusal.status, refusal.headers) for refusal in refusals] == (
        [(429, {"Retry-After": "1"})] * 4
    )
    assert refusals[0].message == (
        "The explorer works on 2 questions of this kind at once and lets 3 wait; all places are "
        "taken. Ask again in a second."
    )
    assert desk.most == 2


def test_what_takes_too_long_is_refused_but_keeps_its_place_until_it_ends(desk):
    async def slow():
        workers = Workers(ServerLimits(at_work=1, waiting=0, seconds=0.05))
        with pytest.raises(HttpError, match=r"not ready after 0\.05 seconds") as late:
            await workers.do(desk.work, never)
        assert late.value.status == 503
        assert late.value.headers == {"Retry-After": "1"}
        with pytest.raises(HttpError) as busy:
            await workers.do(desk.work, never)
        assert busy.value.status == 429
        assert not workers.close()
        desk.open.set()
        await settled(lambda: workers.inside == 0)

    asyncio.run(slow())
    assert desk.done == 1


def test_who_waits_too_long_is_never_worked_for(desk):
    async def waiting():
        workers = Workers(ServerLimits(at_work=1, waiting=1, waiting_seconds=0.2))
        first = asyncio.create_task(workers.do(desk.work, never))
        await settled(lambda: desk.at_work == 1)
        with pytest.raises(HttpError, match=r"busy with other questions for 0\.2 seconds"):
            await workers.do(lambda: pytest.fail("nobody waits for this"), never)
        desk.open.set()
        assert await first == "done"
        await settled(lambda: workers.inside == 0)

    asyncio.run(waiting())


def test_waiting_is_no_part_of_the_time_that_a_question_may_take():
    """The second begins when the first has used up its time, and is answered all the same."""

    def work():
        while True:
            check()

    async def waiting():
        workers = Workers(ServerLimits(at_work=1, waiting=1, seconds=0.1))
        first = asyncio.create_task(workers.do(work, never))
        second = asyncio.create_task(workers.do(lambda: "second", never))
        with pytest.raises(HttpError, match=r"not ready after 0\.1 seconds of work"):
            await first
        assert await second == "second"
        await settled(lambda: workers.inside == 0)

    asyncio.run(waiting())


def test_of_fifty_clients_none_is_refused_however_slow_the_machine():
    """Whoever asks one question after the other finds a place: 2 at work and 64 that wait."""
    turn = threading.Lock()
    turn.acquire()

    async def client(workers):
        return [await workers.do(turn.acquire, never) for _ in range(4)]

    async def crowd():
        workers = Workers(ServerLimits(waiting_seconds=600, seconds=600))
        clients = asyncio.gather(*(client(workers) for _ in range(50)))
        await settled(lambda: workers.inside == 50)  # nothing is answered, all of them wait
        for _ in range(200):
            await settled(turn.locked)
            turn.release()
        answers = await clients
        assert workers.close()
        return answers

    assert asyncio.run(crowd()) == [[True] * 4] * 50


def test_who_leaves_gives_the_place_to_the_next(desk):
    async def leaving():
        workers = Workers(ServerLimits(at_work=1, waiting=1, seconds=20))
        first = asyncio.create_task(workers.do(desk.work, never))
        await settled(lambda: desk.at_work == 1)
        disconnect = asyncio.Event()
        second = asyncio.create_task(workers.do(lambda: pytest.fail("gone"), disconnect.wait))
        await settled(lambda: workers.inside == 2)
        disconnect.set()
        with pytest.raises(ClientDisconnected):
            await second
        await settled(lambda: workers.inside == 1)
        third = asyncio.create_task(workers.do(lambda: "third", never))
        desk.open.set()
        assert await first == "done"
        assert await third == "third"

    asyncio.run(leaving())


def test_an_error_of_the_work_comes_through_and_frees_the_place():
    async def failing():
        workers = Workers(ServerLimits(at_work=1, waiting=0))
        for _ in range(3):
            with pytest.raises(ZeroDivisionError):
                await workers.do(lambda: 1 / 0, never)
            await settled(lambda: workers.inside == 0)
        assert await workers.do(lambda: 7, never) == 7

    asyncio.run(failing())


@pytest.mark.parametrize("seconds", [20.0, 0.2])
def test_a_question_that_fails_holds_nothing_and_waits_for_no_collector(seconds):
    class Array:
        """Stands for what an answer is computed from."""

    alive = weakref.WeakSet()

    def work():
        array = Array()
        alive.add(array)
        while seconds < 1:
            check()
        raise HttpError(404, "TraceError", "No recorded step is called 'a'.")

    async def ask(workers):
        try:
            await workers.do(work, never)
        except HttpError as error:
            return error.status

    async def asking():
        workers = Workers(ServerLimits(at_work=1, seconds=seconds))
        assert await ask(workers) == (404 if seconds > 1 else 503)
        await settled(lambda: workers.inside == 0)
        await settled(lambda: not alive)

    gc.disable()
    try:
        asyncio.run(asyncio.wait_for(asking(), 30))
    finally:
        gc.enable()


def test_what_takes_too_long_is_told_and_gives_its_thread_back():
    has_begun = threading.Event()

    def work():
        has_begun.set()
        while True:
            check()

    async def slow():
        workers = Workers(ServerLimits(at_work=1, waiting=0, seconds=0.05))
        for _ in range(3):
            with pytest.raises(HttpError, match="not ready"):
                await workers.do(work, never)
            await settled(lambda: workers.inside == 0)
        assert has_begun.is_set()
        assert workers.close()

    asyncio.run(slow())


def test_who_leaves_ends_the_work():
    has_begun = threading.Event()

    def work():
        has_begun.set()
        while True:
            check()

    async def leaving():
        workers, disconnect = Workers(ServerLimits(at_work=1)), asyncio.Event()
        task = asyncio.create_task(workers.do(work, disconnect.wait))
        await settled(has_begun.is_set)
        disconnect.set()
        with pytest.raises(ClientDisconnected):
            await task
        await settled(lambda: workers.inside == 0)

    asyncio.run(leaving())


def test_the_end_of_the_server_ends_the_work():
    has_begun = threading.Event()

    def work():
        has_begun.set()
        while True:
            check()

    async def ending():
        workers = Workers(ServerLimits(at_work=1))
        task = asyncio.create_task(workers.do(work, never))
        await settled(has_begun.is_set)
        assert not workers.close()
        with pytest.raises(QuestionCancelled):
            await task
        await settled(lambda: workers.inside == 0)

    asyncio.run(ending())


def test_light_questions_do_not_wait_for_heavy_ones(desk):
    async def busy():
        workers = Workers(ServerLimits(at_work=2, waiting=2, seconds=20))
        heavy = [asyncio.create_task(workers.do(desk.work, never)) for _ in range(4)]
        await settled(lambda: desk.at_work == 2)
        with pytest.raises(HttpError, match="works on 2 questions of this kind"):
            await workers.do(desk.work, never)
        for number in range(5):
            assert await workers.do(lambda number=number: number, never, light=True) == number
        desk.open.set()
        await asyncio.gather(*heavy)
        await settled(lambda: workers.inside == 0)

    asyncio.run(busy())


def test_light_questions_have_a_bound_of_their_own(desk):
    async def crowd():
        workers = Workers(ServerLimits(at_work=2, waiting=1, seconds=20))
        tasks = [asyncio.create_task(workers.do(desk.work, never, light=True)) for _ in range(5)]
        await settled(lambda: sum(task.done() for task in tasks) == 3)
        desk.open.set()
        outcomes = await asyncio.gather(*tasks, return_exceptions=True)
        assert outcomes.count("done") == 2
        refusal = next(each for each in outcomes if isinstance(each, HttpError))
        assert refusal.message.startswith("The explorer works on 1 question of this kind at once")

    asyncio.run(crowd())
