#!/usr/bin/python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""Photographs a running live page in headless Chromium, and checks it while it is at it.

    docs/live_shots.py http://127.0.0.1:8080/ FOLDER

writes FOLDER/live-phone.png (390x844) and FOLDER/live-wide.png (1280x800).  Ends with 1 when the
page throws an error, fetches anything from elsewhere, stands still, or does not carry out a change
of an option.  Needs chromium and Python's standard library; speaks the DevTools protocol.
"""
import base64, json, os, socket, struct, subprocess, sys, tempfile, time, urllib.request


class Socket:
    """A WebSocket client: texts only."""

    def __init__(self, host, port, path):
        self.s = socket.create_connection((host, port), timeout=20)
        key = base64.b64encode(os.urandom(16)).decode()
        self.s.sendall((f"GET {path} HTTP/1.1\r\nHost: {host}:{port}\r\nUpgrade: websocket\r\n"
                        f"Connection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
                        f"Sec-WebSocket-Key: {key}\r\n\r\n").encode())
        head = b""
        while not head.endswith(b"\r\n\r\n"):
            head += self.take(1)
        if b" 101 " not in head.split(b"\r\n")[0]:
            raise OSError(head.decode())

    def take(self, count):
        data = b""
        while len(data) < count:
            got = self.s.recv(count - len(data))
            if not got:
                raise OSError("closed")
            data += got
        return data

    def send(self, text):
        data, mask = text.encode(), os.urandom(4)
        n = len(data)
        size = bytes([0x80 | n]) if n < 126 else b"\xfe" + struct.pack(">H", n)
        self.s.sendall(b"\x81" + size + mask + bytes(b ^ mask[i % 4] for i, b in enumerate(data)))

    def receive(self):
        data = b""
        while True:
            first, size = self.take(2)
            if size == 126:
                size = struct.unpack(">H", self.take(2))[0]
            elif size == 127:
                size = struct.unpack(">Q", self.take(8))[0]
            data += self.take(size)
            if first & 0x80:
                return data.decode()


class Tab:
    def __init__(self, port):
        for _ in range(100):
            try:
                tabs = json.load(urllib.request.urlopen(f"http://127.0.0.1:{port}/json"))
                break
            except OSError:
                time.sleep(0.1)
        path = next(t["webSocketDebuggerUrl"] for t in tabs if t["type"] == "page")
        self.socket = Socket("127.0.0.1", port, "/" + path.split("/", 3)[3])
        self.number, self.errors, self.fetched = 0, [], []

    def call(self, method, **params):
        self.number += 1
        self.socket.send(json.dumps({"id": self.number, "method": method, "params": params}))
        while True:
            said = json.loads(self.socket.receive())
            if said.get("method") == "Runtime.exceptionThrown":
                self.errors.append(said["params"]["exceptionDetails"])
            if said.get("method") == "Log.entryAdded" and said["params"]["entry"]["level"] == "error":
                self.errors.append(said["params"]["entry"])
            if said.get("method") == "Network.requestWillBeSent":
                self.fetched.append(said["params"]["request"]["url"])
            if said.get("id") == self.number:
                return said["result"]

    def value(self, script):
        return self.call("Runtime.evaluate", expression=script, awaitPromise=True,
                         returnByValue=True)["result"].get("value")

    def shot(self, path, width, height, phone):
        self.call("Emulation.setDeviceMetricsOverride", width=width, height=height,
                  deviceScaleFactor=1, mobile=phone)
        time.sleep(2.5)
        self.value("0")
        data = self.call("Page.captureScreenshot", format="png")["data"]
        with open(path, "wb") as out:
            out.write(base64.b64decode(data))


def main(url, folder):
    bad, port = [], 9333
    with tempfile.TemporaryDirectory() as profile:
        chromium = subprocess.Popen(
            ["chromium", "--headless", "--no-sandbox", "--disable-gpu", "--hide-scrollbars",
             f"--user-data-dir={profile}", f"--remote-debugging-port={port}", "about:blank"],
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        try:
            tab = Tab(port)
            for domain in ("Runtime", "Log", "Network", "Page"):
                tab.call(domain + ".enable")
            tab.call("Page.navigate", url=url)
            time.sleep(12)
            tab.shot(folder + "/live-wide.png", 1280, 800, False)
            tab.shot(folder + "/live-phone.png", 390, 844, True)
            before = tab.value("document.getElementById('numbers').textContent")
            time.sleep(2)
            if tab.value("document.getElementById('numbers').textContent") == before:
                bad.append("the numbers stand still")
            tab.value("setOption('quality.ssim', 'false')")
            time.sleep(2)
            text = tab.value("document.getElementById('image-text').textContent") or ""
            if "SSIM –" not in text:
                bad.append("quality.ssim=false did not reach the receiver: " + text)
            tab.value("setOption('quality.ssim', 'true')")
            if tab.value("document.documentElement.scrollWidth > innerWidth"):
                bad.append("the phone's page is wider than the phone")
            origin = url.split("?")[0].rstrip("/")
            bad += ["fetched from elsewhere: " + f for f in tab.fetched
                    if not f.startswith((origin, "data:"))]
            bad += [json.dumps(e)[:300] for e in tab.errors
                    if "/campaign.csv" not in json.dumps(e)]
            print(f"{len(tab.fetched)} requests, {len(tab.errors)} errors; {before}")
        finally:
            chromium.terminate()
            chromium.wait()
    print("\n".join(bad) or "the page is well")
    return bool(bad)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1], sys.argv[2]))
