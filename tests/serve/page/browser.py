"""Chromium without a display, spoken to through a pipe.

The DevTools protocol over `--remote-debugging-pipe` is JSON texts with a zero byte after each. So
there is no driver whose version has to fit, no port to find, and nothing beyond Python's own library.
"""

import base64
import json
import os
import re
import select
import shutil
import subprocess
import tempfile
import time

# Only a test that has failed waits so long; a machine may be busy.
PATIENCE_SECONDS = 120

ARGUMENTS = [
    "--headless=new",
    "--remote-debugging-pipe",
    "--no-sandbox",  # root has none
    "--disable-dev-shm-usage",  # containers have little
    "--disable-gpu",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-proxy-server",
    "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1",
    "--hide-scrollbars",
    "--force-color-profile=srgb",
]


def find_chromium():
    """The program, or nothing where there is none that can be used."""
    for name in ("chromium", "google-chrome"):
        path = shutil.which(name)
        # Snaps see neither the folders of others below /tmp nor the pipe.
        if path and "/snap/" not in os.path.realpath(path) and not path.startswith("/snap/"):
            return path
    return None


class ProtocolError(Exception):
    """What the browser refused."""


class Browser:
    """A running Chromium with a profile of its own."""

    def __init__(self, program, log_path):
        self._profile = tempfile.TemporaryDirectory(ignore_cleanup_errors=True)
        to_browser, self._to = os.pipe()
        self._from, from_browser = os.pipe()
        log = open(log_path, "wb")

        def place_pipes():  # it reads from 3 and writes to 4
            ends = [os.dup(to_browser), os.dup(from_browser)]
            os.dup2(ends[0], 3)
            os.dup2(ends[1], 4)

        with log:
            self._process = subprocess.Popen(
                [program, *ARGUMENTS, f"--user-data-dir={self._profile.name}", "about:blank"],
                stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                pass_fds=(3, 4), preexec_fn=place_pipes)
        os.close(to_browser)
        os.close(from_browser)
        self._unread = b""
        self._number = 0
        self._pages = {}  # by session

    def open_page(self, width, height):
        """A tab of its own, of that size in CSS pixels, with nothing in it yet."""
        context = self.call("Target.createBrowserContext")["browserContextId"]
        target = self.call("Target.createTarget", url="about:blank", browserContextId=context)["targetId"]
        session = self.call("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
        page = Page(self, session, context)
        self._pages[session] = page
        page.prepare(width, height)
        return page

    def forget(self, session):
        del self._pages[session]

    def call(self, method, session=None, **parameters):
        """Asks for something and waits for the answer."""
        self._number += 1
        number = self._number
        message = {"id": number, "method": method, "params": parameters}
        if session:
            message["sessionId"] = session
        self._write(json.dumps(message).encode() + b"\0")
        deadline = time.monotonic() + PATIENCE_SECONDS
        while True:
            answer = self._read(deadline)
            if answer is None:
                raise TimeoutError(f"{method} was not answered")
            if answer.get("id") == number:
                break
        if "error" in answer:
            raise ProtocolError(f"{method}: {answer['error']['message']}")
        return answer["result"]

    def listen(self, seconds):
        """Takes in what the browser tells by itself, for so long or until it has told something."""
        self._read(time.monotonic() + seconds)

    def close(self):
        try:
            self.call("Browser.close")
            self._process.wait(PATIENCE_SECONDS)
        except (OSError, EOFError, TimeoutError, subprocess.TimeoutExpired):
            self._process.kill()
            self._process.wait()
        os.close(self._to)
        os.close(self._from)
        self._profile.cleanup()

    def _write(self, data):
        while data:
            data = data[os.write(self._to, data):]

    def _read(self, deadline):
        """The next message, which is with its page if it is about one; None after the deadline."""
        while b"\0" not in self._unread:
            ready, _, _ = select.select([self._from], [], [], max(0, deadline - time.monotonic()))
            if not ready:
                return None
            block = os.read(self._from, 1 << 20)
            if not block:
                raise EOFError("the browser has ended; its own words are in browser.log")
            self._unread += block
        text, self._unread = self._unread.split(b"\0", 1)
        message = json.loads(text)
        if "method" in message and message.get("sessionId") in self._pages:
            self._pages[message["sessionId"]].note(message["method"], message["params"])
        elif "method" in message and message["method"].startswith("Browser.download"):
            for page in self._pages.values():
                page.note(message["method"], message["params"])
        return message


class Page:
    """A tab, and what happened in it: what it asked for, what it complained about, what it saved."""

    def __init__(self, browser, session, context):
        self._browser = browser
        self._session = session
        self._context = context
        self.complaints = []
        self.addresses = []
        self.saved = {}  # file name to the unique name it was saved under
        self.choosers = 0
        self._names = {}

    def call(self, method, **parameters):
        return self._browser.call(method, self._session, **parameters)

    def prepare(self, width, height):
        for domain in ("Page", "Runtime", "Log", "Network", "DOM"):
            self.call(f"{domain}.enable")
        self.call("Page.setInterceptFileChooserDialog", enabled=True)
        self.call("Page.bringToFront")  # one that is behind draws no frames
        self.resize(width, height)

    def resize(self, width, height, phone=False):
        self.call("Emulation.setDeviceMetricsOverride", width=width, height=height, deviceScaleFactor=1, mobile=phone)
        self.call("Emulation.setTouchEmulationEnabled", enabled=phone)

    def close(self):
        self._browser.forget(self._session)
        self._browser.call("Target.disposeBrowserContext", browserContextId=self._context)

    def note(self, method, parameters):
        if method == "Network.requestWillBeSent":
            self.addresses.append(parameters["request"]["url"])
        elif method == "Runtime.exceptionThrown":
            details = parameters["exceptionDetails"]
            self.complaints.append(details.get("exception", {}).get("description", details["text"]))
        elif method == "Runtime.consoleAPICalled":
            self.complaints.append(" ".join(str(one.get("value", "")) for one in parameters["args"]))
        elif method == "Log.entryAdded":
            self.complaints.append(parameters["entry"]["text"])
        elif method == "Page.fileChooserOpened":
            self.choosers += 1
        elif method == "Browser.downloadWillBegin":
            self._names[parameters["guid"]] = parameters["suggestedFilename"]
        elif method == "Browser.downloadProgress" and parameters["state"] == "completed":
            self.saved[self._names[parameters["guid"]]] = parameters["guid"]
        elif method == "Browser.downloadProgress" and parameters["state"] == "canceled":
            self.complaints.append(f"{self._names[parameters['guid']]} was not saved")

    # What is on the page.

    def go(self, address):
        self.call("Page.navigate", url=address)
        self.wait("document.readyState === 'complete'")

    def get(self, expression):
        """The value of an expression of JavaScript."""
        answer = self.call("Runtime.evaluate", expression=expression, returnByValue=True, awaitPromise=True)
        if "exceptionDetails" in answer:
            raise ProtocolError(answer["exceptionDetails"].get("exception", {}).get("description", expression))
        return answer["result"].get("value")

    def wait(self, expression):
        """Until an expression is true. Returns its value."""
        return self.wait_for(lambda: self.get(expression), expression)

    def wait_for(self, condition, name):
        deadline = time.monotonic() + PATIENCE_SECONDS
        while True:
            value = condition()
            if value:
                return value
            if time.monotonic() > deadline:
                raise TimeoutError(f"{name} has not come true; the page says: {self.get('document.body.innerText')}")
            self._browser.listen(0.05)

    def text(self, selector):
        return self.get(f"document.querySelector({json.dumps(selector)}).innerText")

    def place(self, selector):
        """Left, top, width and height in the window, into which it is scrolled."""
        return self.get(f"""(() => {{
            const element = document.querySelector({json.dumps(selector)});
            element.scrollIntoView({{block: 'nearest', behavior: 'instant'}});
            const {{left, top, width, height}} = element.getBoundingClientRect();
            return [left, top, width, height];
        }})()""")

    def image_of(self, selector=None):
        """A PNG of an element, or of the whole page."""
        if selector is None:
            size = self.call("Page.getLayoutMetrics")["cssContentSize"]
            clip = {"x": 0, "y": 0, "width": size["width"], "height": size["height"], "scale": 1}
        else:
            left, top, width, height = self.place(selector)
            x, y = self.get("[scrollX, scrollY]")
            clip = {"x": left + x, "y": top + y, "width": width, "height": height, "scale": 1}
        answer = self.call("Page.captureScreenshot", format="png", clip=clip, captureBeyondViewport=True,
                           optimizeForSpeed=True)
        return base64.b64decode(answer["data"])

    # What a person does.

    def move(self, x, y):
        self.call("Input.dispatchMouseEvent", type="mouseMoved", x=x, y=y)

    def click(self, x, y):
        self.move(x, y)
        for kind in ("mousePressed", "mouseReleased"):
            self.call("Input.dispatchMouseEvent", type=kind, x=x, y=y, button="left", clickCount=1)

    def click_on(self, selector):
        """Where it has come to rest, and nothing else lies over it."""
        x, y = self.wait_for(lambda: self.settled(selector), f"a place to click on {selector}")
        self.click(x, y)

    def settled(self, selector):
        """The middle of an element that has not moved for two frames and is hit there; nothing otherwise."""
        return self.get(f"""(async () => {{
            const element = document.querySelector({json.dumps(selector)});
            element.scrollIntoView({{block: 'nearest', behavior: 'instant'}});
            const place = () => {{
                const {{left, top, width, height}} = element.getBoundingClientRect();
                return [left + width / 2, top + height / 2];
            }};
            const frame = () => new Promise(requestAnimationFrame);
            const before = place();
            await frame();
            await frame();
            const [x, y] = place();
            return x === before[0] && y === before[1] && element.contains(document.elementFromPoint(x, y)) ? [x, y] : null;
        }})()""")

    def press(self, key, shift=False):
        text = {"Enter": "\r", " ": " "}.get(key, "")
        code = {"Tab": 9, "Enter": 13, "Escape": 27, " ": 32, "End": 35, "Home": 36,
                "ArrowLeft": 37, "ArrowUp": 38, "ArrowRight": 39, "ArrowDown": 40}[key]
        common = {"key": key, "code": "Space" if key == " " else key, "windowsVirtualKeyCode": code,
                  "modifiers": 8 if shift else 0}
        self.call("Input.dispatchKeyEvent", type="keyDown" if text else "rawKeyDown", text=text, **common)
        self.call("Input.dispatchKeyEvent", type="keyUp", **common)

    def type(self, text):
        self.call("Input.insertText", text=text)

    def choose_file(self, selector, path):
        """As the dialog of a file input does."""
        document = self.call("DOM.getDocument")["root"]["nodeId"]
        node = self.call("DOM.querySelector", nodeId=document, selector=selector)["nodeId"]
        self.call("DOM.setFileInputFiles", files=[os.path.abspath(path)], nodeId=node)

    def drop_file(self, selector, path):
        left, top, width, height = self.place(selector)
        data = {"items": [], "files": [os.path.abspath(path)], "dragOperationsMask": 1}
        for kind in ("dragEnter", "dragOver", "drop"):
            self.call("Input.dispatchDragEvent", type=kind, x=left + width / 2, y=top + height / 2, data=data)

    def save_to(self, folder):
        """Downloads of this tab go to files there, named as in `saved`."""
        self._browser.call("Browser.setDownloadBehavior", behavior="allowAndName", eventsEnabled=True,
                           browserContextId=self._context, downloadPath=os.path.abspath(folder))


def host_of(address):
    """The host and port of an address; nothing for one that is no request to anybody."""
    found = re.match(r"https?://([^/]*)", address)
    return found.group(1) if found else None
