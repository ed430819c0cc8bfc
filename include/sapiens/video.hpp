#pragma once

#include <filesystem>
#include <memory>
#include <string>

#include "sapiens/image.hpp"
#include "sapiens/tensor_view.hpp"

namespace sapiens {

/// Whether videos can be read and written here. They need the module `sapiens_videoio`, which is
/// loaded when the first video is opened and not before, and OpenCV's videoio; where one is missing
/// `why` says which, and how to get it. Loading takes about 0.2 s and 60 MB.
bool video_available(std::string* why = nullptr);

/// True for a file that should be opened as a video and not as an image: by its first bytes, and
/// by its name (.mp4, .mov, .avi, .mkv, .webm ...) where they say nothing or cannot be read. Never
/// throws, needs no module; false for folders and devices.
bool is_video_file(const std::filesystem::path& path);

/// The frames of a video file or a camera, in order.
///
///   VideoReader video = VideoReader::open("walk.mp4");
///   for (Image frame; video.read(frame);) ...
///   const bool whole = video.frames_read() >= video.frames();
///
/// One thread at a time; readers share nothing. A reader that was moved from may only be assigned
/// to or destroyed.
class VideoReader {
 public:
  /// Opens a regular local file, whatever its name looks like: no address, no device, no pattern of
  /// image names. Throws `Error`: NotFound, UnsupportedFormat (no video, or one that this FFmpeg
  /// cannot decode; no module), CorruptFile, OutOfResources.
  static VideoReader open(const std::filesystem::path& path);

  /// Opens /dev/videoN with N = `index`. Throws `Error`: InvalidArgument, NotFound (no such camera,
  /// busy, or no permission), UnsupportedFormat (no module).
  static VideoReader camera(int index);

  VideoReader(VideoReader&&) noexcept;
  VideoReader& operator=(VideoReader&&) noexcept;
  VideoReader(const VideoReader&) = delete;
  VideoReader& operator=(const VideoReader&) = delete;
  ~VideoReader();

  /// Frames per second; 0 where the file does not say.
  double rate() const noexcept;
  /// Frames in the file as its header counts them, or as duration times rate where it does not
  /// (mkv, webm), which may be off by a few. 0 where it is unknown, and for cameras.
  Index frames() const noexcept;
  /// Of the frames, rotated as the file asks for.
  Index width() const noexcept;
  Index height() const noexcept;

  /// Reads the next frame; false at the end. A file that was cut off also ends: see `frames_read`.
  /// Memory of `frame` is used again. Throws `Error`: CorruptFile (not one frame could be decoded,
  /// or a decoded frame cannot be converted), OutOfResources, NotFound (the camera went away).
  bool read(Image& frame);
  /// Decodes the next frame and drops it unless `retrieve` asks for it, which costs less than
  /// reading it; false at the end. There is no seeking: OpenCV's is not exact to the frame.
  bool skip();
  /// The frame that was read or skipped last. Throws as `read` does, and InvalidArgument before the
  /// first frame.
  void retrieve(Image& frame);
  /// When the frame that was read or skipped last is shown, in seconds: by its time stamp, counted
  /// from the start of the file's stream of images, or from a camera's first frame. A frame
  /// without a time stamp, or with one that lies before the frame in front of it, counts on from
  /// that frame at `rate()`, or at 25 frames per second where that is 0. Never decreases.
  double seconds() const noexcept;
  /// Of the frames that were read or skipped, those whose time was counted on.
  Index frames_without_time() const noexcept;
  /// How many frames were read or skipped; fewer than `frames()` at the end is a file cut off.
  Index frames_read() const noexcept;

 private:
  struct Impl;
  explicit VideoReader(std::unique_ptr<Impl> impl) noexcept;
  std::unique_ptr<Impl> impl_;
};

/// Writes a video that appears whole or not at all: frames go to a temporary name in the same
/// folder, and `finish()` renames it. A writer destroyed before that leaves nothing behind.
///
///   VideoWriter video("walk_pose.mp4", reader.rate(), reader.width(), reader.height());
///   video.write(frame);
///   video.finish();
///
/// The ending of the name chooses: .mp4, .m4v and .mov hold H.264 (MPEG-4 Part 2 where this FFmpeg
/// has no encoder for it), .avi holds Motion JPEG. Encoders want even sizes; an odd width or
/// height grows by one column or row, a copy of the last.
class VideoWriter {
 public:
  /// Throws `Error`: InvalidArgument (ending, rate or size), WriteFailed, OutOfResources,
  /// UnsupportedFormat (no module, no encoder).
  VideoWriter(const std::filesystem::path& path, double rate, Index width, Index height);
  VideoWriter(VideoWriter&&) noexcept;
  VideoWriter& operator=(VideoWriter&&) noexcept;
  VideoWriter(const VideoWriter&) = delete;
  VideoWriter& operator=(const VideoWriter&) = delete;
  ~VideoWriter();

  /// Appends a frame of exactly the size given. Throws `Error`: InvalidArgument for another size,
  /// WriteFailed, OutOfResources when the disk is full.
  void write(const Image& frame);
  /// Ends the file, reads its header back, and renames it; nothing may be written afterwards.
  /// Throws `Error`: InvalidArgument without a frame, WriteFailed, OutOfResources.
  void finish();

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace sapiens
