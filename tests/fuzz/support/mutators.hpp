#pragma once

#include <nlohmann/json_fwd.hpp>
#include <string>
#include <string_view>

#include "fuzz/support/random.hpp"

namespace sapiens::fuzz {

// Plain bytes rarely get past checksums, lengths and stack machines. These functions take an input
// apart, change a part, and put it together again. All of them accept any bytes: what cannot be
// taken apart is changed byte by byte.

/// Changes bytes as libFuzzer does, with its dictionary. The result has `max_size` bytes at most.
std::string mutate_bytes(std::string bytes, std::size_t max_size);

/// Changes some instructions of a pickle.
std::string mutate_pickle(std::string_view pickle, Random& random);
/// The beginning of one pickle with the end of another one.
std::string cross_pickles(std::string_view first, std::string_view second, Random& random);

/// Changes one of the pickles, or the storages, of a file of torch.save before 1.6.
std::string mutate_legacy(std::string_view file, Random& random);

/// Changes members of a zip archive by what they are: pickles, JSON, archives, other bytes.
/// Checksums, sizes and the table of contents are right afterwards, but for one archive in ten.
std::string mutate_zip(std::string_view archive, Random& random);
/// Members of two archives in one.
std::string cross_zips(std::string_view first, std::string_view second, Random& random);

/// Changes an archive of either kind: a zip as above, a tar byte by byte with right checksums.
std::string mutate_archive(std::string_view archive, Random& random);

/// Changes the header or the data of a safetensors file. The length of the header is right
/// afterwards, and for most files the positions of the tensors are.
std::string mutate_safetensors(std::string_view file, Random& random);

/// Changes one value, key or list of a document.
void mutate_json(nlohmann::ordered_json& document, Random& random);
/// The same of a text with a document in it.
std::string mutate_json_text(std::string_view text, Random& random);
/// Changes lines, or the document in one of them.
std::string mutate_json_lines(std::string_view text, Random& random);

/// Chooses one of the above by the first bytes.
std::string mutate_checkpoint(std::string_view file, Random& random);
std::string cross_checkpoints(std::string_view first, std::string_view second, Random& random);

}  // namespace sapiens::fuzz
