"""Draw training data in processes of their own, so that a fast device does not wait for it."""

import multiprocessing
import os
from collections.abc import Callable, Iterator
from multiprocessing.queues import Queue
from queue import Full
from typing import TypeVar

T = TypeVar("T")
AHEAD = 6  # drawn by each process before anybody asks


def feeds(make: Callable[[int], Iterator[T]], workers: int) -> list[Iterator[T]]:
    """Run `make(0)` to `make(workers - 1)`, each in a process, or `make(0)` here if there is none.

    What they yield must travel between processes: plain values and NumPy arrays.
    """
    if not workers:
        return [make(0)]
    context = multiprocessing.get_context("fork")
    queues: list[Queue[T]] = [context.Queue(AHEAD) for _ in range(workers)]
    for place, queue in enumerate(queues):
        context.Process(target=_fill, args=(make, place, queue), daemon=True).start()
    return [_emptied(queue) for queue in queues]


def _fill(make: Callable[[int], Iterator[T]], place: int, queue: "Queue[T]") -> None:
    """Put what is drawn until nobody is left to take it."""
    parent = os.getppid()
    for item in make(place):
        while not _put(queue, item):
            if os.getppid() != parent:
                os._exit(0)


def _put(queue: "Queue[T]", item: T) -> bool:
    try:
        queue.put(item, timeout=2)
    except Full:
        return False
    return True


def _emptied(queue: "Queue[T]") -> Iterator[T]:
    while True:
        yield queue.get()
