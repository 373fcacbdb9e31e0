"""A model hub on this machine: as much of Hugging Face's protocol as a pull speaks."""

import hashlib
import json
import threading
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


class Hub:
    """Repositories as {"org/name": {"file": bytes}}; remembers what was asked of it."""

    def __init__(self, repositories: dict[str, dict[str, bytes]]) -> None:
        self.repositories, self.asked, self.ranges = repositories, [], []
        self.cut_at = None  # bytes after which a large file's connection drops, once
        self.commit = "a" * 40

    def describe(self, name: str) -> dict:
        def sibling(file: str, data: bytes) -> dict:
            one = {"rfilename": file, "size": len(data), "blobId": hashlib.sha1(data).hexdigest()}
            if not file.endswith((".json", ".txt")):
                digest = hashlib.sha256(data).hexdigest()
                one["lfs"] = {"sha256": digest, "size": len(data), "pointerSize": 130}
            return one

        files = self.repositories[name]
        return {
            "id": name,
            "sha": self.commit,
            "siblings": [sibling(file, data) for file, data in files.items()],
        }


@contextmanager
def serving(hub: Hub):
    """The hub's address while the block lasts."""

    class Handler(BaseHTTPRequestHandler):
        def log_message(self, *_) -> None:
            pass

        def do_HEAD(self) -> None:
            self._file(body=False)

        def do_GET(self) -> None:
            hub.asked.append(self.path)
            if not self.path.startswith("/api/models/"):
                return self._file(body=True)
            name = "/".join(self.path.split("?")[0].split("/")[3:5])
            if name not in hub.repositories:
                return self._end(404, b"")
            self._end(200, json.dumps(hub.describe(name)).encode())

        def _end(self, code: int, data: bytes, **headers: str) -> None:
            self.send_response(code)
            for key, value in {"Content-Length": str(len(data)), **headers}.items():
                self.send_header(key.replace("_", "-"), value)
            self.end_headers()
            self.wfile.write(data)

        def _file(self, body: bool) -> None:
            _, org, name, _, _, file = self.path.split("/", 5)
            data = hub.repositories[f"{org}/{name}"][file]
            start = self._start()
            self.send_response(206 if start else 200)
            self.send_header("Content-Length", str(len(data) - start))
            if start:
                self.send_header("Content-Range", f"bytes {start}-{len(data) - 1}/{len(data)}")
            self.send_header("ETag", f'"{hashlib.sha256(data).hexdigest()}"')
            self.send_header("X-Repo-Commit", hub.commit)
            self.end_headers()
            if body:
                self._send(data[start:])

        def _start(self) -> int:
            asked = self.headers.get("Range", "")
            if asked:
                hub.ranges.append(asked)
            return int(asked.removeprefix("bytes=").split("-")[0]) if asked else 0

        def _send(self, data: bytes) -> None:
            if hub.cut_at is not None and len(data) > hub.cut_at:
                data, hub.cut_at = data[: hub.cut_at], None
                self.close_connection = True
            self.wfile.write(data)

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()
