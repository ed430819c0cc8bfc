#pragma once

/// Everything the library offers: open a checkpoint, read its report, load an encoder, run a
/// picture, get views.
#include "sapiens/checkpoint.hpp"
#include "sapiens/detector.hpp"
#include "sapiens/draw.hpp"
#include "sapiens/dtype.hpp"
#include "sapiens/error.hpp"
#include "sapiens/features.hpp"
#include "sapiens/image.hpp"
#include "sapiens/keypoint_layout.hpp"
#include "sapiens/labels.hpp"
#include "sapiens/machine.hpp"
#include "sapiens/npy.hpp"
#include "sapiens/precision.hpp"
#include "sapiens/report.hpp"
#include "sapiens/result_files.hpp"
#include "sapiens/results.hpp"
#include "sapiens/tasks.hpp"
#include "sapiens/tensor_view.hpp"
#include "sapiens/tracker.hpp"
#include "sapiens/version.hpp"
#include "sapiens/video.hpp"
