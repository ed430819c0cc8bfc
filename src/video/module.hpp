#pragma once

#include <cstddef>
#include <cstdint>

/// What the library and its module `sapiens_videoio` say to each other. They are two files that may
/// come from two builds: no exception and no type of the standard library crosses over, and a
/// module of another `kModuleVersion` is not used.
namespace sapiens::video {

/// Raised with every change of this file.
inline constexpr std::uint32_t kModuleVersion = 2;
inline constexpr const char* kModuleFile = "sapiens_videoio.so";
inline constexpr const char* kModuleEntry = "sapiens_videoio_module";

enum class Outcome : int { Done, End, OutOfMemory, Failed };

/// Pixels in OpenCV's order, blue first; `stride` bytes from row to row.
struct Frame {
  const std::uint8_t* bgr = nullptr;
  int width = 0, height = 0;
  std::size_t stride = 0;
};

class FrameSource {
 public:
  virtual ~FrameSource() = default;
  /// As OpenCV says it, which may be nonsense: zero, negative, NaN.
  virtual double rate() const noexcept = 0;
  virtual double frames() const noexcept = 0;
  virtual int width() const noexcept = 0;
  virtual int height() const noexcept = 0;
  /// Decodes the next frame.
  virtual Outcome grab() noexcept = 0;
  /// When the frame that was grabbed is shown, in milliseconds, as OpenCV says it: from the start
  /// of a file's stream, from any moment for a camera; 0 or nonsense where it has no time stamp.
  virtual double position() const noexcept = 0;
  /// The frame that was grabbed, upright; valid until the next grab.
  virtual Outcome retrieve(Frame& frame) noexcept = 0;
};

class FrameSink {
 public:
  virtual ~FrameSink() = default;
  virtual Outcome write(const Frame& frame) noexcept = 0;
  /// Writes what is pending and closes the file. OpenCV does not tell whether that worked.
  virtual void finish() noexcept = 0;
};

/// All of the module. What `open_file`, `open_camera` and `create_file` return is the caller's to
/// delete; null means failure.
struct Module {
  std::uint32_t version;
  FrameSource* (*open_file)(const char* path) noexcept;
  FrameSource* (*open_camera)(int index) noexcept;
  /// `code` is the four characters of the codec; the container follows from the path's ending.
  FrameSink* (*create_file)(const char* path, const char* code, double rate, int width,
                            int height) noexcept;
  /// What FFmpeg or OpenCV last complained about in this thread since `forget_reason`; may be
  /// empty.
  const char* (*reason)() noexcept;
  void (*forget_reason)() noexcept;
};

}  // namespace sapiens::video
