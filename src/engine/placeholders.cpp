#include "engine/placeholders.hpp"

#include <fmt/format.h>

#include "model/detect.hpp"
#include "model/params.hpp"

namespace sapiens {

Placeholders count_placeholders(const StateDict& dict, const NameIndex& index,
                                const EncoderNames& names) {
  // Of any width: the shapes are what is missing.
  EncoderConfig encoder;
  encoder.family = names.scheme->family;
  encoder.width = encoder.mlp_width = 1;
  encoder.cls_token = true;
  encoder.depth = OfferedShapes(dict, index, names).count_blocks();
  encoder.kv_heads.resize(static_cast<std::size_t>(encoder.depth), 1);
  Placeholders found;
  for (const ParamSpec& param : encoder_params(encoder)) {
    for (const std::string& path : file_paths(names, param.key)) {
      const auto tensor = index.find(path);
      if (!tensor) continue;
      ++found.names;
      if (param.shape.size() < 2) continue;
      ++found.matrices;
      if (dict.tensors[*tensor].numel() <= 1) ++found.empty;
    }
  }
  return found;
}

Report placeholder_report(const Placeholders& found) {
  Report report;
  report.verdict = Verdict::Incomplete;
  report.required = found.names;
  report.explanation = fmt::format(
      "{} of {} matrices hold no values, but placeholders, as DeepSpeed ZeRO-3 leaves them where "
      "parameters are divided among processes",
      found.empty, found.matrices);
  report.hint =
      "run zero_to_fp32.py, which DeepSpeed writes into the checkpoint's folder, and give the file "
      "that it makes";
  return report;
}

}  // namespace sapiens
