#include "image/opencv_failure.hpp"

#include <opencv2/core.hpp>
#include <stdexcept>
#include <string>
#include <typeinfo>

#include "sapiens/error.hpp"

namespace sapiens {

void rethrow_from_opencv() {
  try {
    throw;
  } catch (const cv::Exception& failure) {
    if (failure.code != cv::Error::StsNoMem) {
      throw Error(ErrorCode::Internal, {.summary = "OpenCV failed",
                                        .actual = failure.err,
                                        .hint = "please report this as a bug"});
    }
    throw Error(ErrorCode::OutOfResources,
                {.summary = "not enough memory to resize or draw an image",
                 .actual = failure.err,  // "Failed to allocate 3686400 bytes"
                 .hint = "use smaller images, or allow more memory (ulimit -v)"});
  } catch (const std::runtime_error& failure) {
    // TBB, which runs OpenCV's loops, throws exactly this type where a thread does not start.
    if (typeid(failure) != typeid(std::runtime_error)) throw;
    throw Error(ErrorCode::OutOfResources,
                {.summary = "a thread of OpenCV did not start",
                 .actual = failure.what(),
                 .hint = "allow more threads or memory (ulimit -u, ulimit -v)"});
  }
}

}  // namespace sapiens
