"""What the server is asked: every task, every image, and requests that it must refuse."""

import base64
import hashlib
import http.client
import json
import random
import socket
import struct
import threading

BOUNDARY = "soak-boundary"
TASKS = ("features", "pose", "seg", "depth", "normal")
JSON, NPY, PNG = "application/json", "application/x-npy", "image/png"


def _form(fields: dict, image: bytes) -> bytes:
    parts = [
        f'--{BOUNDARY}\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n{value}\r\n'.encode()
        for name, value in fields.items()
    ]
    head = 'Content-Disposition: form-data; name="image"; filename="a"'
    parts.append(f"--{BOUNDARY}\r\n{head}\r\n\r\n".encode() + image + b"\r\n")
    return b"".join(parts) + f"--{BOUNDARY}--\r\n".encode()


FORM = {"Content-Type": f"multipart/form-data; boundary={BOUNDARY}"}
BYTES = {"Content-Type": "application/octet-stream"}


def _without_times(body: bytes, kind: str) -> bytes:
    if not kind.startswith(JSON):
        return body
    document = json.loads(body)
    document.pop("seconds", None)
    return json.dumps(document, sort_keys=True).encode()


class Requests:
    """Calls by name; each is one request, whose answer must be what it was the first time."""

    def __init__(self, port: int, images: dict, bad: dict, answers) -> None:
        self._port, self._answers = port, answers
        self._lock = threading.Lock()
        self.usual = [*self._valid(images), *self._invalid(images, bad)]
        self.rude = self._rude(images["person.jpg"])

    def _ask(self, name: str, method: str, path: str, body=None, headers=None) -> None:
        connection = http.client.HTTPConnection("127.0.0.1", self._port, timeout=120)
        try:
            connection.request(method, path, body, headers or {})
            response = connection.getresponse()
            kind = response.getheader("Content-Type", "")
            body = _without_times(response.read(), kind)
            answer = (response.status, kind, len(body), hashlib.sha256(body).hexdigest())
            good = name.startswith("valid")
            if good != (response.status < 300):
                answer = (*answer, body[:200])
        except (OSError, http.client.HTTPException) as error:
            if not name.startswith("valid"):
                # A server that has refused a request waits 2 seconds for what is left of it; a
                # client that this machine lets wait longer sends into a closed connection.
                with self._lock:
                    self._answers.calls += 1
                return
            answer, good = ("no answer", type(error).__name__), False
        finally:
            connection.close()
        with self._lock:
            self._answers.check(name, answer)
            if name.startswith("valid") and not good:
                self._answers.faults.append(f"{name}: {answer}")

    def _request(self, *arguments):
        return lambda: self._ask(*arguments)

    def _valid(self, images: dict):
        accept = {"features": (JSON, NPY, PNG), "pose": (JSON, PNG)}
        for number, (name, image) in enumerate(images.items()):
            for task in TASKS:
                kinds = accept.get(task, (JSON, NPY, PNG))
                kind = kinds[number % len(kinds)]
                fields = {"model": "encoder"} if task == "features" else {}
                if task == "pose":
                    fields = {
                        "boxes": "0,0,1,1;0,0,400,400",
                        "flip_test": str(bool(number % 2)).lower(),
                    }
                what = f"valid {task} {name} {kind}"
                headers = {**FORM, "Accept": kind}
                yield self._request(what, "POST", f"/v1/{task}", _form(fields, image), headers)
        photo = images["person.jpg"]
        for model in ("encoder", "sapiens2"):
            for out_type in ("featmap", "raw", "cls_token", "avg_featmap", "raw,cls_token"):
                path = (
                    f"/v1/features?model={model}&out_type={out_type}&layer=-2&norm=true&dtype=f16"
                )
                headers = {**BYTES, "Accept": NPY}
                yield self._request(f"valid {path}", "POST", path, photo, headers)
        coded = json.dumps({"image": base64.b64encode(photo).decode(), "array": "mask"})
        headers = {"Content-Type": JSON, "Accept": NPY}
        yield self._request("valid mask as JSON", "POST", "/v1/seg", coded.encode(), headers)
        headers = {**BYTES, "Accept": JSON}
        yield self._request("valid lite", "POST", "/v1/depth?preprocess=lite", photo, headers)
        for path in ("/healthz", "/openapi.json", "/v1/models", "/"):
            yield self._request(f"valid {path}", "GET", path)

    def _invalid(self, images: dict, bad: dict):
        photo = images["64x48.jpg"]
        post = "POST", "/v1/seg"
        for number, (name, image) in enumerate(bad.items()):
            path = f"/v1/{TASKS[number % 5]}"
            path += "?model=encoder" if path == "/v1/features" else ""
            yield self._request(f"refused {name}", "POST", path, image, BYTES)
        cases = {
            "type": (*post, photo, {"Content-Type": "text/html"}),
            "accept": (*post, photo, {**BYTES, "Accept": "audio/ogg"}),
            "path": ("POST", "/v1/other", photo, BYTES),
            "method": ("PUT", "/v1/seg", photo, BYTES),
            "task": ("POST", "/v1/seg?model=pose", photo, BYTES),
            "model": ("POST", "/v1/seg?model=none", photo, BYTES),
            "field": ("POST", "/v1/seg?colour=red", photo, BYTES),
            "twice": ("POST", "/v1/seg?array=mask&array=mask", photo, BYTES),
            "number": ("POST", "/v1/features?model=encoder&layer=99", photo, BYTES),
            "box": ("POST", "/v1/pose?boxes=1,2,3", photo, BYTES),
            "box outside": ("POST", "/v1/pose?boxes=900,900,3,3", photo, BYTES),
            "JSON": (*post, b'{"image": ', {"Content-Type": JSON}),
            "base64": (*post, b'{"image": "@@@@"}', {"Content-Type": JSON}),
            "form": (*post, _form({}, photo)[:-30], FORM),
            "parts": (*post, _form({"image": "x"}, photo), FORM),
            "coding": (*post, photo, {**BYTES, "Content-Encoding": "gzip"}),
            "range": (*post, photo, {**BYTES, "Content-Range": "bytes 0-9/10"}),
            "host": (*post, photo, {**BYTES, "Host": "example.com"}),
            "site": (*post, photo, {**BYTES, "Sec-Fetch-Site": "cross-site"}),
            "chunks": (*post, iter([photo]), BYTES),
            "long path": ("GET", "/" + 9000 * "a"),
        }
        for name, case in cases.items():
            if name == "chunks":
                yield lambda: self._ask("refused chunks", *post, iter([photo]), BYTES)
            else:
                yield self._request(f"refused {name}", *case)

    def _rude(self, photo: bytes) -> list:
        """Bytes that are sent before the connection is ended, and whether it is reset."""
        head = b"POST /v1/seg HTTP/1.1\r\nHost: localhost\r\nContent-Type: image/jpeg\r\n"
        sized = head + b"Content-Length: %d\r\n\r\n" % len(photo)
        huge = head + b"".join(b"X-%d: %s\r\n" % (n, 900 * b"a") for n in range(100)) + b"\r\n"
        data = [b"", b"\x16\x03\x01\x02\x00", b"GET\r\n\r\n", head, sized, sized + photo[:2000]]
        data += [sized + photo, huge, head + b"Content-Length: 99999999999\r\n\r\n", 300000 * b"a"]
        return [(each, reset) for each in data for reset in (False, True)]

    def be_rude(self, data: bytes, reset: bool) -> None:
        """The answer, if there is one, is not read."""
        try:
            with socket.create_connection(("127.0.0.1", self._port), timeout=60) as connection:
                connection.sendall(data)
                if reset:
                    linger = struct.pack("ii", 1, 0)
                    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
        except OSError:
            pass  # The server may have ended the connection first, which is what it should do.
        with self._lock:
            self._answers.calls += 1


def work(requests: Requests, pace, ended) -> None:
    """All calls in a new order each time; now and then several at a time, and persons sought."""
    order = random.Random(1)
    while not ended():
        calls = list(requests.usual) + [
            (lambda data=data, reset=reset: requests.be_rude(data, reset))
            for data, reset in requests.rude
        ]
        order.shuffle(calls)
        while calls and not ended():
            several = [calls.pop() for _ in range(min(len(calls), order.choice((1, 1, 1, 12))))]
            threads = [threading.Thread(target=call) for call in several[1:]]
            for thread in threads:
                thread.start()
            several[0]()
            for thread in threads:
                thread.join()
            pace.rest()
