#pragma once

#include <filesystem>
#include <memory>
#include <string>

#include "sapiens/image.hpp"
#include "sapiens/tensor_view.hpp"

namespace sapiens {

/// True if videos can be read and written. This needs the module `sapiens_videoio` and OpenCV's
/// videoio. If one of them is missing, `why`, unless null, receives a text that says which, and how
/// to install it. The module is loaded on first use, which takes about 0.2 s and 60 MB.
bool video_available(std::string* why = nullptr);

/// True if a file should be opened as a video and not as an image. Its first bytes decide; if they
/// are inconclusive or cannot be read, its suffix does (.mp4, .mov, .avi, .mkv, .webm ...). False
/// for folders and devices. Never throws and does not need the module.
bool is_video_file(const std::filesystem::path& path);

/// The frames of a video file or a camera, in order.
///
///   VideoReader video = VideoReader::open("walk.mp4");
///   for (Image frame; video.read(frame);) ...
///   const bool complete = video.frames_read() >= video.frames();
///
/// Calls on one reader must not overlap; two readers are independent. After a move, the source may
/// only be assigned to or destroyed.
class VideoReader {
 public:
  /// Opens a regular local file. URLs, devices and patterns of image names are refused. Throws
  /// `Error`: NotFound, UnsupportedFormat (not a video, a codec that FFmpeg lacks, or no module),
  /// CorruptFile, OutOfResources.
  static VideoReader open(const std::filesystem::path& path);

  /// Opens /dev/videoN with N = `index`. Throws `Error`: InvalidArgument, NotFound (no such camera,
  /// busy, or no permission), UnsupportedFormat (no module).
  static VideoReader camera(int index);

  VideoReader(VideoReader&&) noexcept;
  VideoReader& operator=(VideoReader&&) noexcept;
  VideoReader(const VideoReader&) = delete;
  VideoReader& operator=(const VideoReader&) = delete;
  ~VideoReader();

  /// Frames per second; 0 if unknown.
  double rate() const noexcept;
  /// Number of frames according to the header, or an estimate from duration and rate (mkv, webm). 0
  /// if unknown, and for cameras.
  Index frames() const noexcept;
  /// Width of the frames in pixels, after the rotation that the file specifies.
  Index width() const noexcept;
  /// Height of the frames in pixels, likewise.
  Index height() const noexcept;

  /// Reads the next frame into `frame`, whose memory is reused. Returns false at the end, also of a
  /// truncated file (see `frames_read`). Throws `Error`: CorruptFile (no frame could be decoded, a
  /// frame cannot be converted, or the file was changed since it was opened), OutOfResources,
  /// NotFound (the camera was disconnected).
  bool read(Image& frame);
  /// Decodes the next frame without converting it, which is faster than `read`; `retrieve` can
  /// convert it later. Returns false at the end. There is no seeking, because that of OpenCV is not
  /// exact.
  bool skip();
  /// Converts the frame that was read or skipped last. Throws like `read`, and
  /// `Error(InvalidArgument)` before the first frame.
  void retrieve(Image& frame);
  /// Timestamp in seconds of the frame that was read or skipped last, relative to the start of the
  /// video stream or to the first frame of a camera. A missing or decreasing timestamp is replaced
  /// by that of the previous frame plus one frame at `rate()`, or at 25 frames per second if the
  /// rate is unknown. Never decreases.
  double seconds() const noexcept;
  /// Number of frames so far whose timestamp was replaced.
  Index frames_without_time() const noexcept;
  /// Number of frames read or skipped so far. If it is less than `frames()` at the end, the file
  /// may be truncated.
  Index frames_read() const noexcept;

 private:
  struct Impl;
  explicit VideoReader(std::unique_ptr<Impl> impl) noexcept;
  std::unique_ptr<Impl> impl_;
};

/// Writes a video file atomically: frames go to a temporary file in the same folder, which
/// `finish()` renames. A writer that is destroyed earlier removes the temporary file.
///
///   VideoWriter video("walk_pose.mp4", reader.rate(), reader.width(), reader.height());
///   video.write(frame);
///   video.finish();
///
/// The suffix selects the codec: H.264 for .mp4, .m4v and .mov (MPEG-4 Part 2 if FFmpeg lacks an
/// encoder for it), Motion JPEG for .avi. Encoders need even sizes; an odd width or height is
/// padded by a copy of the last column or row.
class VideoWriter {
 public:
  /// `rate` is in frames per second, the size in pixels. Throws `Error`: InvalidArgument (suffix,
  /// rate or size), WriteFailed, OutOfResources, UnsupportedFormat (no module, no encoder).
  VideoWriter(const std::filesystem::path& path, double rate, Index width, Index height);
  VideoWriter(VideoWriter&&) noexcept;
  VideoWriter& operator=(VideoWriter&&) noexcept;
  VideoWriter(const VideoWriter&) = delete;
  VideoWriter& operator=(const VideoWriter&) = delete;
  ~VideoWriter();

  /// Appends a frame, which must have the size of the video. Throws `Error`: InvalidArgument for
  /// another size, WriteFailed, OutOfResources when the disk is full.
  void write(const Image& frame);
  /// Completes the file, verifies its header and renames it. No frames may be written afterwards.
  /// Throws `Error`: InvalidArgument without a frame, WriteFailed, OutOfResources.
  void finish();

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace sapiens
