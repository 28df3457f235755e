"""Write text that no base can know: chat logs with invented names, and facts that were made up."""

import json
import re
import sys
from pathlib import Path
from random import Random

SYLLABLES = ("ba", "che", "dro", "fli", "gu", "hez", "jol", "kri", "lum", "mo", "ni", "ost", "pra")
NAMED = re.compile(r"<([^>\s]+)>|^=== (\S+)|now known as (\S+)", re.M)


def main(data: str, folder: str) -> None:
    """Read `data`/text and `data`/memory; write irc_invented.txt and told.txt into `folder`."""
    place = Path(folder)
    place.mkdir(parents=True, exist_ok=True)
    log = (Path(data) / "text/ubuntu_irc/2016-12-19_20.raw.txt").read_text(encoding="utf-8")
    (place / "irc_invented.txt").write_text(renamed(log, Random(0)), encoding="utf-8")
    cases = (Path(data) / "memory/told/told.jsonl").read_text(encoding="utf-8").splitlines()
    said = ["\n".join(json.loads(case)["messages"]) for case in cases]
    (place / "told.txt").write_text("\n\n".join(said), encoding="utf-8")


def renamed(log: str, lots: Random) -> str:
    """Give everybody in a chat log a new name, the same one wherever they are named."""
    names = sorted({name for found in NAMED.findall(log) for name in found if name})
    new = {name: "".join(lots.choices(SYLLABLES, k=3)) for name in names}
    words = re.compile(
        "|".join(rf"(?<!\w){re.escape(n)}(?!\w)" for n in sorted(names, key=len)[::-1])
    )
    return words.sub(lambda match: new[match[0]], log)


if __name__ == "__main__":
    main(*sys.argv[1:])
