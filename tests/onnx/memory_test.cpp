#include <gtest/gtest.h>

#include <memory>
#include <string>

#include "capi/failing_new.hpp"
#include "onnx/module.hpp"

namespace sapiens {
namespace {

// Protobuf's stream over a growing string crashed in its destructor where growing had thrown.
TEST(OnnxMemory, ThatRunsOutWhileAMessageIsWrittenIsNoCrash) {
  const std::unique_ptr<onnx::RawModel> model(onnx::require_module("graph").create());
  ASSERT_NE(model, nullptr);
  const std::string large(100'000, 'x');
  ASSERT_TRUE(model->set_header("p", "1", "g", large.c_str(), 8));
  bool done = false;
  int failed = 0;
  for (long count = 0; !done && count < 100; ++count) {
    onnx::Bytes bytes;
    fail_after_allocations(count);
    done = model->begin(bytes);
    allocate_again();
    if (done) {
      EXPECT_GT(bytes.size, large.size());
    } else {
      ++failed;
    }
  }
  EXPECT_TRUE(done);
  EXPECT_GT(failed, 0);
}

}  // namespace
}  // namespace sapiens
