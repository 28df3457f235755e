"""Learners that take turns on one network, each with weights of its own."""

from mlx.utils import tree_map

from mlxdyn.learn.learner import Learner, Observation, State
from mlxdyn.learn.stream import Chunk


class Seat:
    """A learner and its weights, which the network holds only while it is its turn."""

    def __init__(self, learner: Learner) -> None:
        self.learner = learner
        self._weights = learner.state.adapter

    @property
    def state(self) -> State:
        """The adapter and optimizer of this seat, whoever's weights the network holds."""
        return State(self._weights, self.learner.state.optimizer)

    @state.setter
    def state(self, state: State) -> None:
        self.learner.state = state
        self._weights = self.learner.state.adapter

    def sit(self) -> Learner:
        """Put this seat's weights into the network."""
        self.learner.network.update(self._weights)
        return self.learner

    def learn(self, chunk: Chunk) -> Observation:
        """Score `chunk` with these weights, then learn it."""
        seen = self.sit().learn(chunk)
        trained = self.learner.network.trainable_parameters()
        self._weights = tree_map(lambda array: array, trained)
        return seen

    def score(self, chunk: Chunk) -> Observation:
        """Score `chunk` with these weights."""
        return self.sit().score(chunk)
