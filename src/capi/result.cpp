#include <variant>

#include "capi/handles.hpp"

namespace {

const sapiens_array* find(const sapiens_result* result, int64_t index) {
  if (!result || index < 0 || index >= sapiens_result_count(result)) return nullptr;
  return &result->arrays[static_cast<std::size_t>(index)];
}

template <typename Value>
const Value* values(const sapiens_result* result, int64_t index) {
  const sapiens_array* const array = find(result, index);
  const auto* const held = array ? std::get_if<std::vector<Value>>(&array->values) : nullptr;
  return held ? held->data() : nullptr;
}

}  // namespace

int64_t sapiens_result_count(const sapiens_result* result) {
  return result ? static_cast<int64_t>(result->arrays.size()) : 0;
}

int32_t sapiens_result_rank(const sapiens_result* result, int64_t index) {
  const sapiens_array* const array = find(result, index);
  return array ? static_cast<int32_t>(array->shape.size()) : 0;
}

const int64_t* sapiens_result_shape(const sapiens_result* result, int64_t index) {
  const sapiens_array* const array = find(result, index);
  return array ? array->shape.data() : nullptr;
}

const float* sapiens_result_floats(const sapiens_result* result, int64_t index) {
  return values<float>(result, index);
}

const uint8_t* sapiens_result_bytes(const sapiens_result* result, int64_t index) {
  return values<uint8_t>(result, index);
}

const sapiens_box* sapiens_result_boxes(const sapiens_result* result, int64_t index) {
  return values<sapiens_box>(result, index);
}

int64_t sapiens_result_layer(const sapiens_result* result, int64_t index) {
  const sapiens_array* const array = find(result, index);
  return array ? array->layer : -1;
}

int32_t sapiens_result_out_type(const sapiens_result* result, int64_t index) {
  const sapiens_array* const array = find(result, index);
  return array ? array->out_type : -1;
}

void sapiens_result_free(sapiens_result* result) { delete result; }
