"""Score a window, then learn its last tokens, with torch and PEFT; prints seconds as JSON.

python torch_peft.py CONFIG.json WINDOW CHUNK: a model of that shape with random weights.
"""

import json
import os
import sys
import time
from pathlib import Path

import torch
from peft import LoraConfig, get_peft_model
from transformers import AutoConfig, AutoModelForCausalLM

SAMPLES = 4


def main(config: str, window: int, chunk: int) -> None:
    torch.set_num_threads(int(os.environ.get("OPENBLAS_NUM_THREADS", os.cpu_count() or 1)))
    torch.manual_seed(0)
    told = json.loads(Path(config).read_text())
    for name in ("quantization", "quantization_config", "dtype", "torch_dtype"):
        told.pop(name, None)
    shape = AutoConfig.for_model(**told)
    network = AutoModelForCausalLM.from_config(shape).float()
    network = get_peft_model(network, LoraConfig(r=8, target_modules="all-linear"))
    optimizer = torch.optim.Adam([p for p in network.parameters() if p.requires_grad], 1e-5)
    tokens = torch.randint(1, 2000, (1, window))
    labels = tokens.clone()
    labels[:, :-chunk] = -100
    seconds = []
    for _ in range(SAMPLES + 1):
        began = time.perf_counter()
        with torch.no_grad():
            network(tokens, labels=labels)
        network(tokens, labels=labels).loss.backward()
        torch.nn.utils.clip_grad_norm_(network.parameters(), 1.0)
        optimizer.step()
        optimizer.zero_grad()
        seconds.append(time.perf_counter() - began)
    print(json.dumps(seconds[1:]))


main(sys.argv[1], int(sys.argv[2]), int(sys.argv[3]))
