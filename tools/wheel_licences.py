#!/usr/bin/env python3
"""Puts the licences of the libraries that a wheel carries along into it, as Debian's and Ubuntu's packages have them.

    wheel_licences.py PLAIN_WHEEL REPAIRED_WHEEL

`auditwheel repair` made the second from the first, and is asked nothing: what the modules of the first are linked with
says where the libraries of the second came from. Libraries that are headers alone are part of the module. Into
licenses/bundled/ go the copyright file of each package, the licences of /usr/share/common-licenses that those refer
to, and libraries.txt, which says what belongs to what and of which source it was built. Fails for a library that
belongs to no package.
"""

import base64
import csv
import hashlib
import io
import os
import re
import subprocess
import sys
import tempfile
from pathlib import Path, PurePosixPath
from zipfile import ZIP_DEFLATED, ZipFile

DOCUMENTS = Path("/usr/share/doc")
COMMON = Path("/usr/share/common-licenses")
HEADERS = ("nlohmann/json.hpp", "pybind11/pybind11.h")


def output_of(*command):
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout


def linked_libraries(wheel):
    """Where the libraries lie that modules of a wheel are linked with, by their names without numbers."""
    found = {}
    with tempfile.TemporaryDirectory() as folder, ZipFile(wheel) as archive:
        archive.extractall(folder)
        for module in Path(folder).rglob("*.so"):
            for name, path in re.findall(r"(\S+) => (/\S+)", output_of("ldd", str(module))):
                found[name.split(".")[0]] = path
    return found


def package_of(path):
    """The package that a file belongs to; some say /lib where others say /usr/lib."""
    real = os.path.realpath(path)
    for spelling in (real, real.removeprefix("/usr")):
        ran = subprocess.run(["dpkg-query", "-S", spelling], capture_output=True, text=True)
        if ran.returncode == 0:
            return ran.stdout.split(":")[0]
    sys.exit(f"{path} belongs to no package, so nobody knows its licence")


def licences_of(libraries):
    """The files of licenses/bundled/, by name, for the paths of libraries by their names in the wheel."""
    files, lines = {}, []
    for name, path in sorted(libraries.items()):
        package = package_of(path)
        source = output_of("dpkg-query", "-W", "-f", "${source:Package} ${source:Version}\n", package)
        lines.append(f"{name}: {package}.txt, from the source of {source.splitlines()[0]}")
        files[f"{package}.txt"] = (DOCUMENTS / package / "copyright").read_bytes()
    for text in list(files.values()):
        for name in re.findall(rf"{COMMON}/([\w.+-]*\w)".encode(), text):
            common = COMMON / name.decode()
            if common.is_file():
                files[f"common-licenses/{common.name}.txt"] = common.read_bytes()
    files["libraries.txt"] = "".join(f"{line}\n" for line in lines).encode()
    return files


def add_files(wheel, files):
    """Adds files to the folder of a wheel that tells about it, and to its RECORD."""
    wheel = Path(wheel)
    changed = wheel.with_suffix(".tmp")
    with ZipFile(wheel) as old, ZipFile(changed, "w", ZIP_DEFLATED) as new:
        (record,) = [name for name in old.namelist() if name.endswith(".dist-info/RECORD")]
        rows = list(csv.reader(io.StringIO(old.read(record).decode())))
        for item in old.infolist():
            if item.filename != record:
                new.writestr(item, old.read(item))
        for name, data in sorted(files.items()):
            path = str(PurePosixPath(record).parent / name)
            digest = base64.urlsafe_b64encode(hashlib.sha256(data).digest()).rstrip(b"=").decode()
            new.writestr(path, data)
            rows.insert(0, [path, f"sha256={digest}", str(len(data))])
        written = io.StringIO()
        csv.writer(written, lineterminator="\n").writerows(rows)
        new.writestr(record, written.getvalue())
    changed.replace(wheel)


def main():
    plain, repaired = sys.argv[1:]
    origins = linked_libraries(plain)
    with ZipFile(repaired) as archive:
        carried = [PurePosixPath(name).name for name in archive.namelist() if ".libs/lib" in name]
    libraries = {header: f"/usr/include/{header}" for header in HEADERS}
    for name in carried:
        # libpng16-9da6de2c.so.16 was libpng16.so.16
        origin = re.sub(r"-[0-9a-f]{8}$", "", name.split(".")[0])
        if origin not in origins:
            sys.exit(f"{name}: {plain} is linked with no such library")
        libraries[name] = origins[origin]
    files = licences_of(libraries)
    add_files(repaired, {f"licenses/bundled/{name}": data for name, data in files.items()})
    print(f"wheel_licences: {len(libraries)} libraries, {len(files) - 1} texts")


if __name__ == "__main__":
    main()
