#pragma once

#include <cstdint>

/// Constants of the zip format (APPNOTE.TXT), shared by the reader and the writer.
namespace sapiens::zip {

inline constexpr std::uint32_t kLocalHeader = 0x04034b50;
inline constexpr std::uint32_t kDataDescriptor = 0x08074b50;
inline constexpr std::uint32_t kDirectoryEntry = 0x02014b50;
inline constexpr std::uint32_t kEndOfDirectory = 0x06054b50;
inline constexpr std::uint32_t kEndOfDirectory64 = 0x06064b50;
inline constexpr std::uint32_t kLocator64 = 0x07064b50;

inline constexpr std::uint64_t kLocalHeaderBytes = 30;
inline constexpr std::uint64_t kEndOfDirectoryBytes = 22;
inline constexpr std::uint64_t kLocator64Bytes = 20;
inline constexpr std::uint64_t kEndOfDirectory64Bytes = 56;

inline constexpr std::uint16_t kZip64Field = 0x0001;
/// The value of a 32-bit or 16-bit field whose content is in the zip64 record.
inline constexpr std::uint32_t kSee64 = 0xffffffff;
inline constexpr std::uint16_t kSee64Short = 0xffff;

inline constexpr std::uint16_t kEncryptedFlag = 1;
inline constexpr std::uint16_t kLevelFlags = 3 << 1;  // the compression level
inline constexpr std::uint16_t kDescriptorFlag = 1 << 3;
inline constexpr std::uint16_t kUtf8Flag = 1 << 11;
inline constexpr std::uint16_t kKnownFlags =
    kEncryptedFlag | kLevelFlags | kDescriptorFlag | kUtf8Flag;
inline constexpr std::uint16_t kStored = 0;

}  // namespace sapiens::zip
