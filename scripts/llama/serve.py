"""llama.cpp's own HTTP server with one model, for tests: serve.py MODEL.gguf PORT CONTEXT KEY. It says where it listens, and ends when killed."""

import sys
import threading

import xllamacpp

model, port, context, key = sys.argv[1:]
params = xllamacpp.CommonParams()
params.model.path = model
params.model_alias = {"smollm2-135m"}
params.hostnames = ["127.0.0.1"]
params.port = int(port)
params.n_ctx = int(context)
params.n_parallel = 1
params.cpuparams.n_threads = 2
params.api_keys = [key]
params.ui = False
server = xllamacpp.Server(params)
print(server.listening_address, flush=True)
threading.Event().wait()
