# SPDX-License-Identifier: GPL-3.0-or-later
# GNU Radio's end of the tests with tags and keys:
#     gnuradio_tags.py send ENDPOINT KEY FILE      a known signal with tags on it, and a copy of it
#     gnuradio_tags.py receive ENDPOINT KEY FILE   until nothing has come for 2 s
import os
import struct
import sys
import time

import pmt
from gnuradio import blocks, gr, zeromq

word, endpoint, key, path = sys.argv[1:5]
ITEM, COUNT = gr.sizeof_gr_complex, 200000
graph = gr.top_block()

if word == "send":
    data = [complex(i % 1000 / 1000 + 1e-3, -(i // 1000) / 1000) for i in range(COUNT)]
    tags = [
        gr.tag_utils.python_to_tag(
            (i * 977, pmt.intern(f"tag{i}"), pmt.to_pmt({"a": 1.5, "b": (1, i)}), pmt.intern("src")))
        for i in range(100)
    ]
    with open(path, "wb") as copy:
        copy.write(b"".join(struct.pack("<ff", x.real, x.imag) for x in data))
    if key:
        sink = zeromq.pub_sink(ITEM, 1, endpoint, 100, True, -1, key)
        time.sleep(2)  # for the subscriber
    else:
        sink = zeromq.push_sink(ITEM, 1, endpoint, 100, True, -1)
    throttle = blocks.throttle(ITEM, 1e6)
    graph.connect(blocks.vector_source_c(data, False, 1, tags), throttle, sink)
    graph.start()
    time.sleep(3)
else:
    if key:
        source = zeromq.sub_source(ITEM, 1, endpoint, 100, True, -1, key)
    else:
        source = zeromq.pull_source(ITEM, 1, endpoint, 100, True, -1)
    sink = blocks.file_sink(ITEM, path)
    sink.set_unbuffered(True)
    graph.connect(source, sink)
    graph.start()
    print("ready", flush=True)
    last, quiet = 0, 0
    for _ in range(300):
        time.sleep(0.2)
        size = os.path.getsize(path)
        quiet = quiet + 1 if size == last and size > 0 else 0
        last = size
        if quiet == 10:
            break
graph.stop()
graph.wait()
