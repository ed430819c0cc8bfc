// Finds the keypoints of the person in an image: open a pose checkpoint, run, read points.
#include <iostream>
#include <sapiens/sapiens.hpp>

int main(int argc, char** argv) {
  if (argc != 3) {
    std::cerr << "usage: pose_example CHECKPOINT IMAGE\n";
    return 2;
  }
  try {
    sapiens::TaskModel model(sapiens::Checkpoint::open(argv[1]), {.task = "pose"});
    const auto image = sapiens::Image::read(argv[2]);

    // Without boxes, one person is assumed to fill the image; with boxes, there is one pose per
    // box.
    for (const sapiens::Pose& pose : model.pose(image)) {
      for (const sapiens::Keypoint& point : pose.keypoints) {
        std::cout << point.x << " " << point.y << " " << point.score << "\n";
      }
    }
  } catch (const sapiens::Error& error) {
    std::cerr << error.what() << "\n";
    return 1;
  }
}
