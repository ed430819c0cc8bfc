#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <new>
#include <string>
#include <string_view>

/// The interface between the library and its module `sapiens_videoio`. They are two files that may
/// come from two builds: no exception and no type of the standard library crosses it, and a module
/// with another `kModuleVersion` is not used.
namespace sapiens::video {

/// Incremented with every change of what the module provides.
inline constexpr std::uint32_t kModuleVersion = 3;
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
  /// The frame rate from OpenCV, which may be invalid: zero, negative, NaN.
  virtual double rate() const noexcept = 0;
  virtual double frames() const noexcept = 0;
  virtual int width() const noexcept = 0;
  virtual int height() const noexcept = 0;
  /// Decodes the next frame.
  virtual Outcome grab() noexcept = 0;
  /// The time of the grabbed frame in milliseconds from OpenCV: from the start of a file's stream,
  /// from an arbitrary moment for a camera; 0 or invalid where it has no time stamp.
  virtual double position() const noexcept = 0;
  /// The grabbed frame, upright; valid until the next grab.
  virtual Outcome retrieve(Frame& frame) noexcept = 0;
};

class FrameSink {
 public:
  virtual ~FrameSink() = default;
  virtual Outcome write(const Frame& frame) noexcept = 0;
  /// Writes pending data and closes the file. OpenCV does not report whether that succeeded.
  virtual void finish() noexcept = 0;
};

/// The functions of the module. What `open_file`, `open_camera` and `create_file` put into their
/// last argument the caller deletes; it stays null unless they return Done.
struct Module {
  std::uint32_t version;
  Outcome (*open_file)(const char* path, FrameSource*& source) noexcept;
  Outcome (*open_camera)(int index, FrameSource*& source) noexcept;
  /// `code` is the FourCC of the codec; the extension of the path determines the container.
  Outcome (*create_file)(const char* path, const char* code, double rate, int width, int height,
                         FrameSink*& sink) noexcept;
  /// The last error message of FFmpeg or OpenCV in this thread since `forget_reason`; may be empty.
  const char* (*reason)() noexcept;
  void (*forget_reason)() noexcept;
};

/// The video module, for the library alone, loaded on first use (core/find_part.hpp describes where
/// it is searched). Throws Error(UnsupportedFormat) that names `file` where there is none.
const Module& require_module(std::string_view file);

/// What `open` puts into its argument; null where it failed. Throws std::bad_alloc.
template <typename T, typename Open>
std::unique_ptr<T> open_part(Open open) {
  T* opened = nullptr;
  const Outcome outcome = open(opened);
  std::unique_ptr<T> part(opened);
  if (outcome == Outcome::OutOfMemory) throw std::bad_alloc();
  return part;
}

/// `Module::reason` without the line feed in which a message of FFmpeg ends.
std::string reason_of(const Module& module);

}  // namespace sapiens::video
