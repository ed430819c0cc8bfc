"""What tests of the page share: a server with the bundled models, a browser, and a tab."""

import os
import pathlib
import unittest

from browser import Browser, find_chromium, host_of
from png import Image
from server import Server

ROOT = pathlib.Path(__file__).resolve().parents[3]
OUTPUT = pathlib.Path(os.environ.get("PAGE_OUTPUT", "page"))
IMAGE = ROOT / "samples" / "mannequin" / "000002.png"  # sent as it is
TINY = ROOT / "models" / "tiny"
TASKS = {"features": "Features", "seg": "Parts", "depth": "Depth", "normal": "Normals", "pose": "Keypoints"}
MODELS = {
    "pose": "sapiens_tiny_pose.safetensors",
    "seg": "sapiens_tiny_seg.safetensors",
    "depth": "sapiens_tiny_depth.safetensors",
    "normal": "sapiens_tiny_normal.safetensors",
    "features": "sapiens_tiny_pretrain_clean.pth",
}
WIDE, PHONE = (1280, 900), (390, 844)
DONE = "[...document.querySelectorAll('#layers > li')].every(row => row.querySelectorAll('.downloads button').length === 2)"

def start_server(name, arguments):
    return Server(os.environ["SAPIENS_PROGRAM"], arguments, OUTPUT / f"{name}.log")


class BrowserTest(unittest.TestCase):
    """Has a server with all bundled models and a browser, which are the same for all tests."""

    browser = None
    server = None

    @staticmethod
    def start():
        OUTPUT.mkdir(parents=True, exist_ok=True)
        models = [word for name, file in MODELS.items() for word in ("--model", f"{name}={TINY / file}")]
        BrowserTest.server = start_server("server", models)
        unittest.addModuleCleanup(BrowserTest.server.stop)
        BrowserTest.browser = Browser(find_chromium(), OUTPUT / "browser.log")
        unittest.addModuleCleanup(BrowserTest.browser.close)


class PageTest(BrowserTest):
    """One tab for all tests of a class, each of which leaves it without complaints."""

    SIZE = WIDE

    @classmethod
    def setUpClass(cls):
        cls.page = cls.browser.open_page(*cls.SIZE)
        cls.addClassCleanup(cls.page.close)
        if cls.SIZE == PHONE:
            cls.page.resize(*PHONE, phone=True)
        cls.open()

    @classmethod
    def open(cls):
        cls.page.go(cls.server.address)
        cls.page.wait(f"document.querySelectorAll('#layers > li').length === {len(TASKS)}")

    @classmethod
    def open_with_image(cls):
        cls.open()
        cls.page.choose_file("#file", IMAGE)
        cls.page.wait(DONE)

    def tearDown(self):
        self.assertEqual(self.page.complaints, [])
        hosts = {host_of(address) for address in self.page.addresses} - {None}
        self.assertLessEqual(hosts, {self.server.host})

    def screenshot(self, name, selector=None):
        data = self.page.image_of(selector)
        (OUTPUT / f"{name}.png").write_bytes(data)
        return Image(data)

    def stage(self, name, *tasks):
        """The image with the layers of these tasks and no others."""
        for task in TASKS:
            if self.page.get(f"document.getElementById('show-{task}').checked") != (task in tasks):
                self.page.click_on(f"#show-{task}")
        return self.screenshot(name, "#stage")

    def focused(self):
        """What a person would call the element that has the focus."""
        return self.page.get("""(() => {
            const element = document.activeElement;
            return element.id || element.getAttribute('aria-label') || element.innerText.split('\\n')[0];
        })()""")

    def tab_to(self, name):
        self.page.get("document.activeElement.blur()")
        for _ in range(100):
            self.page.press("Tab")
            if self.focused() == name:
                return
        self.fail(f"the tab key does not reach {name}")
