"""What do keys and values from older weights cost?"""

from mlxdyn.config import CONTEXTS
from mlxdyn.lab.charts import HEAD, at, bars, jobs, row
from mlxdyn.lab.experiment import Lab
from mlxdyn.lab.findings import Finding, Table


def kv(lab: Lab) -> Finding:
    """Keys and values kept across updates, made anew for the same windows, or for every chunk."""
    arms = [{"context": "restart", "kv": "kept"}, {"context": "restart", "kv": "fresh"}]
    arms += [{"context": name} for name in CONTEXTS if name != "restart"]
    lab.planned = len(arms)
    found = lab.run(jobs(lab, arms))
    names = ["restart, kept", "restart, made anew", "recompute", "carry"][: len(found)]

    def sentence() -> str:
        kept, fresh = found[0], found[1]
        stale = at(kept, "dynamic") - at(fresh, "dynamic")
        times = at(fresh, "dynamic_flops") / at(kept, "dynamic_flops")
        verb = "cost" if stale > 0 else "gain"
        return (
            f"in the same windows, keys and values from older weights {verb} {abs(stale):.4f} "
            f"nats/token against those made anew, which take {times:.1f} times the operations"
        )

    rows = tuple(
        (*row(n, c), at(c, "dynamic_flops") / 1e6, c.numbers["dynamic_seconds"])
        for n, c in zip(names, found, strict=True)
    )
    table = Table("nats/token", (*HEAD, "million operations a token", "seconds"), rows)
    note = "the first two see the same windows; recompute also learns through the whole window"
    return lab.finding(
        "kv", sentence, tables=[table], figures=[bars("Stale activations", names, found, note)]
    )
