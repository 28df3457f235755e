"""Laws of the plan of a lesson: it hangs on what there is, never on chance or on what was there."""

from hypothesis import given
from hypothesis import strategies as st

from mlxdyn.learn.replay import draw, lesson

KEYS = st.lists(st.text(max_size=6), min_size=1, max_size=20, unique=True)


@given(st.text(), KEYS, st.integers(0, 20), st.data())
def test_without_one_example_the_others_are_drawn_as_if_it_had_never_been(
    seed: str, keys: list[str], count: int, data: st.DataObject
) -> None:
    gone = data.draw(st.sampled_from(keys))
    left = [key for key in keys if key != gone]
    before = {keys[i] for i in draw(seed, keys, count)}
    after = {left[i] for i in draw(seed, left, count)}
    assert len(before) == min(count, len(keys)) and len(after) == min(count, len(left))
    assert before - {gone} <= after
    assert gone in before or after == before


@given(st.integers(0, 6), st.integers(0, 6), st.integers(0, 6), st.integers(0, 4))
def test_a_step_takes_so_many_of_each_group(new: int, replayed: int, held: int, steps: int) -> None:
    keys = [str(i) for i in range(new + replayed + held)]
    batch = (3, 2, 1)
    plan = lesson("m", keys, new=new, replayed=replayed, steps=steps, batch=batch)
    assert len(plan) == steps
    for step in plan:
        groups = [sum(low <= i < high for i in step) for low, high in (
            (0, new), (new, new + replayed), (new + replayed, len(keys)),
        )]  # fmt: skip
        assert groups == [
            min(n, most) for n, most in zip((new, replayed, held), batch, strict=True)
        ]
        assert len(set(step)) == len(step)


def test_the_past_of_every_memory_hangs_on_these_draws() -> None:
    """Whoever changes them makes a new function, and leaves this one."""
    plan = lesson("seed", list("abcdefgh"), new=3, replayed=3, steps=3, batch=(2, 1, 1))
    assert plan == [[0, 2, 3, 7], [0, 2, 3, 6], [0, 2, 5, 7]]
