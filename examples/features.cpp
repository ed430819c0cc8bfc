// Computes the features of one image: open a checkpoint, see what was loaded, run, read numbers.
#include <iostream>
#include <sapiens/sapiens.hpp>

int main(int argc, char** argv) {
  if (argc != 3) {
    std::cerr << "usage: features_example CHECKPOINT IMAGE\n";
    return 2;
  }
  try {
    const auto checkpoint = sapiens::Checkpoint::open(argv[1]);
    std::cout << checkpoint.inspect().text();

    sapiens::Encoder encoder(checkpoint);
    const auto run = encoder.run(sapiens::Image::read(argv[2]));

    // There is one entry per requested layer, [B, C, gh, gw]; by default the last one.
    const auto featmap = run.layers.front().values.view<4>();
    std::cout << "featmap " << featmap.extent(1) << "x" << featmap.extent(2) << "x"
              << featmap.extent(3) << ", channel 0 of the middle patch: "
              << featmap[0][0][featmap.extent(2) / 2][featmap.extent(3) / 2] << "\n";
  } catch (const sapiens::Error& error) {
    std::cerr << error.what() << "\n";
    return 1;
  }
}
