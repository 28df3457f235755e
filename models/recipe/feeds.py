"""Draw training data in processes of their own, so that a fast device does not wait for it."""

import multiprocessing
import os
from collections.abc import Callable, Iterator
from multiprocessing.process import BaseProcess
from multiprocessing.queues import Queue
from queue import Empty, Full
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
    processes = [
        context.Process(target=_fill, args=(make, place, queue), daemon=True)
        for place, queue in enumerate(queues)
    ]
    for process in processes:
        process.start()
    return [_emptied(*pair) for pair in zip(queues, processes, strict=True)]


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


def _emptied(queue: "Queue[T]", process: BaseProcess) -> Iterator[T]:
    """Take what is drawn; raise RuntimeError once the process has ended and nothing is left."""
    while True:
        alive = process.is_alive()  # asked first: what it put before it ended is still taken
        try:
            item = queue.get(timeout=2)
        except Empty:
            if not alive:
                raise RuntimeError(
                    f"a process that draws data ended (exit code {process.exitcode})"
                ) from None
        else:
            yield item
