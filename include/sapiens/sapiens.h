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
/// - Handles. What a function hands out through a `**` parameter belongs to the caller, who gives
///   it to the `_free` function of its type; freeing NULL does nothing. Handles do not need each
///   other: a model lives on when its checkpoint is freed.
/// - Errors. A function that returns a `sapiens_status` has succeeded if that is SAPIENS_OK, and
///   then `*error` is NULL. Otherwise what it hands out is NULL and `*error` is an object that says
///   more, for the caller to free. `error` itself may be NULL. Other functions cannot fail; asked
///   for something that is not there, or about a NULL handle, they answer NULL, 0, -1 or "", as
///   they say. No C++ exception leaves the library, whatever the reason, running out of memory
///   included; it prints nothing and never ends the process.
/// - Threads. Every function may be called from every thread, on one handle too, except that nobody
///   may free a handle that is in use. The types of the parameters say why that is safe. A function
///   that takes a `const` handle looks at what never changes after loading: any number of threads
///   may do that at once, also while the model computes. One that takes a model without `const`
///   computes, unless it frees it; each model lets one call at a time do so, and the others wait.
///   Two handles share nothing that changes, so two models do not wait for each other.
/// - Processes. After fork(), a model that was loaded before computes in the parent alone: in the
///   child those functions fail with SAPIENS_INVALID_ARGUMENT. All others work there too.
/// - Strings end with a zero byte and are UTF-8, but for what a file says of itself: its name, keys
///   of its tensors and what quotes them may be any bytes. JSON is always UTF-8. A string that is
///   handed out is never NULL and lives as long as its handle.
/// - Arrays are dense and row-major: the last index of a shape varies fastest.
/// - Structs with `struct_size` are passed as `SAPIENS_INIT` made them, then filled in: 0 and NULL
///   mean the default in every field. Later versions append fields. The library takes what an
///   older header does not have as 0, and refuses (SAPIENS_INVALID_ARGUMENT) a newer one's
///   fields unless they are 0.

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

// ---- Status and errors ----

/// How a call ended. Behind each: the exit code of the `sapiens` program in that case.
typedef int32_t sapiens_status;
enum {
  SAPIENS_OK = 0,                    ///< 0
  SAPIENS_INVALID_ARGUMENT = 1,      ///< 2: an option or a call that makes no sense.
  SAPIENS_NOT_FOUND = 2,             ///< 4: a file that does not exist or may not be read.
  SAPIENS_CORRUPT_FILE = 3,          ///< 4: a file that breaks its format's rules, or is cut off.
  SAPIENS_UNSUPPORTED_FORMAT = 4,    ///< 4: a file that is something else.
  SAPIENS_CHECKPOINT_REFUSED = 5,    ///< 3: weights that do not add up to the model.
  SAPIENS_SHAPE_MISMATCH = 6,        ///< 4: an array of the wrong size.
  SAPIENS_OUT_OF_RESOURCES = 7,      ///< 5: memory or disk ran out.
  SAPIENS_UNSUPPORTED_HARDWARE = 8,  ///< 2: this CPU cannot run what was asked for.
  SAPIENS_WRITE_FAILED = 9,          ///< 5: an output could not be written.
  SAPIENS_NETWORK = 10,              ///< 6: a server that cannot be reached, or breaks off.
  SAPIENS_INTERNAL = 11,             ///< 70: a bug of ours; please report it.
  SAPIENS_CANCELLED = 12             ///< 130: the caller's progress function asked to stop.
};

/// The name that messages show: "ok", "corrupt-file" ...; "unknown" for any other number.
SAPIENS_API const char* sapiens_status_name(sapiens_status status);

/// What went wrong, in parts and as a whole.
typedef struct sapiens_error sapiens_error;

SAPIENS_API sapiens_status sapiens_error_status(const sapiens_error* error);  ///< NULL: SAPIENS_OK.
/// One sentence. This and the others are "" where there is nothing to say, and for NULL.
SAPIENS_API const char* sapiens_error_summary(const sapiens_error* error);
SAPIENS_API const char* sapiens_error_file(const sapiens_error* error);
/// The weight, the entry of an archive, the option or the argument that it is about. Options have
/// the names of their fields, here and, in backquotes, in other texts.
SAPIENS_API const char* sapiens_error_key(const sapiens_error* error);
SAPIENS_API const char* sapiens_error_expected(const sapiens_error* error);
SAPIENS_API const char* sapiens_error_actual(const sapiens_error* error);
SAPIENS_API const char* sapiens_error_hint(const sapiens_error* error);  ///< What to try next.
/// All of that, in several lines, as the program prints it.
SAPIENS_API const char* sapiens_error_text(const sapiens_error* error);
SAPIENS_API void sapiens_error_free(sapiens_error* error);

// ---- Options and images ----

/// Told now and then, in the thread that called, which share of the work is done, 0 to 1. Any
/// answer but 0 ends the call with SAPIENS_CANCELLED; its model stays usable. Must return normally
/// and may not compute with the same model.
typedef int32_t (*sapiens_progress)(double done, void* user_data);

/// What a caller knows better than the weights.
typedef struct sapiens_model_options {
  size_t struct_size;
  const char* arch;       ///< "0.3b", "0.6b", "1b", "2b": refuse anything else.
  const char* task;       ///< "pretrain", "backbone", "pose", "seg", "depth", "normal": likewise.
  int64_t heads;          ///< Attention heads, for widths that were never published.
  int64_t decoder_heads;  ///< The same of the decoder that reconstructs.
  int64_t grid_height;    ///< Patches of the file's position grid, where that is not square;
  int64_t grid_width;     ///< both or neither.
  int64_t input_height;   ///< Pixels that the model is to be prepared for;
  int64_t input_width;    ///< both or neither.
  int32_t patch_padding;  ///< 2, or -1 for none; by default the task decides.
  int32_t allow_partial;  ///< 1: compute with zeros in place of missing parameters.
  const char* prefix;     ///< Of several models in one file, the one whose names begin so:
                          ///< "encoder_q"; "." for names without a prefix.
  const char* expected_task;  ///< Refuse to load a task model for another task than this one; of
                              ///< two heads on one encoder take the one for it.
} sapiens_model_options;

enum {
  SAPIENS_PRECISION_AUTO = 0,  ///< bf16 where the CPU is faster with it, else fp32.
  SAPIENS_PRECISION_FP32 = 1,
  SAPIENS_PRECISION_BF16 = 2,
  SAPIENS_PRECISION_INT8 = 3
};

/// What the machine is asked to do.
typedef struct sapiens_engine_options {
  size_t struct_size;
  int32_t threads;           ///< 0: every core that this process may use.
  int32_t precision;         ///< SAPIENS_PRECISION_*
  const char* isa;           ///< At most "reference", "avx2", "avx512" or "amx"; NULL: what the
                             ///< variable SAPIENS_ISA says, else the best.
  sapiens_progress loading;  ///< Told about the loading of weights.
  void* user_data;           ///< Handed to `loading`.
} sapiens_engine_options;

/// An image, in exactly one of three ways. It is read during the call and not kept.
typedef struct sapiens_image {
  size_t struct_size;
  const char* path;       ///< A JPEG, PNG or WebP file; EXIF orientation is applied.
  const void* file;       ///< Or the bytes of such a file,
  size_t file_bytes;      ///< so many.
  const uint8_t* pixels;  ///< Or red, green, blue of each pixel, a byte each, from the top left.
  int64_t width;          ///< Of `pixels`, at least 1.
  int64_t height;
  int64_t stride;  ///< Bytes from one row to the next lower one; negative where the image lies
                   ///< upside down in memory; 0: 3 * width.
} sapiens_image;

enum {
  SAPIENS_PREPROCESS_FULL = 0,  ///< As in training.
  SAPIENS_PREPROCESS_LITE = 1   ///< As the original's lite scripts.
};

// ---- Checkpoints and reports ----

/// An opened checkpoint file: its table of tensors is read, their values are not.
typedef struct sapiens_checkpoint sapiens_checkpoint;

/// Fails with SAPIENS_NOT_FOUND, SAPIENS_CORRUPT_FILE or SAPIENS_UNSUPPORTED_FORMAT.
SAPIENS_API sapiens_status sapiens_checkpoint_open(const char* path,
                                                   sapiens_checkpoint** checkpoint,
                                                   sapiens_error** error);
SAPIENS_API void sapiens_checkpoint_free(sapiens_checkpoint* checkpoint);

/// How a checkpoint's tensors and a model's parameters came together.
enum {
  SAPIENS_VERDICT_EXACT = 0,       ///< Every parameter, under the model's own names.
  SAPIENS_VERDICT_EQUIVALENT = 1,  ///< Every parameter, after rules that lose nothing.
  SAPIENS_VERDICT_ADAPTED = 2,     ///< Every parameter, some resized.
  SAPIENS_VERDICT_INCOMPLETE = 3,  ///< Something is missing or does not fit.
  SAPIENS_VERDICT_FOREIGN = 4,     ///< Not a Sapiens model.
  SAPIENS_VERDICT_AMBIGUOUS = 5    ///< Several models; `prefix` of the options names one.
};

/// Everything `sapiens inspect` tells.
typedef struct sapiens_report sapiens_report;

/// Recognises the model and decides where every parameter comes from, without reading values. A
/// misfit is a verdict, not an error; SAPIENS_INVALID_ARGUMENT is for options that make no sense.
SAPIENS_API sapiens_status sapiens_checkpoint_inspect(const sapiens_checkpoint* checkpoint,
                                                      const sapiens_model_options* options,
                                                      sapiens_report** report,
                                                      sapiens_error** error);
/// The same after reading all values and comparing the checksums that the file has. Damage is not
/// an error: the report has a warning for every damaged member of the archive, with the names of
/// its tensors.
SAPIENS_API sapiens_status sapiens_checkpoint_verify(const sapiens_checkpoint* checkpoint,
                                                     const sapiens_model_options* options,
                                                     sapiens_report** report,
                                                     sapiens_error** error);
SAPIENS_API const char* sapiens_report_text(const sapiens_report* report);  ///< For people.
SAPIENS_API const char* sapiens_report_json(const sapiens_report* report);  ///< One document.
/// SAPIENS_VERDICT_* of the model as a whole; -1 for NULL.
SAPIENS_API int32_t sapiens_report_verdict(const sapiens_report* report);
/// The same for one use: "features", "reconstruct", "pose", "seg", "depth", "normal" or "detect";
/// -1 where the report has nothing to say about it.
SAPIENS_API int32_t sapiens_report_verdict_for(const sapiens_report* report, const char* use);
/// What was found in values, a sentence each: by a conversion weights with NaN or infinity, by a
/// verification damage. 0 for inspections, which read no values, and for NULL.
SAPIENS_API int64_t sapiens_report_warning_count(const sapiens_report* report);
/// Warning `index`, from 0; "" where there is none.
SAPIENS_API const char* sapiens_report_warning(const sapiens_report* report, int64_t index);
SAPIENS_API void sapiens_report_free(sapiens_report* report);

enum {
  SAPIENS_LAYOUT_CLEAN = 0,    ///< Keys without prefixes, as in the published `*_clean.pth`.
  SAPIENS_LAYOUT_MMENGINE = 1  ///< Keys with `backbone.`: loads in the original code.
};
enum {
  SAPIENS_DTYPE_OWN = 0,  ///< Each tensor keeps its own.
  SAPIENS_DTYPE_F32 = 1,
  SAPIENS_DTYPE_F16 = 2,
  SAPIENS_DTYPE_BF16 = 3
};

/// How a checkpoint is written again.
typedef struct sapiens_convert_options {
  size_t struct_size;
  int32_t layout;             ///< SAPIENS_LAYOUT_*
  int32_t dtype;              ///< SAPIENS_DTYPE_*
  int32_t keep_unused;        ///< 1: also what no model needs: decoder, other heads.
  int32_t reserved;           ///< 0
  sapiens_progress progress;  ///< Told now and then.
  void* user_data;            ///< Handed to `progress`.
} sapiens_convert_options;

/// Writes `checkpoint` again under the model's own names to the file `output`, .pth or .safetensors
/// by its name, which appears whole or not at all. `model` is what sapiens_checkpoint_inspect
/// takes, and `report` what it hands out, with warnings. Fails with SAPIENS_CHECKPOINT_REFUSED for
/// a model that is not complete, SAPIENS_WRITE_FAILED, and SAPIENS_INVALID_ARGUMENT for another
/// ending of the name, the checkpoint's own file, and a weight that f16 cannot hold.
SAPIENS_API sapiens_status sapiens_checkpoint_convert(
    const sapiens_checkpoint* checkpoint, const char* output, const sapiens_model_options* model,
    const sapiens_convert_options* options, sapiens_report** report, sapiens_error** error);

// ---- Results ----

/// A rectangle in pixels of an image. Its layout is final.
typedef struct sapiens_box {
  float x;  ///< Left and top edge.
  float y;
  float width;
  float height;
  float score;  ///< Of the detector that found it.
} sapiens_box;

/// One or more arrays of numbers, counted from 0; the function that made them says of what.
typedef struct sapiens_result sapiens_result;

SAPIENS_API int64_t sapiens_result_count(const sapiens_result* result);  ///< Arrays; 0 for NULL.
/// The number of axes of array `index`; 0 where there is no such array.
SAPIENS_API int32_t sapiens_result_rank(const sapiens_result* result, int64_t index);
/// So many sizes; NULL where there is no such array. This and the numbers live as long as `result`.
SAPIENS_API const int64_t* sapiens_result_shape(const sapiens_result* result, int64_t index);
/// The numbers, if they are floats; else NULL.
SAPIENS_API const float* sapiens_result_floats(const sapiens_result* result, int64_t index);
/// The numbers, if they are bytes; else NULL.
SAPIENS_API const uint8_t* sapiens_result_bytes(const sapiens_result* result, int64_t index);
/// The boxes, if they are boxes; else NULL. So many as the array's one size says.
SAPIENS_API const sapiens_box* sapiens_result_boxes(const sapiens_result* result, int64_t index);
/// Of features: the block, from 0, that array `index` came out of; otherwise -1.
SAPIENS_API int64_t sapiens_result_layer(const sapiens_result* result, int64_t index);
SAPIENS_API void sapiens_result_free(sapiens_result* result);

// ---- Features ----

/// A loaded encoder.
typedef struct sapiens_encoder sapiens_encoder;

enum {
  SAPIENS_FEATMAP = 0,     ///< Patch tokens [B, C, gh, gw].
  SAPIENS_RAW = 1,         ///< All tokens [B, tokens, C], the class token first where there is one.
  SAPIENS_CLS_TOKEN = 2,   ///< [B, C]
  SAPIENS_AVG_FEATMAP = 3  ///< [B, C]: the mean patch token, normalised.
};

/// What to compute. `preprocess` and the size are about images alone.
typedef struct sapiens_features_options {
  size_t struct_size;
  const int64_t* layers;  ///< Blocks to emit, negative from the end; none: the last one.
  size_t layer_count;
  int32_t out_type;           ///< SAPIENS_FEATMAP ...
  int32_t norm_layers;        ///< 1: every block passes the final norm, not the last one alone.
  int32_t preprocess;         ///< SAPIENS_PREPROCESS_*
  int32_t reserved;           ///< 0
  int64_t height;             ///< Pixels that images are resized to, at least 16;
  int64_t width;              ///< both or neither: by default the model's native size.
  sapiens_progress progress;  ///< Told after every block.
  void* user_data;            ///< Handed to `progress`.
} sapiens_features_options;

/// Loads the encoder of `checkpoint`, of any task. Fails with SAPIENS_CHECKPOINT_REFUSED, and the
/// whole report as summary, where a parameter has no value or holds NaN or infinity, unless
/// `allow_partial`.
SAPIENS_API sapiens_status sapiens_encoder_load(const sapiens_checkpoint* checkpoint,
                                                const sapiens_model_options* options,
                                                const sapiens_engine_options* engine,
                                                sapiens_encoder** encoder, sapiens_error** error);
SAPIENS_API void sapiens_encoder_free(sapiens_encoder* encoder);

/// The report on the encoder alone.
SAPIENS_API sapiens_status sapiens_encoder_report(const sapiens_encoder* encoder,
                                                  sapiens_report** report, sapiens_error** error);
/// The image size that the model was made for, in pixels; 0 for NULL.
SAPIENS_API int64_t sapiens_encoder_height(const sapiens_encoder* encoder);
SAPIENS_API int64_t sapiens_encoder_width(const sapiens_encoder* encoder);
/// 1 where parameters are zeros or not finite, which `allow_partial` allowed: mark what comes out.
SAPIENS_API int32_t sapiens_encoder_is_partial(const sapiens_encoder* encoder);
/// What it computes in: "fp32", "bf16" or "int8".
SAPIENS_API const char* sapiens_encoder_precision(const sapiens_encoder* encoder);

/// Features of `count` images, resized and computed together: an array of floats for every
/// requested layer, in ascending order of blocks, with B = count.
SAPIENS_API sapiens_status sapiens_encoder_features(sapiens_encoder* encoder,
                                                    const sapiens_image* images, size_t count,
                                                    const sapiens_features_options* options,
                                                    sapiens_result** features,
                                                    sapiens_error** error);
/// The same of numbers that are prepared already: `input` is [batch, 3, height, width], normalised;
/// height and width are 16 or more.
SAPIENS_API sapiens_status sapiens_encoder_run(sapiens_encoder* encoder, const float* input,
                                               int64_t batch, int64_t height, int64_t width,
                                               const sapiens_features_options* options,
                                               sapiens_result** features, sapiens_error** error);

// ---- Keypoints, classes, depth, normals ----

/// A network with a task head, for the one task of its checkpoint.
typedef struct sapiens_task_model sapiens_task_model;

typedef struct sapiens_task_options {
  size_t struct_size;
  int32_t preprocess;         ///< SAPIENS_PREPROCESS_*
  int32_t no_flip_test;       ///< Pose. 1: leave the mirrored pass out, which halves the time.
  sapiens_progress progress;  ///< Told after every block.
  void* user_data;            ///< Handed to `progress`.
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
/// Keypoints, classes, or channels of the head; 0 for NULL.
SAPIENS_API int64_t sapiens_task_model_outputs(const sapiens_task_model* model);
/// What keypoint or class `index` is called; "" where nobody has named it.
SAPIENS_API const char* sapiens_task_model_output_name(const sapiens_task_model* model,
                                                       int64_t index);
/// The size that images, or persons, are resized to, in pixels; 0 for NULL.
SAPIENS_API int64_t sapiens_task_model_height(const sapiens_task_model* model);
SAPIENS_API int64_t sapiens_task_model_width(const sapiens_task_model* model);
/// What it computes in: "fp32", "bf16" or "int8".
SAPIENS_API const char* sapiens_task_model_precision(const sapiens_task_model* model);

/// Keypoints of the person in each of `count` boxes; without boxes, of one person who fills the
/// image. One array of floats [persons, keypoints, 3]: x and y in pixels of the image, and the
/// score, about 0 to 1. The box's score does not matter. SAPIENS_INVALID_ARGUMENT where a box is
/// outside of the image, or all boxes lie between 0 and 1, as shares of its sides do, and for a
/// model of another task.
SAPIENS_API sapiens_status sapiens_task_model_pose(sapiens_task_model* model,
                                                   const sapiens_image* image,
                                                   const sapiens_box* boxes, size_t count,
                                                   const sapiens_task_options* options,
                                                   sapiens_result** poses, sapiens_error** error);
/// What the model's task finds in each of `count` images, which are computed together. Per image
/// one array of the image's size:
///
/// - seg: bytes [H, W], the most likely class of every pixel; 0 is the background.
/// - depth: floats [H, W], larger is farther, about 0 to 1 on the person and without meaning
///   elsewhere.
/// - normal: floats [H, W, 3], unit vectors x, y, z, where x is horizontal.
///
/// For pose it is one array of floats [1, keypoints, 3], of a person who fills the image.
SAPIENS_API sapiens_status sapiens_task_model_run(sapiens_task_model* model,
                                                  const sapiens_image* images, size_t count,
                                                  const sapiens_task_options* options,
                                                  sapiens_result** results, sapiens_error** error);

// ---- Persons ----

/// A detector of persons, the RTMDet that the original puts in front of its tasks.
typedef struct sapiens_detector sapiens_detector;

typedef struct sapiens_detect_options {
  size_t struct_size;
  float min_score;            ///< A box needs a higher score, up to 1; 0: 0.3.
  float nms_iou;              ///< Of two boxes that overlap more, the lower score goes; 0: 0.3.
  int64_t max_detections;     ///< The best so many of what is left; 0: 100.
  sapiens_progress progress;  ///< Told now and then.
  void* user_data;            ///< Handed to `progress`.
} sapiens_detect_options;

/// Fails with SAPIENS_CHECKPOINT_REFUSED for anything but a complete detector. It computes in fp32
/// unless `engine` says otherwise.
SAPIENS_API sapiens_status sapiens_detector_load(const sapiens_checkpoint* checkpoint,
                                                 const sapiens_engine_options* engine,
                                                 sapiens_detector** detector,
                                                 sapiens_error** error);
SAPIENS_API void sapiens_detector_free(sapiens_detector* detector);

/// The persons in an image, best first: one array of boxes [persons], which may be empty, and may
/// reach beyond the image. They are what sapiens_task_model_pose takes; for none, do not call it,
/// since without boxes it takes the whole image for a person.
SAPIENS_API sapiens_status sapiens_detector_detect(sapiens_detector* detector,
                                                   const sapiens_image* image,
                                                   const sapiens_detect_options* options,
                                                   sapiens_result** persons, sapiens_error** error);

// ---- Reconstruction ----

/// A masked autoencoder: the pretrained encoder with the decoder that cleaned files lack.
typedef struct sapiens_reconstructor sapiens_reconstructor;

typedef struct sapiens_reconstruct_options {
  size_t struct_size;
  double mask_ratio;          ///< The share of patches that is hidden; 0: 0.75; -1: none.
  uint64_t seed;              ///< Decides which, the same ones in every image; 0: 1.
  const float* noise;         ///< Decides instead of the seed where there is any: a number per
  size_t noise_count;         ///< patch, row by row; those with the smallest stay visible.
  sapiens_progress progress;  ///< Told after every block.
  void* user_data;            ///< Handed to `progress`.
} sapiens_reconstruct_options;

/// The arrays of a reconstruction, by index. Images are bytes [H, W, 3], of the model's size.
enum {
  SAPIENS_RECONSTRUCTION_ORIGINAL = 0,   ///< The image, resized.
  SAPIENS_RECONSTRUCTION_MASKED = 1,     ///< Hidden patches are grey.
  SAPIENS_RECONSTRUCTION_PREDICTED = 2,  ///< Hidden patches as predicted, the others as they are.
  SAPIENS_RECONSTRUCTION_MASK = 3,       ///< Bytes [gh, gw]: 1 where a patch is hidden.
  SAPIENS_RECONSTRUCTION_ERRORS = 4      ///< Floats [2]: the loss of training, and what it is for
                                         ///< predicting each patch's mean; NaN: nothing is hidden.
};

/// Fails as sapiens_encoder_load does, and with SAPIENS_CHECKPOINT_REFUSED for a file without the
/// decoder, whatever `allow_partial` says. The input size is that of training: there is no other.
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
/// The size that images are resized to, in pixels; 0 for NULL.
SAPIENS_API int64_t sapiens_reconstructor_height(const sapiens_reconstructor* reconstructor);
SAPIENS_API int64_t sapiens_reconstructor_width(const sapiens_reconstructor* reconstructor);
/// What it computes in: "fp32", "bf16" or "int8".
SAPIENS_API const char* sapiens_reconstructor_precision(const sapiens_reconstructor* reconstructor);

/// Hides patches of an image and predicts them; see SAPIENS_RECONSTRUCTION_* for what comes out.
SAPIENS_API sapiens_status sapiens_reconstructor_run(sapiens_reconstructor* reconstructor,
                                                     const sapiens_image* image,
                                                     const sapiens_reconstruct_options* options,
                                                     sapiens_result** reconstruction,
                                                     sapiens_error** error);

#ifdef __cplusplus
}  // extern "C"
#endif

#endif  // SAPIENS_SAPIENS_H
