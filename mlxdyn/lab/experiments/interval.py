"""How long a chunk between two updates, and does the rate grow with it?"""

from mlxdyn.lab.charts import HEAD, at, curve, jobs, row
from mlxdyn.lab.experiment import Lab
from mlxdyn.lab.findings import Figure, Finding, Series, Table

CHUNKS = (16, 32, 64, 128, 256)


def interval(lab: Lab) -> Finding:
    """Chunk sizes, with one rate for all and with a rate that grows with the chunk."""
    longest = max(len(stream.tokens) for stream in lab.streams)
    most = min(lab.settings.stream.window, longest // 2)  # the first chunk gains nothing
    sizes = [n for n in CHUNKS if n <= most] or [CHUNKS[0]]
    rate, middle = lab.settings.learner.learning_rate, lab.settings.stream.chunk
    plain = [{"chunk": n} for n in sizes]
    scaled = [{"chunk": n, "learning_rate": rate * n / middle} for n in sizes]
    lab.planned = len(plain) + len(scaled)
    fixed, grown = lab.run(jobs(lab, plain)), lab.run(jobs(lab, scaled))

    def sentence() -> str:
        best = min(fixed, key=lambda c: at(c, "dynamic"))
        wide, bold = fixed[-1], grown[-1]
        more = at(bold, "dynamic") - at(wide, "dynamic")
        helped = "better" if more < 0 else "worse" if more > 0 else "no different"
        return (
            f"at one rate, chunks of {best.knobs['chunk']} do best "
            f"({at(best, 'dynamic'):.3f} nats/token); scaling the rate with the chunk makes "
            f"chunks of {wide.knobs['chunk']} {helped} ({at(bold, 'dynamic'):.3f} against "
            f"{at(wide, 'dynamic'):.3f})"
        )

    rows = tuple(
        (*row(f"{c.knobs['chunk']}{mark}", c), c.config["learning_rate"], c.numbers["updates"],
         at(c, "dynamic_flops") / 1e6)
        for mark, some in (("", fixed), (" scaled", grown)) for c in some
    )  # fmt: skip
    table = Table(
        "by chunk; static differs where the policy gives other windows",
        (*HEAD, "rate", "updates", "million operations a token"),
        rows,
    )
    series = (
        curve("one rate", fixed, "chunk", "gain"),
        curve("rate scaled with the chunk", grown, "chunk", "gain"),
    )
    figure = Figure("Update interval", "chunk, tokens", "gain, nats/token", series, log_x=True)
    prices = tuple(
        Series(
            f"chunk {c.knobs['chunk']}",
            (at(c, "dynamic_flops") / 1e6,),
            (at(c, "dynamic"),),
            style="points",
        )
        for c in fixed
    )
    against = Figure(
        "Sample efficiency against cost", "million operations a token", "dynamic nats/token",
        prices, log_x=True, note="at one rate",
    )  # fmt: skip
    return lab.finding("interval", sentence, tables=[table], figures=[figure, against])
