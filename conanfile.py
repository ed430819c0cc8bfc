"""Conan 2 recipe: `conan create . --build=missing`. docs/packages.md tells what it builds."""

import re
from pathlib import Path

from conan import ConanFile
from conan.tools.build import check_min_cppstd
from conan.tools.cmake import CMake, CMakeDeps, CMakeToolchain, cmake_layout


class SapiensConan(ConanFile):
    name = "sapiens-cpp"
    description = "A native engine for Meta's Sapiens human-vision transformers"
    license = "Apache-2.0"
    package_type = "library"
    test_package_folder = "tests/install/conan"
    settings = "os", "arch", "compiler", "build_type"
    options = {name: [True, False] for name in ("shared", "fPIC", "cli", "downloads", "server")}
    default_options = {"shared": False, "fPIC": True, "cli": True, "downloads": True, "server": True}
    exports_sources = "CMakeLists.txt", "LICENSE", "apps/*", "cmake/*", "include/*", "src/*"

    def set_version(self):
        text = (Path(self.recipe_folder) / "CMakeLists.txt").read_text(encoding="utf-8")
        self.version = re.search(r"^  VERSION (\S+)$", text, re.MULTILINE).group(1)

    def configure(self):
        if not self.options.cli:
            del self.options.server
        # Two modules of OpenCV are used; its codecs, windows and networks are not.
        for unused in ("calib3d", "dnn", "features2d", "highgui", "imgcodecs", "ml", "objdetect", "photo",
                       "stitching", "video", "videoio", "gapi", "flann"):
            setattr(self.options["opencv"], unused, False)

    def requirements(self):
        self.requires("fmt/[>=9]")
        self.requires("libjpeg-turbo/[>=2.1]")
        self.requires("libpng/[>=1.6]")
        self.requires("libwebp/[>=1.2]")
        self.requires("nlohmann_json/[>=3.11]")
        self.requires("opencv/[>=4.5 <5]")
        self.requires("openexr/[>=3.1 <4]")
        if self.options.cli:
            self.requires("cli11/[>=2.2]")
        if self.options.downloads:
            self.requires("libcurl/[>=7.78 <9]")
            self.requires("openssl/[>=3 <4]")
        if self.options.get_safe("server"):
            self.requires("cpp-httplib/[>=0.11]")

    def validate(self):
        check_min_cppstd(self, 20)

    def layout(self):
        cmake_layout(self)

    def generate(self):
        CMakeDeps(self).generate()
        toolchain = CMakeToolchain(self)
        toolchain.cache_variables["SAPIENS_BUILD_CLI"] = bool(self.options.cli)
        toolchain.cache_variables["SAPIENS_DOWNLOADS"] = bool(self.options.downloads)
        toolchain.cache_variables["SAPIENS_SERVER"] = bool(self.options.get_safe("server"))
        for part in ("TESTS", "EXAMPLES", "MANNEQUIN", "PYTHON"):
            toolchain.cache_variables[f"SAPIENS_BUILD_{part}"] = False
        toolchain.cache_variables["SAPIENS_VIDEO"] = False
        toolchain.cache_variables["SAPIENS_ONNX"] = False
        toolchain.generate()

    def build(self):
        cmake = CMake(self)
        cmake.configure()
        cmake.build()

    def package(self):
        CMake(self).install()

    def package_info(self):
        # The project's own files for find_package(sapiens) know best.
        self.cpp_info.set_property("cmake_find_mode", "none")
        self.cpp_info.builddirs = ["lib/cmake/sapiens"]
