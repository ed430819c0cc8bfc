"""The page of `sapiens serve` in a browser, with the bundled models.

What is on the screen is compared with what the server answers, never with images of an earlier
version. Screenshots lie in the folder PAGE_OUTPUT afterwards. Without a browser there is nothing to test, and the exit
code says so: 77.
"""

import json
import math
import pathlib
import re
import sys
import tempfile
import unittest

from browser import find_chromium
from page_case import (DONE, MODELS, OUTPUT, PHONE, IMAGE, ROOT, TASKS, TINY, WIDE, BrowserTest, PageTest,
                       start_server)
from png import Image
from server import read_floats


def setUpModule():
    BrowserTest.start()


class AnEmptyPage(PageTest):
    def setUp(self):
        self.open()

    def test_offers_every_task_of_the_server(self):
        self.screenshot("empty")
        self.assertEqual(self.page.get("[...document.querySelectorAll('#layers .name')].map(name => name.innerText)"),
                         list(TASKS.values()))
        self.assertTrue(self.page.get("[...document.querySelectorAll('#layers input')].every(input => input.disabled)"))

    def test_opens_the_dialog_for_the_keyboard(self):
        self.tab_to("file")
        for number, key in enumerate(("Enter", " "), 1):
            self.page.press(key)
            self.page.wait_for(lambda: self.page.choosers == number, "a dialog for a file")

    def test_takes_an_image_that_is_dropped(self):
        self.page.drop_file("#drop", IMAGE)
        self.page.wait(DONE)
        self.assertGreater(self.stage("dropped").colours(), 100)

    def test_says_what_is_wrong_with_a_file_that_is_no_image(self):
        self.page.choose_file("#file", __file__)
        self.page.wait("!document.getElementById('problem').hidden")
        self.assertEqual(self.page.text("#problem"), "page_test.py is not an image that this browser can read")


class AnImage(PageTest):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.open_with_image()

    def test_has_a_layer_for_every_task(self):
        alone = self.stage("layer-none")
        self.assertGreater(alone.colours(), 1000)
        layers = {task: self.stage(f"layer-{task}", task) for task in TASKS}
        for task, layer in layers.items():
            # Keypoints are lines; what else is drawn covers the person at least.
            self.assertGreater(layer.changed(alone), 0.005 if task == "pose" else 0.1, task)
        for task, layer in layers.items():
            for other in TASKS:
                if other < task:
                    self.assertGreater(layer.changed(layers[other]), 0.05, f"{task} and {other}")

    def test_shows_as_much_of_a_layer_as_the_slider_says(self):
        alone = self.stage("opacity-none")
        self.stage("opacity-start", "features")
        self.tab_to("Opacity of Features")
        self.page.press("Home")
        self.assertEqual(self.stage("opacity-0", "features").changed(alone), 0)
        for _ in range(30):
            self.page.press("ArrowRight")
        some = self.stage("opacity-30", "features")
        self.page.press("End")
        all_of_it = self.stage("opacity-100", "features")
        self.assertGreater(some.changed(alone), 0.9)
        self.assertGreater(all_of_it.changed(some), 0.9)
        # With nothing of the image to be seen, a patch is of one colour.
        _, rows, columns = self.shape()
        x, y = all_of_it.width / columns, all_of_it.height / rows
        self.assertEqual(all_of_it.at(2.2 * x, 2.2 * y), all_of_it.at(2.8 * x, 2.8 * y))
        self.assertNotEqual(some.at(2.2 * x, 2.2 * y), some.at(2.8 * x, 2.8 * y))

    def shape(self):
        return read_floats(self.server.post("features", IMAGE, "application/x-npy"))[0]

    def cosines(self, patch):
        """Between the features of one patch and of every patch, computed here from the server's numbers."""
        (channels, rows, columns), numbers = read_floats(self.server.post("features", IMAGE, "application/x-npy"))
        patches = rows * columns
        vectors = [numbers[n::patches] for n in range(patches)]
        norms = [math.sqrt(sum(value * value for value in vector)) for vector in vectors]
        dots = [sum(a * b for a, b in zip(vectors[patch], vector)) for vector in vectors]
        return columns, [dot / (norm * norms[patch]) for dot, norm in zip(dots, norms)]

    def middle_of(self, patch, shape):
        _, rows, columns = shape
        left, top, width, height = self.page.place("canvas.photo")
        return left + (patch % columns + 0.5) * width / columns, top + (patch // columns + 0.5) * height / rows

    def test_shows_how_similar_all_patches_are_to_one_that_is_clicked(self):
        shape = self.shape()
        patch = 5 * shape[2] + 9
        self.stage("features-colours", "features")
        self.page.click(*self.middle_of(patch, shape))
        self.assertEqual(self.page.text("#readout"), "Similarity to the patch in row 5, column 9")
        columns, expected = self.cosines(patch)
        self.assertEqual(self.page.text("#scale-low"), f"{min(expected):.2f}")
        for one in range(0, len(expected), 7):
            self.page.move(*self.middle_of(one, shape))
            shown = float(re.match(r"similarity (\S+)", self.page.text("#readout")).group(1))
            self.assertAlmostEqual(shown, expected[one], delta=0.00051, msg=f"patch {one}")  # 3 decimals

        # The map itself: the more similar, the brighter.
        self.screenshot("features-similarities", "#stage")
        colours = self.page.get("""(() => {
            const canvas = document.querySelector('canvas.patches'), {width, height} = canvas, side = width / %d;
            const {data} = canvas.getContext('2d').getImageData(0, 0, width, height);
            return Array.from({length: %d}, (_, n) => {
                const at = 4 * ((Math.floor(n / %d) + 0.5) * side * width + (n %% %d + 0.5) * side);
                return [...data.slice(at, at + 3)];
            });
        })()""" % (columns, len(expected), columns, columns))
        light = [0.2126 * red + 0.7152 * green + 0.0722 * blue for red, green, blue in colours]
        self.assertEqual(max(range(len(light)), key=light.__getitem__), patch)
        self.assertEqual(light.index(min(light)), expected.index(min(expected)))
        order = sorted(range(len(expected)), key=expected.__getitem__)
        for dark, bright in zip(order, order[1:]):
            self.assertLessEqual(light[dark], light[bright] + 1)  # a byte of rounding

    def test_moves_the_patch_with_the_keyboard(self):
        self.open_with_image()
        _, rows, columns = self.shape()
        row, column = rows // 2, columns // 2
        self.tab_to("stage")
        colours = self.page.text("#readout")
        for key, down, right in (("Enter", 0, 0), ("ArrowUp", -1, 0), ("ArrowLeft", 0, -1), ("ArrowLeft", 0, -1),
                                 ("ArrowDown", 1, 0), ("ArrowRight", 0, 1)):
            self.page.press(key)
            row, column = row + down, column + right
            self.assertEqual(self.page.text("#readout"), f"Similarity to the patch in row {row}, column {column}")
        self.assertEqual(self.page.get("document.getElementById('readout').getAttribute('aria-live')"), "polite")
        self.page.press(" ")
        self.assertEqual(self.page.text("#readout"), colours)
        self.page.press("Enter")  # where it was
        self.assertEqual(self.page.text("#readout"), f"Similarity to the patch in row {row}, column {column}")
        for _ in range(columns + 1):
            self.page.press("ArrowRight")
        self.assertEqual(self.page.text("#readout"), f"Similarity to the patch in row {row}, column {columns - 1}")
        self.page.press("Escape")
        self.assertEqual(self.page.text("#readout"), colours)

    def test_is_worked_on_in_the_order_that_is_seen(self):
        expected = ["stage", "other", "save-view", "size"]
        for task, name in TASKS.items():
            expected += [f"show-{task}", f"Opacity of {name}", f"Save the numbers of {name}", f"Save a drawing of {name}"]
        expected += ["person-only", *(f"{name} equivalent" for name in MODELS), "OpenAPI", "Metrics"]
        self.tab_to("stage")
        order = ["stage"]
        for _ in expected[1:]:
            self.page.press("Tab")
            order.append(self.focused())
        self.assertEqual(order, expected)

    def test_shows_and_hides_a_layer_with_the_space_key(self):
        without = self.stage("space-without")
        self.tab_to("show-seg")
        self.page.press(" ")
        self.assertGreater(self.screenshot("space-with", "#stage").changed(without), 0.1)
        self.page.press(" ")
        self.assertEqual(self.screenshot("space-again", "#stage").changed(without), 0)

    def test_has_the_load_reports_in_words(self):
        models = {model["name"]: model for model in json.loads(self.server.get("v1/models"))["models"]}
        for name in MODELS:
            self.tab_to(f"{name} equivalent")
            self.page.press("Enter")
        self.page.wait("[...document.querySelectorAll('#models details')].every(one => one.open)")
        self.screenshot("reports", "#models")
        for number, name in enumerate(MODELS, 1):
            text = self.page.text(f"#models details:nth-child({number})")
            report = models[name]["report"]["report"]
            self.assertIn(f"{report['bound']} of {report['required']} parameters", text)
            self.assertIn(report["explanation"], text)
            self.assertIn(models[name]["report"]["file"]["path"], text)
            for rule in report["rules"]:
                self.assertIn(f"{rule['rule']} ({rule['count']}): {rule['reason']}", text)
            for note in report["notes"]:
                self.assertIn(note, text)
        self.assertEqual(self.page.get("""[...document.querySelectorAll('#models *')]
            .filter(one => one.scrollWidth > one.clientWidth + 1 && one.clientWidth > 0).map(one => one.outerHTML)"""), [])
        self.page.get("document.querySelectorAll('#models details').forEach(one => one.open = false)")

    def test_tells_the_time_of_every_stage(self):
        self.assertIn("milliseconds", self.page.text("#times caption"))
        table = self.page.get("""[...document.querySelectorAll('#times tr')].map(
            row => [...row.children].map(cell => cell.innerText))""")
        self.assertEqual(table[0][1:], list(TASKS.values()))
        times = {row[0]: [float(cell) for cell in row[1:]] for row in table[1:]}
        self.assertEqual(list(times), ["decode", "preprocess", "queue", "encoder", "head", "post", "in all"])
        for task in range(len(TASKS)):
            self.assertGreater(times["encoder"][task], 0)
            # Each of the six is rounded to a millisecond or better, and so is the sum.
            self.assertGreaterEqual(times["in all"][task] + 4, sum(row[task] for name, row in times.items() if name != "in all"))

    def test_names_what_is_under_the_pointer(self):
        left, top, width, height = self.page.place("canvas.photo")
        self.page.move(left + width / 2, top + height / 2)
        self.assertRegex(self.page.text("#readout"), r"[A-Z][a-z]+( [A-Z][a-z]+)* · depth -?\d\.\d{3} · normal( -?\d\.\d\d){3}$")

    def test_is_legible_in_the_dark(self):
        self.page.call("Emulation.setEmulatedMedia", features=[{"name": "prefers-color-scheme", "value": "dark"}])
        dark = self.screenshot("dark")
        self.page.call("Emulation.setEmulatedMedia", features=[])
        self.assertLess(max(dark.at(3, 3)), 60)
        self.assertGreater(dark.colours(), 1000)


class Downloads(PageTest):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        folder = tempfile.TemporaryDirectory()
        cls.addClassCleanup(folder.cleanup)
        cls.folder = pathlib.Path(folder.name)
        cls.page.save_to(cls.folder)
        cls.open_with_image()

    def saved(self, button, name):
        """The content of the file that a click on `button` saves as `name`."""
        self.page.click_on(button)
        unique = self.page.wait_for(lambda: self.page.saved.get(name), f"a file {name}")
        return (self.folder / unique).read_bytes()

    def test_of_numbers_and_drawings_are_the_answers_of_the_server(self):
        for task, name in TASKS.items():
            numbers = f"[aria-label='Save the numbers of {name}']"
            if task == "pose":
                document = json.loads(self.saved(numbers, f"{IMAGE.stem}-pose.json"))
                expected = json.loads(self.server.post("pose", IMAGE, "application/json"))
                for one in (document, expected):
                    del one["seconds"]
                self.assertEqual(document, expected)
            else:
                self.assertEqual(self.saved(numbers, f"{IMAGE.stem}-{task}.npy"),
                                 self.server.post(task, IMAGE, "application/x-npy"), task)
            self.assertEqual(self.saved(f"[aria-label='Save a drawing of {name}']", f"{IMAGE.stem}-{task}.png"),
                             self.server.post(task, IMAGE, "image/png"), task)

    def test_of_the_view_are_what_is_shown(self):
        self.stage("view", "seg", "pose")
        view = Image(self.saved("#save-view", f"{IMAGE.stem}-view.png"))
        self.assertEqual((view.width, view.height), (384, 512))
        self.assertGreater(view.colours(), 1000)


class OnAPhone(PageTest):
    SIZE = PHONE

    def expect_no_overflow(self):
        self.assertLessEqual(self.page.get("document.documentElement.scrollWidth"), PHONE[0])
        self.assertEqual(self.page.get(f"""[...document.querySelectorAll('body *')]
            .filter(one => one.getBoundingClientRect().right > {PHONE[0]}).map(one => one.outerHTML)"""), [])

    def test_everything_has_room_before_and_after_an_image(self):
        self.expect_no_overflow()
        self.screenshot("phone-empty")
        self.open_with_image()
        self.page.get("document.querySelectorAll('#models details').forEach(one => one.open = true)")
        self.expect_no_overflow()
        left, top, width, height = self.page.place("canvas.photo")
        self.page.click(left + width / 2, top + height / 2)
        self.assertFalse(self.page.get("document.getElementById('scale').hidden"))
        self.expect_no_overflow()
        self.assertGreater(self.screenshot("phone").colours(), 1000)
        self.assertGreater(self.stage("phone-stage", "features").colours(), 100)
        # A fingertip's worth, as WCAG 2.2 has it (2.5.8).
        self.assertEqual(self.page.get("""[...document.querySelectorAll('button, select, summary')]
            .filter(one => one.offsetParent && one.getBoundingClientRect().height < 24).map(one => one.outerHTML)"""), [])


class OtherServers(BrowserTest):
    def serve(self, name, *arguments, task="depth"):
        """A server of its own, and a tab with its page."""
        own = start_server(name, ["--model", str(TINY / MODELS[task]), *arguments])
        self.addCleanup(lambda: self.assertEqual(own.stop(), 0))
        page = self.browser.open_page(*WIDE)
        self.addCleanup(page.close)
        page.go(own.address)
        return page

    def test_are_asked_with_the_token_that_they_want(self):
        with tempfile.TemporaryDirectory() as folder:
            token = pathlib.Path(folder) / "token"
            token.write_text("a-token-of-this-test\n")
            page = self.serve("guarded", "--token-file", str(token))
        page.wait("!document.getElementById('token-form').hidden")
        for text in ("another-token", "a-token-of-this-test"):
            page.click_on("#token")
            page.get("document.getElementById('token').select()")
            page.type(text)
            page.press("Enter")
            if text == "another-token":
                page.wait("/got another token/.test(document.getElementById('problem').innerText)")
        page.wait("document.querySelectorAll('#layers > li').length === 1")
        page.choose_file("#file", IMAGE)
        page.wait(DONE)
        self.assertTrue(page.get("document.getElementById('token-form').hidden && document.getElementById('problem').hidden"))

    def test_may_find_several_persons(self):
        golden = ROOT / "tests" / "data" / "golden" / "rtmdet"
        page = self.serve("persons", "--detector", str(golden / "rtmdet.pth"), task="pose")
        page.wait("document.querySelectorAll('#layers > li').length === 1")
        self.assertEqual(page.get("[...document.querySelectorAll('#models summary strong')].map(one => one.innerText)"),
                         ["sapiens_tiny_pose", "detector"])
        page.choose_file("#file", golden / "image.jpg")
        page.wait(DONE)
        page.get("document.querySelectorAll('#models details').forEach(one => one.open = true)")
        (OUTPUT / "persons.png").write_bytes(page.image_of())
        self.assertIn("detect", page.get("[...document.querySelectorAll('#times tbody th')].map(one => one.innerText)"))
        self.assertEqual(page.complaints, [])

    def test_may_refuse_an_image_and_the_page_says_why(self):
        page = self.serve("small", "--max-pixels", "1000")
        page.wait("document.querySelectorAll('#layers > li').length === 1")
        page.choose_file("#file", IMAGE)
        page.wait("document.querySelector('#layers .state').matches('.failed')")
        self.assertEqual(page.text("#layers .state"),
                         "the image has too many pixels; expected at most 1000; got 384 x 512 (width x height); "
                         "scale it down; networks see it at a few hundred pixels")


if __name__ == "__main__":
    if not find_chromium():
        print("skipped: the page needs Chromium, on Debian: apt-get install --no-install-recommends chromium")
        sys.exit(77)
    unittest.main(verbosity=2)
