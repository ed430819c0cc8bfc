# Builds the Conan package with the libraries that tools/setup.sh installs, without a remote:
#   conan create . -pr:a tests/install/conan/debian12.profile
[settings]
os=Linux
arch=x86_64
build_type=Release
compiler=gcc
compiler.version=12
compiler.libcxx=libstdc++11
compiler.cppstd=20

[platform_requires]
cli11/2.3.2
cpp-httplib/0.11.4
fmt/9.1.0
libcurl/7.88.1
libjpeg-turbo/2.1.5
libpng/1.6.39
libwebp/1.2.4
nlohmann_json/3.11.2
opencv/4.6.0
openexr/3.1.5
openssl/3.0.17
