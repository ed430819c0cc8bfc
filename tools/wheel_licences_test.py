#!/usr/bin/env python3
"""Tests of wheel_licences.py with a library that every system of Debian's family has."""

import base64
import csv
import hashlib
import shutil
import tempfile
import unittest
from pathlib import Path
from zipfile import ZipFile

import wheel_licences

LIBRARY = "libsome-0123abcd.so.6"


def path_of_libc():
    for line in wheel_licences.output_of("ldd", "/bin/sh").splitlines():
        if "libc.so" in line:
            return line.split()[2]
    raise AssertionError("/bin/sh is linked with no libc")


@unittest.skipUnless(shutil.which("dpkg-query"), "not a system of Debian's family")
class WheelLicences(unittest.TestCase):
    def test_every_library_has_the_licence_of_its_package(self):
        files = wheel_licences.licences_of({LIBRARY: path_of_libc()})
        line = files["libraries.txt"].decode()
        self.assertRegex(line, rf"^{LIBRARY}: libc6\.txt, from the source of glibc \d\S+\n$")
        self.assertIn(b"GNU", files["libc6.txt"])

    def test_licences_that_are_referred_to_come_too(self):
        files = wheel_licences.licences_of({LIBRARY: path_of_libc()})
        self.assertIn("/usr/share/common-licenses/LGPL-2.1", files["libc6.txt"].decode())
        self.assertIn(b"GNU LESSER GENERAL PUBLIC LICENSE", files["common-licenses/LGPL-2.1.txt"])

    def test_a_library_of_no_package_is_refused(self):
        with tempfile.NamedTemporaryFile() as file, self.assertRaisesRegex(SystemExit, "no package"):
            wheel_licences.licences_of({LIBRARY: file.name})

    def test_what_is_added_is_recorded(self):
        with tempfile.TemporaryDirectory() as folder:
            wheel = Path(folder) / "some-1.0-py3-none-any.whl"
            with ZipFile(wheel, "w") as archive:
                archive.writestr("some/__init__.py", "kept")
                archive.writestr("some-1.0.dist-info/RECORD", "some/__init__.py,,\nsome-1.0.dist-info/RECORD,,\n")
            wheel_licences.add_files(wheel, {"licenses/text.txt": b"words"})
            with ZipFile(wheel) as archive:
                self.assertEqual(archive.read("some/__init__.py"), b"kept")
                self.assertEqual(archive.read("some-1.0.dist-info/licenses/text.txt"), b"words")
                rows = list(csv.reader(archive.read("some-1.0.dist-info/RECORD").decode().splitlines()))
            self.assertEqual(sorted(row[0] for row in rows), sorted(archive.namelist()))
            digest = base64.urlsafe_b64encode(hashlib.sha256(b"words").digest()).decode().rstrip("=")
            self.assertIn(["some-1.0.dist-info/licenses/text.txt", f"sha256={digest}", "5"], rows)


if __name__ == "__main__":
    unittest.main()
