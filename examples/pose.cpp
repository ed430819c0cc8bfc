// Finds the keypoints of the person in an image: open a pose checkpoint, run, read points.
#include <iostream>
#include <sapiens/sapiens.hpp>

int main(int argc, char** argv) {
  if (argc != 3) {
    std::cerr << "usage: pose_example CHECKPOINT IMAGE\n";
    return 2;
  }
  try {
    sapiens::TaskModel model(sapiens::Checkpoint::open(argv[1]),
                             {.expected_task = sapiens::Task::Pose});
    const auto image = sapiens::Image::read(argv[2]);

    // Without boxes, one person fills the image; with boxes, one pose for each.
    for (const auto& pose : sapiens::results_as<sapiens::Pose>(model.run(image))) {
      for (const sapiens::Keypoint& point : pose.keypoints) {
        std::cout << point.x << " " << point.y << " " << point.score << "\n";
      }
    }
  } catch (const sapiens::Error& error) {
    std::cerr << error.what() << "\n";
    return 1;
  }
}
