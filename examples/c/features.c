/* Features of one image from C: open a checkpoint, see what was loaded, run, read numbers. */
#include <inttypes.h>
#include <sapiens/sapiens.h>
#include <stdio.h>

/* One exit for all: freeing NULL does nothing. */
int main(int argc, char** argv) {
  if (argc != 3) {
    fprintf(stderr, "usage: features_c_example CHECKPOINT IMAGE\n");
    return 2;
  }
  sapiens_checkpoint* checkpoint = NULL;
  sapiens_report* report = NULL;
  sapiens_encoder* encoder = NULL;
  sapiens_result* features = NULL;
  sapiens_error* error = NULL;

  sapiens_status status = sapiens_checkpoint_open(argv[1], &checkpoint, &error);
  if (status != SAPIENS_OK) goto done;
  status = sapiens_checkpoint_inspect(checkpoint, NULL, &report, &error);
  if (status != SAPIENS_OK) goto done;
  fputs(sapiens_report_text(report), stdout);

  status = sapiens_encoder_load(checkpoint, NULL, NULL, &encoder, &error);
  if (status != SAPIENS_OK) goto done;
  sapiens_image image;
  SAPIENS_INIT(&image);
  image.path = argv[2];
  status = sapiens_encoder_features(encoder, &image, 1, NULL, &features, &error);
  if (status != SAPIENS_OK) goto done;

  /* One array per requested layer, [B, C, gh, gw]; by default the last one. */
  const int64_t* shape = sapiens_result_shape(features, 0);
  const float* featmap = sapiens_result_floats(features, 0);
  printf("featmap %" PRId64 "x%" PRId64 "x%" PRId64 ", channel 0 of the middle patch: %g\n",
         shape[1], shape[2], shape[3], (double)featmap[(shape[2] / 2) * shape[3] + shape[3] / 2]);

done:
  if (status != SAPIENS_OK) fprintf(stderr, "%s\n", sapiens_error_text(error));
  sapiens_error_free(error);
  sapiens_result_free(features);
  sapiens_encoder_free(encoder);
  sapiens_report_free(report);
  sapiens_checkpoint_free(checkpoint);
  return status == SAPIENS_OK ? 0 : 1;
}
