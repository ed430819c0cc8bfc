# docker build -t sapiens . && docker run --rm -v "$PWD:/work" sapiens inspect model.pth
FROM debian:12-slim AS build
WORKDIR /src
COPY tools/setup.sh tools/setup.sh
RUN tools/setup.sh
COPY . .
RUN cmake --preset release -DSAPIENS_BUILD_TESTS=OFF -DSAPIENS_BUILD_EXAMPLES=OFF -DSAPIENS_BUILD_MANNEQUIN=OFF \
    && cmake --build --preset release \
    && cd build/release && cpack -G DEB -B /packages

# apt finds what the packages depend on; nothing of the build comes along.
FROM debian:12-slim
RUN --mount=type=bind,from=build,source=/packages,target=/packages \
    apt-get update \
    && apt-get install -y --no-install-recommends /packages/sapiens_*.deb /packages/sapiens-onnx_*.deb \
       /packages/libsapiens-c*.deb \
    && rm -rf /var/lib/apt/lists/*
RUN useradd --create-home sapiens
USER sapiens
WORKDIR /work
ENTRYPOINT ["sapiens"]
CMD ["--help"]
