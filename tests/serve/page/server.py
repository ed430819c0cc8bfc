"""`sapiens serve`, and requests to it that no browser makes."""

import array
import re
import subprocess
import urllib.request
import uuid


class Server:
    def __init__(self, program, arguments, log_path):
        self._log = open(log_path, "w+")
        self._process = subprocess.Popen(
            [program, "serve", "--port", "0", "--quiet", "--threads", "1", *arguments],
            stdin=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
        self.host = None
        for line in self._process.stderr:
            self._log.write(line)
            found = re.match(r"listening on http://(.*)\n", line)
            if found:
                self.host = found.group(1)
                break
        if self.host is None:
            self.stop()
            raise RuntimeError(f"the server did not start; {log_path} tells why")
        self.address = f"http://{self.host}/"

    def stop(self):
        """Its exit code."""
        self._process.terminate()
        self._log.write(self._process.communicate()[1])
        self._log.close()
        return self._process.returncode

    def get(self, path):
        with _open(urllib.request.Request(self.address + path)) as answer:
            return answer.read()

    def post(self, task, image, accept):
        """What the server answers to a form with the file `image`."""
        boundary = uuid.uuid4().hex
        with open(image, "rb") as file:
            body = (f'--{boundary}\r\nContent-Disposition: form-data; name="image"; filename="a"\r\n\r\n'.encode()
                    + file.read() + f"\r\n--{boundary}--\r\n".encode())
        headers = {"Content-Type": f"multipart/form-data; boundary={boundary}", "Accept": accept}
        with _open(urllib.request.Request(f"{self.address}v1/{task}", body, headers)) as answer:
            return answer.read()


def _open(request):  # whatever proxy the surroundings name
    return urllib.request.build_opener(urllib.request.ProxyHandler({})).open(request, timeout=120)


def read_floats(npy):
    """Shape and numbers of a .npy file of float32."""
    length = int.from_bytes(npy[8:10], "little")
    header = npy[10:10 + length].decode()
    if "'<f4'" not in header:
        raise ValueError(header)
    shape = [int(size) for size in re.search(r"\(([^)]*)\)", header).group(1).split(",") if size.strip()]
    numbers = array.array("f")
    numbers.frombytes(npy[10 + length:])
    return shape, numbers
