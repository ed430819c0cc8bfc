#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

#include "checkpoint/state_dict.hpp"
#include "checkpoint/zip.hpp"
#include "fuzz/support/read_tensors.hpp"
#include "sapiens/error.hpp"

namespace sapiens::fuzz {

/// Opens the input as a zip archive, from which `read(archive, state)` adds tensors to `state`, and
/// reads their values.
template <class Read>
void read_archive(const std::uint8_t* data, std::size_t size, Read read) {
  const FileBytes file{.bytes = std::as_bytes(std::span(data, size)), .source = "input"};
  try {
    StateDict state;
    const ZipArchive archive(file);
    read(archive, state);
    read_tensors(state);
  } catch (const Error&) {
  }
}

}  // namespace sapiens::fuzz
