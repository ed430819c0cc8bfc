#ifndef SAPIENS_SAPIENS_H
#define SAPIENS_SAPIENS_H

/// The C API of sapiens.cpp, for C11, C++ and every language that can call C. Link libsapiens_c.
///
///   sapiens_checkpoint* checkpoint = NULL;
///   sapiens_encoder* encoder = NULL;
///   sapiens_error* error = NULL;
///   if (sapiens_checkpoint_open("sapiens_0.3b.pth", &checkpoint, &error) != SAPIENS_OK ||
///       sapiens_encoder_load(checkpoint, NULL, NULL, &encoder, &error) != SAPIENS_OK) {
///     fprintf(stderr, "%s\n", sapiens_error_text(error));
///   }
///
/// What holds for every function (docs/c-api.md says more):
///
/// - Handles. An object that a function returns through a `**` parameter is owned by the caller and
///   released by the `_free` function of its type; freeing NULL does nothing. Handles are
///   independent: a model stays valid when its checkpoint is freed.
/// - Errors. A function that returns a `sapiens_status` has succeeded if that is SAPIENS_OK, and
///   then `*error` is NULL. Otherwise its `**` parameters are NULL and `*error` is an object with
///   details, which the caller frees. `error` itself may be NULL. Other functions cannot fail; for
///   a value that does not exist, or a NULL handle, they return NULL, 0, -1 or "", as documented.
///   The library never throws through this interface, not even when memory runs out, never prints
///   and never ends the process.
/// - Threads. All functions may be called from any thread, also on the same handle, but a handle
/// must
///   not be freed while it is in use. Functions that take a `const` handle read immutable data and
///   may run at once, also while the model computes. Functions that take a model without `const`,
///   other than `_free`, compute: calls on one model are serialised. Two models are independent.
/// - Processes. After fork(), a model that was loaded before computes in the parent alone: in the
///   child those functions fail with SAPIENS_INVALID_ARGUMENT. All others work there too.
/// - Strings are zero-terminated UTF-8, except that names of files, keys of tensors and texts that
///   quote them may contain arbitrary bytes. JSON is always UTF-8. A returned string is never NULL
///   and valid as long as its handle.
/// - Arrays are dense and row-major: the last index of a shape varies fastest.
/// - Structs with `struct_size` must be initialised by `SAPIENS_INIT` before fields are set: 0 and
///   NULL mean the default in every field. Later versions append fields. The library treats fields
///   that an older header lacks as 0, and refuses unknown fields of a newer header
///   (SAPIENS_INVALID_ARGUMENT) unless they are 0.

#include <stddef.h>
#include <stdint.h>
#include <string.h>

#if defined(__GNUC__)
#define SAPIENS_API __attribute__((visibility("default")))
#else
#define SAPIENS_API
#endif

#ifdef __cplusplus
extern "C" {
#endif

/// Sets every field of the struct at `pointer` to its default, and `struct_size` to its size.
#define SAPIENS_INIT(pointer) \
  (memset((pointer), 0, sizeof *(pointer)), (void)((pointer)->struct_size = sizeof *(pointer)))

/// The version of the library that is running, such as "0.1.0".
SAPIENS_API const char* sapiens_version(void);

/// Makes functions that read a file fail with SAPIENS_CORRUPT_FILE where another program cuts the
/// file short, or the disk cannot give any more of it, while they read. Without this call such a
/// file ends the process with SIGBUS. It installs a handler of SIGBUS for the whole process, which
/// acts on files that this library has mapped alone, and passes all other faults to the handler
/// before it. To be called early, before threads start; further calls do nothing.
SAPIENS_API void sapiens_guard_mapped_files(void);

// ---- Status and errors ----

/// Status of a call. The number in each comment is the exit code of the `sapiens` program.
typedef int32_t sapiens_status;
enum {
  SAPIENS_OK = 0,                    ///< 0
  SAPIENS_INVALID_ARGUMENT = 1,      ///< 2: an option or a call is invalid.
  SAPIENS_NOT_FOUND = 2,             ///< 4: a file does not exist or may not be read.
  SAPIENS_CORRUPT_FILE = 3,          ///< 4: a file violates its format, or is truncated.
  SAPIENS_UNSUPPORTED_FORMAT = 4,    ///< 4: a file has an unsupported format.
  SAPIENS_CHECKPOINT_REFUSED = 5,    ///< 3: weights do not match the model.
  SAPIENS_SHAPE_MISMATCH = 6,        ///< 4: an array has the wrong shape.
  SAPIENS_OUT_OF_RESOURCES = 7,      ///< 5: memory or disk ran out.
  SAPIENS_UNSUPPORTED_HARDWARE = 8,  ///< 2: this CPU lacks the requested instructions.
  SAPIENS_WRITE_FAILED = 9,          ///< 5: an output could not be written.
  SAPIENS_NETWORK = 10,              ///< 6: a server cannot be reached, or the connection breaks.
  SAPIENS_INTERNAL = 11,             ///< 70: an internal error; please report it.
  SAPIENS_CANCELLED = 12             ///< 130: the progress function requested a stop.
};

/// The name in messages: "ok", "corrupt-file" ...; "unknown" for an invalid status.
SAPIENS_API const char* sapiens_status_name(sapiens_status status);

/// Details of an error. The functions below return "" for a part that does not apply, and for NULL.
typedef struct sapiens_error sapiens_error;

SAPIENS_API sapiens_status sapiens_error_status(const sapiens_error* error);  ///< NULL: SAPIENS_OK.
/// One sentence.
SAPIENS_API const char* sapiens_error_summary(const sapiens_error* error);
/// The file, and the place inside of it.
SAPIENS_API const char* sapiens_error_file(const sapiens_error* error);
/// The state-dict key, archive entry, option or argument that caused the error. Options are named
/// by their fields, here and, in backquotes, in other texts.
SAPIENS_API const char* sapiens_error_key(const sapiens_error* error);
/// What would have been valid.
SAPIENS_API const char* sapiens_error_expected(const sapiens_error* error);
/// What was given or found.
SAPIENS_API const char* sapiens_error_actual(const sapiens_error* error);
SAPIENS_API const char* sapiens_error_hint(const sapiens_error* error);  ///< What to try next.
/// The complete message of several lines, as the program prints it.
SAPIENS_API const char* sapiens_error_text(const sapiens_error* error);
SAPIENS_API void sapiens_error_free(sapiens_error* error);

// ---- Options and images ----

/// Called from time to time, on the calling thread, with the fraction of work done, 0 to 1. A
/// return value other than 0 ends the call with SAPIENS_CANCELLED; the model stays usable. The
/// function must return normally (no longjmp, no exception) and must not compute with the same
/// model.
typedef int32_t (*sapiens_progress)(double done, void* user_data);

/// Overrides for what is recognised from the tensors.
typedef struct sapiens_model_options {
  size_t struct_size;         ///< Set by SAPIENS_INIT, like in all structs.
  const char* arch;           ///< "0.3b", "0.6b", "1b", "2b"; anything else is refused.
  const char* task;           ///< "pretrain", "backbone", "pose", "seg", "depth", "normal".
  int64_t heads;              ///< Attention heads; required for unpublished widths.
  int64_t decoder_heads;      ///< The same for the decoder of the masked autoencoder.
  int64_t grid_height;        ///< Grid of positions in the file, if it is not square;
  int64_t grid_width;         ///< both or neither.
  int64_t input_height;       ///< Input size in pixels;
  int64_t input_width;        ///< both or neither.
  int32_t patch_padding;      ///< 2, or -1 for none; by default the task decides.
  int32_t allow_partial;      ///< 1: use zeros for missing parameters.
  const char* prefix;         ///< Selects one of several models in a file by the prefix of its
                              ///< names: "encoder_q"; "." selects names without a prefix.
  const char* expected_task;  ///< Refuses to load a task model for another task; with two heads
                              ///< on one encoder, selects the one for this task.
} sapiens_model_options;

enum {
  SAPIENS_PRECISION_AUTO = 0,  ///< bf16 if the CPU has fast bf16 instructions, else fp32.
  SAPIENS_PRECISION_FP32 = 1,
  SAPIENS_PRECISION_BF16 = 2,
  SAPIENS_PRECISION_INT8 = 3
};

/// Options of loading a model and computing with it.
typedef struct sapiens_engine_options {
  size_t struct_size;
  int32_t threads;           ///< 0: all cores that this process may use.
  int32_t precision;         ///< SAPIENS_PRECISION_*
  const char* isa;           ///< Highest kernel level: "reference", "avx2", "avx512" or "amx";
                             ///< NULL: the variable SAPIENS_ISA, else the best level.
  sapiens_progress loading;  ///< Called while weights are loaded.
  void* user_data;           ///< Passed to `loading`.
} sapiens_engine_options;

/// An image, given in exactly one of three ways: `path`, `file` or `pixels`. The caller keeps
/// ownership; the memory is only read during the call.
typedef struct sapiens_image {
  size_t struct_size;
  const char* path;       ///< A JPEG, PNG or WebP file; EXIF orientation is applied.
  const void* file;       ///< The content of such a file.
  size_t file_bytes;      ///< Size of `file`.
  const uint8_t* pixels;  ///< RGB, one byte each; points to the top left pixel.
  int64_t width;          ///< Pixels per row of `pixels`, at least 1.
  int64_t height;         ///< Rows of `pixels`, at least 1.
  int64_t stride;         ///< Bytes from one row to the next; negative for images stored bottom-up;
                          ///< 0: 3 * width.
} sapiens_image;

enum {
  SAPIENS_PREPROCESS_FULL = 0,  ///< As in training.
  SAPIENS_PREPROCESS_LITE = 1   ///< As the lite scripts of Sapiens; refused for Sapiens2.
};

// ---- Checkpoints and reports ----

/// An opened checkpoint file: its table of tensors is read, their values are not.
typedef struct sapiens_checkpoint sapiens_checkpoint;

/// Fails with SAPIENS_NOT_FOUND, SAPIENS_CORRUPT_FILE or SAPIENS_UNSUPPORTED_FORMAT.
SAPIENS_API sapiens_status sapiens_checkpoint_open(const char* path,
                                                   sapiens_checkpoint** checkpoint,
                                                   sapiens_error** error);
SAPIENS_API void sapiens_checkpoint_free(sapiens_checkpoint* checkpoint);

/// How the tensors of a checkpoint match the parameters of a model.
enum {
  SAPIENS_VERDICT_EXACT = 0,       ///< All parameters match under the names of the model.
  SAPIENS_VERDICT_EQUIVALENT = 1,  ///< All parameters match after lossless rules.
  SAPIENS_VERDICT_ADAPTED = 2,     ///< All parameters match; some are resized.
  SAPIENS_VERDICT_INCOMPLETE = 3,  ///< Parameters are missing or do not match.
  SAPIENS_VERDICT_FOREIGN = 4,     ///< Not a Sapiens model.
  SAPIENS_VERDICT_AMBIGUOUS = 5    ///< Several models; `prefix` must select one.
};

/// A report on a checkpoint, as `sapiens inspect` shows it.
typedef struct sapiens_report sapiens_report;

/// Recognises the model and determines the tensor of every parameter, without reading values. A
/// file that does not match is reported as a verdict, not as an error. Fails with
/// SAPIENS_INVALID_ARGUMENT for invalid options. `options` may be NULL.
SAPIENS_API sapiens_status sapiens_checkpoint_inspect(const sapiens_checkpoint* checkpoint,
                                                      const sapiens_model_options* options,
                                                      sapiens_report** report,
                                                      sapiens_error** error);
/// The same after reading all values and comparing the checksums in the file. Damage is not an
/// error: the report has one warning per damaged member of the archive, with the names of its
/// tensors.
SAPIENS_API sapiens_status sapiens_checkpoint_verify(const sapiens_checkpoint* checkpoint,
                                                     const sapiens_model_options* options,
                                                     sapiens_report** report,
                                                     sapiens_error** error);
SAPIENS_API const char* sapiens_report_text(
    const sapiens_report* report);  ///< Text of several lines.
SAPIENS_API const char* sapiens_report_json(
    const sapiens_report* report);  ///< See docs/inspect-json.md.
/// SAPIENS_VERDICT_* on the model; -1 for NULL.
SAPIENS_API int32_t sapiens_report_verdict(const sapiens_report* report);
/// The same for one use: "features", "reconstruct", "pose", "seg", "depth", "normal" or "detect";
/// -1 if the report has no verdict on it.
SAPIENS_API int32_t sapiens_report_verdict_for(const sapiens_report* report, const char* use);
/// Number of warnings about values: of a conversion, one for each parameter that contains NaN or
/// infinity; of a verification, one for each damaged member. 0 for inspections, which read no
/// values, and for NULL.
SAPIENS_API int64_t sapiens_report_warning_count(const sapiens_report* report);
/// Warning `index`, counted from 0, or "".
SAPIENS_API const char* sapiens_report_warning(const sapiens_report* report, int64_t index);
SAPIENS_API void sapiens_report_free(sapiens_report* report);

/// How a converted checkpoint names its tensors.
enum {
  SAPIENS_LAYOUT_CLEAN = 0,     ///< Keys without prefixes, as in the published `*_clean.pth` of
                                ///< Sapiens and the published encoders of Sapiens2.
  SAPIENS_LAYOUT_MMENGINE = 1,  ///< Keys with `backbone.`: loads in the original code of Sapiens.
  SAPIENS_LAYOUT_TIMM = 2       ///< timm's names of Sapiens2.
};
/// Type of the tensors of a converted checkpoint.
enum {
  SAPIENS_DTYPE_OWN = 0,  ///< Each tensor keeps its type.
  SAPIENS_DTYPE_F32 = 1,
  SAPIENS_DTYPE_F16 = 2,
  SAPIENS_DTYPE_BF16 = 3
};

/// Options of sapiens_checkpoint_convert.
typedef struct sapiens_convert_options {
  size_t struct_size;
  int32_t layout;             ///< SAPIENS_LAYOUT_*
  int32_t dtype;              ///< SAPIENS_DTYPE_*
  int32_t keep_unused;        ///< 1: also copy unused tensors: decoder, other heads.
  int32_t reserved;           ///< 0
  sapiens_progress progress;  ///< Called from time to time.
  void* user_data;            ///< Passed to `progress`.
} sapiens_convert_options;

/// Writes a copy of `checkpoint` with canonical names to the file `output`, atomically. Its suffix,
/// .pth or .safetensors, selects the format. `model` and `report` are those of
/// sapiens_checkpoint_inspect; the report also has warnings. Fails with SAPIENS_CHECKPOINT_REFUSED
/// for an incomplete model, SAPIENS_WRITE_FAILED, and SAPIENS_INVALID_ARGUMENT for another suffix,
/// for the file of the checkpoint itself and for a value that `dtype` cannot represent.
SAPIENS_API sapiens_status sapiens_checkpoint_convert(
    const sapiens_checkpoint* checkpoint, const char* output, const sapiens_model_options* model,
    const sapiens_convert_options* options, sapiens_report** report, sapiens_error** error);

/// What the attention of an ONNX graph consists of.
enum {
  SAPIENS_ATTENTION_PLAIN = 0,  ///< MatMul and Softmax, which every runtime has.
  SAPIENS_ATTENTION_FUSED = 1   ///< One operator: Attention from opset 23 on, before that that of
                                ///< ONNX Runtime.
};

/// Options of sapiens_checkpoint_convert_to_onnx.
typedef struct sapiens_onnx_options {
  size_t struct_size;
  const int32_t* out_types;    ///< SAPIENS_FEATMAP ..., each an output; NULL: the output of the
                               ///< model's head, the feature map of an encoder, the boxes of a
                               ///< detector.
  size_t out_type_count;       ///< Length of `out_types`.
  int32_t dtype;               ///< SAPIENS_DTYPE_*; SAPIENS_DTYPE_OWN means F32.
  int32_t opset;               ///< 17 to 24; 0: 18.
  int64_t batch;               ///< Images of a run; 0: any number.
  int32_t dynamic_size;        ///< 1: accept any height and width from 16 on; not with a size in
                               ///< the options of the model.
  int32_t with_preprocessing;  ///< 1: take uint8 images, and resize and normalise them inside.
  int32_t attention;           ///< SAPIENS_ATTENTION_*
  int32_t raw_maps;            ///< 1: of a detector, the maps of its network instead of boxes.
  float min_score;             ///< Of boxes, as in sapiens_detect_options; 0: 0.3.
  float nms_iou;               ///< Of boxes; 0: 0.3.
  int64_t max_detections;      ///< Of each image; 0: 100.
  sapiens_progress progress;   ///< Called from time to time.
  void* user_data;             ///< Passed to `progress`.
} sapiens_onnx_options;

/// Writes the model of `checkpoint` as an ONNX graph to the file `output`, whose name ends in
/// .onnx. Weights that make it 2 GB or more go to a second file, the name with ".data" behind it.
/// Files are replaced atomically. `model` and `report` are those of sapiens_checkpoint_inspect; a
/// warning says that data of an earlier graph are left. Fails as loading the model does, with
/// SAPIENS_UNSUPPORTED_FORMAT where the module for ONNX files is missing, SAPIENS_WRITE_FAILED, and
/// SAPIENS_INVALID_ARGUMENT for options that the model does not support, another suffix, the file
/// of the checkpoint itself and a value that `dtype` cannot represent.
SAPIENS_API sapiens_status sapiens_checkpoint_convert_to_onnx(
    const sapiens_checkpoint* checkpoint, const char* output, const sapiens_model_options* model,
    const sapiens_onnx_options* options, sapiens_report** report, sapiens_error** error);

// ---- Results ----

/// A rectangle in pixels of an image. Its layout is final.
typedef struct sapiens_box {
  float x;       ///< Left edge.
  float y;       ///< Top edge.
  float width;   ///< Width.
  float height;  ///< Height.
  float score;   ///< Score of the detector, 0 to 1.
} sapiens_box;

/// One or more arrays, indexed from 0. The function that returns a result documents its arrays. All
/// pointers into a result are valid until it is freed.
typedef struct sapiens_result sapiens_result;

SAPIENS_API int64_t sapiens_result_count(const sapiens_result* result);  ///< Arrays; 0 for NULL.
/// Number of axes of array `index`; 0 if there is no such array.
SAPIENS_API int32_t sapiens_result_rank(const sapiens_result* result, int64_t index);
/// Lengths of its axes, as many as its rank; NULL if there is no such array.
SAPIENS_API const int64_t* sapiens_result_shape(const sapiens_result* result, int64_t index);
/// Elements of an array of floats; NULL for other types.
SAPIENS_API const float* sapiens_result_floats(const sapiens_result* result, int64_t index);
/// Elements of an array of bytes; NULL for other types.
SAPIENS_API const uint8_t* sapiens_result_bytes(const sapiens_result* result, int64_t index);
/// Elements of an array of boxes, which has one axis; NULL for other types.
SAPIENS_API const sapiens_box* sapiens_result_boxes(const sapiens_result* result, int64_t index);
/// For features: the block, counted from 0, whose output array `index` is; otherwise -1.
SAPIENS_API int64_t sapiens_result_layer(const sapiens_result* result, int64_t index);
/// For features: the form of array `index`, SAPIENS_FEATMAP ...; otherwise -1.
SAPIENS_API int32_t sapiens_result_out_type(const sapiens_result* result, int64_t index);
SAPIENS_API void sapiens_result_free(sapiens_result* result);

// ---- Features ----

/// A loaded encoder.
typedef struct sapiens_encoder sapiens_encoder;

/// Form of features, for a batch of B images.
enum {
  SAPIENS_FEATMAP = 0,      ///< Patch tokens [B, C, gh, gw].
  SAPIENS_RAW = 1,          ///< All tokens [B, tokens, C]: class token and registers, as far as the
                            ///< model has them, then patches row by row.
  SAPIENS_CLS_TOKEN = 2,    ///< The class token [B, C].
  SAPIENS_AVG_FEATMAP = 3,  ///< [B, C]: the mean patch token; of Sapiens after LayerNorm.
  SAPIENS_REGISTERS = 4     ///< The R registers [B, R, C] of Sapiens2.
};

/// Options of features. `preprocess`, `height` and `width` have no effect on sapiens_encoder_run.
typedef struct sapiens_features_options {
  size_t struct_size;
  const int64_t* layers;      ///< Blocks to return; negative: from the end; NULL: the last.
  size_t layer_count;         ///< Length of `layers`.
  int32_t out_type;           ///< SAPIENS_FEATMAP ...; 0 where `out_types` has several.
  int32_t norm_layers;        ///< 1: apply the final norm to every block, not only the last.
  int32_t preprocess;         ///< SAPIENS_PREPROCESS_*
  int32_t reserved;           ///< 0
  int64_t height;             ///< Size in pixels that images are resized to, at least 16 (Sapiens2:
                              ///< multiples of 16);
  int64_t width;              ///< both or neither; by default the input size of the model.
  sapiens_progress progress;  ///< Called after every block.
  void* user_data;            ///< Passed to `progress`.
  const int32_t* out_types;   ///< Several forms from one pass, each once; NULL: `out_type` alone.
  size_t out_type_count;      ///< Length of `out_types`.
} sapiens_features_options;

/// Loads the encoder of a checkpoint for any task. Fails with SAPIENS_CHECKPOINT_REFUSED, with the
/// complete report as summary, when a parameter is missing or contains NaN or infinity, unless
/// `allow_partial`. `options` and `engine` may be NULL.
SAPIENS_API sapiens_status sapiens_encoder_load(const sapiens_checkpoint* checkpoint,
                                                const sapiens_model_options* options,
                                                const sapiens_engine_options* engine,
                                                sapiens_encoder** encoder, sapiens_error** error);
SAPIENS_API void sapiens_encoder_free(sapiens_encoder* encoder);

/// The report on the encoder.
SAPIENS_API sapiens_status sapiens_encoder_report(const sapiens_encoder* encoder,
                                                  sapiens_report** report, sapiens_error** error);
/// The input size of the model in pixels; 0 for NULL.
SAPIENS_API int64_t sapiens_encoder_height(const sapiens_encoder* encoder);
SAPIENS_API int64_t sapiens_encoder_width(const sapiens_encoder* encoder);
/// 1 if `allow_partial` let parameters be zero or not finite: outputs are not meaningful.
SAPIENS_API int32_t sapiens_encoder_is_partial(const sapiens_encoder* encoder);
/// Precision in use: "fp32", "bf16" or "int8".
SAPIENS_API const char* sapiens_encoder_precision(const sapiens_encoder* encoder);

/// Computes features of `count` images as one batch, B = count. The result has one array of floats
/// per requested block and form: the blocks in ascending order, of each the forms as given.
SAPIENS_API sapiens_status sapiens_encoder_features(sapiens_encoder* encoder,
                                                    const sapiens_image* images, size_t count,
                                                    const sapiens_features_options* options,
                                                    sapiens_result** features,
                                                    sapiens_error** error);
/// The same for a preprocessed input [batch, 3, height, width], with a height and width of at
/// least 16; of Sapiens2 multiples of 16.
SAPIENS_API sapiens_status sapiens_encoder_run(sapiens_encoder* encoder, const float* input,
                                               int64_t batch, int64_t height, int64_t width,
                                               const sapiens_features_options* options,
                                               sapiens_result** features, sapiens_error** error);

// ---- Keypoints, classes, depth, normals ----

/// A network with a task head, for the one task of its checkpoint.
typedef struct sapiens_task_model sapiens_task_model;

/// Options of the tasks.
typedef struct sapiens_task_options {
  size_t struct_size;
  int32_t preprocess;         ///< SAPIENS_PREPROCESS_*
  int32_t no_flip_test;       ///< Pose only. 1: omit the mirrored pass, which halves the time.
  sapiens_progress progress;  ///< Called after every block.
  void* user_data;            ///< Passed to `progress`.
} sapiens_task_options;

/// Fails as sapiens_encoder_load does, and with SAPIENS_CHECKPOINT_REFUSED for a file without a
/// head, with an incomplete one, or with one for another task than `expected_task` of the options.
SAPIENS_API sapiens_status sapiens_task_model_load(const sapiens_checkpoint* checkpoint,
                                                   const sapiens_model_options* options,
                                                   const sapiens_engine_options* engine,
                                                   sapiens_task_model** model,
                                                   sapiens_error** error);
SAPIENS_API void sapiens_task_model_free(sapiens_task_model* model);

/// The report on encoder and head.
SAPIENS_API sapiens_status sapiens_task_model_report(const sapiens_task_model* model,
                                                     sapiens_report** report,
                                                     sapiens_error** error);
/// "pose", "seg", "depth" or "normal".
SAPIENS_API const char* sapiens_task_model_task(const sapiens_task_model* model);
/// Number of keypoints, classes or channels of the head; 0 for NULL.
SAPIENS_API int64_t sapiens_task_model_outputs(const sapiens_task_model* model);
/// Name of keypoint or class `index`; "" if it is unknown.
SAPIENS_API const char* sapiens_task_model_output_name(const sapiens_task_model* model,
                                                       int64_t index);
/// The size in pixels that images, or crops of persons, are resized to; 0 for NULL.
SAPIENS_API int64_t sapiens_task_model_height(const sapiens_task_model* model);
SAPIENS_API int64_t sapiens_task_model_width(const sapiens_task_model* model);
/// Precision in use: "fp32", "bf16" or "int8".
SAPIENS_API const char* sapiens_task_model_precision(const sapiens_task_model* model);

/// Computes the keypoints of the person in each of `count` boxes or, without boxes, of one person
/// in the entire image. The result is one array of floats [persons, keypoints, 3]: x and y in
/// pixels of the image, and the score, about 0 to 1. Scores of boxes are not used. Fails with
/// SAPIENS_INVALID_ARGUMENT if a box is outside of the image, or if all boxes lie between 0 and 1,
/// as normalised coordinates do, and for a
/// model of another task.
SAPIENS_API sapiens_status sapiens_task_model_pose(sapiens_task_model* model,
                                                   const sapiens_image* image,
                                                   const sapiens_box* boxes, size_t count,
                                                   const sapiens_task_options* options,
                                                   sapiens_result** poses, sapiens_error** error);
/// Runs the task of the model on `count` images as one batch. The result has one array per image,
/// of the size of the image:
///
/// - seg: bytes [H, W], the most likely class of every pixel; 0 is the background.
/// - depth: floats [H, W]; larger is farther, about 0 to 1 on the person, not meaningful elsewhere.
/// - normal: floats [H, W, 3], unit vectors (x, y, z), where x is horizontal.
///
/// For pose it is one array of floats [1, keypoints, 3], of one person in the entire image.
SAPIENS_API sapiens_status sapiens_task_model_run(sapiens_task_model* model,
                                                  const sapiens_image* images, size_t count,
                                                  const sapiens_task_options* options,
                                                  sapiens_result** results, sapiens_error** error);

// ---- Persons ----

/// A person detector: the RTMDet that the original runs before its tasks.
typedef struct sapiens_detector sapiens_detector;

/// Thresholds of the detector.
typedef struct sapiens_detect_options {
  size_t struct_size;
  float min_score;            ///< Drops boxes with this score or a lower one; 0: 0.3.
  float nms_iou;              ///< IoU threshold of non-maximum suppression; 0: 0.3.
  int64_t max_detections;     ///< Keeps at most this many, the best scores; 0: 100.
  sapiens_progress progress;  ///< Called from time to time.
  void* user_data;            ///< Passed to `progress`.
} sapiens_detect_options;

/// Loads a detector, which computes in fp32 unless `engine` sets another precision. Fails with
/// SAPIENS_CHECKPOINT_REFUSED unless the file is a complete detector.
SAPIENS_API sapiens_status sapiens_detector_load(const sapiens_checkpoint* checkpoint,
                                                 const sapiens_engine_options* engine,
                                                 sapiens_detector** detector,
                                                 sapiens_error** error);
SAPIENS_API void sapiens_detector_free(sapiens_detector* detector);

/// Detects the persons in an image. The result is one array of boxes [persons], best score first;
/// it may be empty, and boxes may extend beyond the image. The boxes can be passed to
/// sapiens_task_model_pose; if there are none, do not call it, because without boxes it treats the
/// entire image as a person.
SAPIENS_API sapiens_status sapiens_detector_detect(sapiens_detector* detector,
                                                   const sapiens_image* image,
                                                   const sapiens_detect_options* options,
                                                   sapiens_result** persons, sapiens_error** error);

// ---- Reconstruction ----

/// A masked autoencoder: the pretrained encoder with the decoder that cleaned files lack.
typedef struct sapiens_reconstructor sapiens_reconstructor;

/// Options of a reconstruction.
typedef struct sapiens_reconstruct_options {
  size_t struct_size;
  double mask_ratio;          ///< Share of hidden patches, up to 1; 0: 0.75; -1: none.
  uint64_t seed;              ///< Selects them, the same ones in every image; 0: 1.
  const float* noise;         ///< Unless NULL, replaces the seed: one number per patch, row-major;
                              ///< patches with the smallest numbers stay visible.
  size_t noise_count;         ///< Length of `noise`: the number of patches.
  sapiens_progress progress;  ///< Called after every block.
  void* user_data;            ///< Passed to `progress`.
} sapiens_reconstruct_options;

/// The arrays of a reconstruction, by index. Images are bytes [H, W, 3], of the model's size.
enum {
  SAPIENS_RECONSTRUCTION_ORIGINAL = 0,   ///< The image, resized.
  SAPIENS_RECONSTRUCTION_MASKED = 1,     ///< Hidden patches are grey.
  SAPIENS_RECONSTRUCTION_PREDICTED = 2,  ///< Hidden patches are predicted, others are unchanged.
  SAPIENS_RECONSTRUCTION_MASK = 3,       ///< Bytes [gh, gw]: 1 for a hidden patch.
  SAPIENS_RECONSTRUCTION_ERRORS = 4      ///< Floats [2]: the training loss, and the same loss for
                                         ///< predicting the mean of each patch; NaN if no patch
                                         ///< is hidden.
};

/// Fails as sapiens_encoder_load does, and with SAPIENS_CHECKPOINT_REFUSED for a file without the
/// decoder, even with `allow_partial`. Only the input size of training is supported.
SAPIENS_API sapiens_status sapiens_reconstructor_load(const sapiens_checkpoint* checkpoint,
                                                      const sapiens_model_options* options,
                                                      const sapiens_engine_options* engine,
                                                      sapiens_reconstructor** reconstructor,
                                                      sapiens_error** error);
SAPIENS_API void sapiens_reconstructor_free(sapiens_reconstructor* reconstructor);

/// The report on encoder and decoder.
SAPIENS_API sapiens_status sapiens_reconstructor_report(const sapiens_reconstructor* reconstructor,
                                                        sapiens_report** report,
                                                        sapiens_error** error);
/// The input size of the model in pixels; 0 for NULL.
SAPIENS_API int64_t sapiens_reconstructor_height(const sapiens_reconstructor* reconstructor);
SAPIENS_API int64_t sapiens_reconstructor_width(const sapiens_reconstructor* reconstructor);
/// Precision in use: "fp32", "bf16" or "int8".
SAPIENS_API const char* sapiens_reconstructor_precision(const sapiens_reconstructor* reconstructor);

/// Hides patches of an image and predicts them. SAPIENS_RECONSTRUCTION_* index the arrays of the
/// result.
SAPIENS_API sapiens_status sapiens_reconstructor_run(sapiens_reconstructor* reconstructor,
                                                     const sapiens_image* image,
                                                     const sapiens_reconstruct_options* options,
                                                     sapiens_result** reconstruction,
                                                     sapiens_error** error);

#ifdef __cplusplus
}  // extern "C"
#endif

#endif  // SAPIENS_SAPIENS_H
