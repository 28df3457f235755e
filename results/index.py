"""Write results/README.md: a sentence, a picture and the command of every report here."""

import json
import sys
from pathlib import Path

HERE = Path(__file__).parent
ORDER = (
    "position", "window", "placement", "interval", "optimizer", "order", "prefit", "cost", "recall",
    "kv", "precision", "history", "home",
)  # fmt: skip
HEAD = """# Results

What each experiment of `mlxdyn eval` found, written by `make results` (DATA names the folder of
text and models; finished cells are kept in `build/results`). Every number is about text that was
scored before it was learned. Rates and statistics were chosen on other text. `history` is missing:
it is about your own chats, so run it yourself with `mlxdyn eval --experiment history`. `home` is a
plain evaluation on text like that which the base was trained on.
"""


def main() -> None:
    folders = sorted(path for path in HERE.iterdir() if path.is_dir())
    parts = [HEAD, *(part for folder in folders for part in section(folder))]
    (HERE / "README.md").write_text("\n".join(parts), encoding="utf-8")


def section(folder: Path) -> list[str]:
    found = sorted(folder.glob("*.json"), key=lambda path: ORDER.index(path.stem))
    return [f"## {folder.name}\n", *(entry(path) for path in found)]


def entry(path: Path) -> str:
    report = json.loads(path.read_text(encoding="utf-8"))
    where = f"{path.parent.name}/{path.stem}"
    lines = [f"### {path.stem}\n", sentence(report), ""]
    warnings = report.get("warnings") or report.get("experiment", {}).get("warnings") or []
    lines += [f"* Warning: {warning}" for warning in warnings[:3]] + [""] * bool(warnings)
    if path.with_suffix(".svg").exists():
        lines += [f"![{path.stem}]({where}.svg)", ""]
    return "\n".join([*lines, f"`{report['command']}` wrote [the numbers]({where}.json).\n"])


def sentence(report: dict) -> str:
    if "experiment" in report:
        text = report["experiment"]["sentence"]
        return text[:1].upper() + text[1:] + ("" if text.endswith(".") else ".")
    static, dynamic = (run["nats_per_token"] for run in report["runs"])
    low, high = report["gain"]["ci95"]
    return (
        f"Learning while reading is worth {report['gain']['nats_per_token']:+.3f} nats/token "
        f"(95% from {low:+.3f} to {high:+.3f}): {static:.3f} without, {dynamic:.3f} with it."
    )


if __name__ == "__main__":
    sys.exit(main())
