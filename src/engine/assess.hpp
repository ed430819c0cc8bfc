#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "checkpoint/state_dict.hpp"
#include "engine/assess_detector.hpp"
#include "model/detect.hpp"
#include "reconcile/names.hpp"
#include "reconcile/reconcile.hpp"
#include "sapiens/checkpoint.hpp"
#include "sapiens/error.hpp"
#include "sapiens/report.hpp"

namespace sapiens {

/// Everything there is to know about a checkpoint before a value is read.
struct Assessment {
  NameIndex index;
  EncoderNames names;
  DetectedModel model;
  Plan encoder;  ///< The encoder alone: what features need.
  Plan whole;    ///< The encoder and, where the task has one, its head; or the MAE decoder.
  Inspection inspection;
  /// Where the file holds a person detector instead: the two plans above are then foreign.
  std::optional<DetectorFile> detector = {};
};

/// What `inspection.report` describes: one of the two plans, or whatever the file holds, which is
/// the whole model or a person detector. Of an autoencoder the whole is encoder and MAE decoder. A
/// detector is looked for beside an encoder too.
enum class Subject { Encoder, WholeModel, Autoencoder, Detector, Anything };

/// Recognises the model and reconciles it with the file. A misfit is a verdict; options that make
/// no sense throw `Error(InvalidArgument)`.
Assessment assess(const StateDict& dict, const ModelOptions& options, Subject subject);

/// Shapes of the features of an input with `grid` patches; empty for an unknown grid.
OutputShapes output_shapes(const EncoderConfig& encoder, Grid grid);

/// The refusal of a checkpoint as an error whose text lists what is wrong, grouped and counted.
/// `undone` is what did not happen because of it: "nothing was computed".
Error refusal(const Inspection& inspection, std::string_view undone);

}  // namespace sapiens
