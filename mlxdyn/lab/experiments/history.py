"""Would learning have helped in one's own conversations?"""

from mlxdyn.lab.charts import HEAD, at, bars, jobs, row
from mlxdyn.lab.experiment import Lab
from mlxdyn.lab.findings import Finding, Table


def history(lab: Lab) -> Finding:
    """Would learning have helped in these conversations, carried over or each alone?"""
    lab.planned = 2
    carried, apart = (lab.run(jobs(lab, [{"reset": r}])) for r in ("never", "document"))

    def sentence() -> str:
        cell, alone = carried[0], apart[0]
        low, high = cell.numbers["low"], cell.numbers["high"]
        sure = "" if low is None else f" (95% from {low:+.3f} to {high:+.3f})"
        surely = low is not None and low > 0
        verdict = "would have helped" if surely else "would not surely have helped"
        return (
            f"over {len(lab.streams)} conversations learning {verdict}: "
            f"{at(cell, 'gain'):+.3f} nats/token{sure}, of which {at(alone, 'gain'):+.3f} within "
            f"conversations and {at(cell, 'gain') - at(alone, 'gain'):+.3f} carried over"
        )

    names = ["carried over", "each alone"][: len(carried) + len(apart)]
    every = [*carried, *apart]
    table = Table("nats/token", HEAD, tuple(map(row, names, every)))
    figure = bars("Would learning have helped?", names, every)
    return lab.finding("history", sentence, tables=[table], figures=[figure])
