// Features of one picture: open a checkpoint, see what was loaded, run, read numbers.
#include <iostream>
#include <sapiens/sapiens.hpp>

int main(int argc, char** argv) {
  if (argc != 3) {
    std::cerr << "usage: features_example CHECKPOINT PICTURE\n";
    return 2;
  }
  try {
    const auto checkpoint = sapiens::Checkpoint::open(argv[1]);
    std::cout << checkpoint.inspect().text();

    sapiens::FeatureExtractor extractor(checkpoint);
    const auto features = extractor.run(sapiens::Image::read(argv[2]));

    // One entry per requested layer, [B, C, gh, gw]; by default the last one.
    const sapiens::FloatArray& map = features.front().values;
    const sapiens::TensorView<const float, 4> view(
        map.values.data(), {map.shape[0], map.shape[1], map.shape[2], map.shape[3]});
    std::cout << "featmap " << view.extent(1) << "x" << view.extent(2) << "x" << view.extent(3)
              << ", channel 0 of the middle patch: "
              << view[0][0][view.extent(2) / 2][view.extent(3) / 2] << "\n";
  } catch (const sapiens::Error& error) {
    std::cerr << error.what() << "\n";
    return 1;
  }
}
