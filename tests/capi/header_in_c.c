/* sapiens.h as C11 sees it, and the layout that programs were compiled with: fields are added at
 * the end. */
#include <sapiens/sapiens.h>

#define EXPECT_LAYOUT(type, size, last, offset)          \
  _Static_assert(sizeof(type) == (size), #type " grew"); \
  _Static_assert(offsetof(type, last) == (offset), #type " was rearranged")

EXPECT_LAYOUT(sapiens_model_options, 96, expected_task, 88);
EXPECT_LAYOUT(sapiens_engine_options, 40, user_data, 32);
EXPECT_LAYOUT(sapiens_image, 64, stride, 56);
EXPECT_LAYOUT(sapiens_features_options, 88, out_type_count, 80);
EXPECT_LAYOUT(sapiens_task_options, 32, user_data, 24);
EXPECT_LAYOUT(sapiens_detect_options, 40, user_data, 32);
EXPECT_LAYOUT(sapiens_convert_options, 40, user_data, 32);
EXPECT_LAYOUT(sapiens_onnx_options, 88, user_data, 80);
EXPECT_LAYOUT(sapiens_reconstruct_options, 56, user_data, 48);
EXPECT_LAYOUT(sapiens_box, 20, score, 16);

const char* version_in_c(void);
const char* version_in_c(void) { return sapiens_version(); }
