#include <cstdio>
#include <sapiens/sapiens.hpp>
#include <string>
#include <vector>

// Whether the installed module is found and loaded.
int check_video() {
  std::string why;
  if (sapiens::video_available(&why)) return 0;
  std::fprintf(stderr, "%s\n", why.c_str());
  return 1;
}

#ifdef DOWNLOADS
// Nothing is asked of the hub: this is about linking.
void open_hub() { const sapiens::Hub hub({.folder = "."}); }
#else
void open_hub() {}
#endif

// Runs a tiny encoder, so that every layer of the library is really linked.
int main(int argument_count, char** arguments) {
  if (argument_count > 1 && std::string(arguments[1]) == "--video") return check_video();
  open_hub();
  auto encoder = sapiens::Encoder::random({.arch = "tiny"}, {.threads = 1});
  const sapiens::Grid size = encoder.input_size();
  const std::vector<float> image(static_cast<std::size_t>(3 * size.height * size.width), 0.5f);
  const auto run = encoder.run({image.data(), {1, 3, size.height, size.width}});
  const auto& shape = run.layers.at(0).values.shape;
  if (shape.size() != 4) return 1;
  std::printf("sapiens %s: featmap %lldx%lldx%lld\n", SAPIENS_VERSION,
              static_cast<long long>(shape[1]), static_cast<long long>(shape[2]),
              static_cast<long long>(shape[3]));
  return 0;
}
