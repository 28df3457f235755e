"""Write tokens with llama.cpp (xllamacpp); prints seconds a sample as JSON, the first token apart.

python llama_cpp.py MODEL.gguf TOKENS
"""

import json
import os
import sys

import xllamacpp

SAMPLES = 4


def main(path: str, tokens: int) -> None:
    params = xllamacpp.CommonParams()
    params.model.path, params.n_ctx, params.n_parallel = path, 512, 1
    params.warmup, params.fit_params, params.verbosity = False, False, -1
    params.cpuparams.n_threads = int(os.environ.get("OPENBLAS_NUM_THREADS", os.cpu_count() or 1))
    server, seconds = xllamacpp.Server(params), []
    for _ in range(SAMPLES + 1):
        said = server.handle_completions(
            {
                "prompt": "Once upon a time there was a small town by the sea,",
                "max_tokens": tokens, "temperature": 0.0, "ignore_eos": True, "cache_prompt": False,
            }
        )  # fmt: skip
        said = json.loads(said) if isinstance(said, str) else said
        timings = said["timings"]
        seconds.append(timings["predicted_ms"] / 1000 * (tokens - 1) / timings["predicted_n"])
    print(json.dumps(seconds[1:]))


main(sys.argv[1], int(sys.argv[2]))
