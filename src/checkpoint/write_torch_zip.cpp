#include <fmt/format.h>

#include <vector>

#include "checkpoint/number_types.hpp"
#include "checkpoint/pickle_writer.hpp"
#include "checkpoint/torch_tensors.hpp"
#include "checkpoint/write.hpp"
#include "checkpoint/write_sources.hpp"
#include "checkpoint/zip_writer.hpp"
#include "core/shape.hpp"

namespace sapiens {
namespace {

// torch.load strips everything up to the first slash; newer versions write this folder name.
constexpr std::string_view kFolder = "archive";

void put_ordered_dict(PickleWriter& out) {
  out.global("collections", "OrderedDict");
  out.op(Opcode::EmptyTuple);
  out.op(Opcode::Reduce);
}

// ('storage', torch.FloatStorage, '17', 'cpu', 1024)
void put_storage(PickleWriter& out, const TensorSource& tensor, std::size_t number, Index numel) {
  out.op(Opcode::Mark);
  out.text("storage");
  out.global("torch", names_of(tensor.dtype).storage);
  out.text(std::to_string(number));
  out.text("cpu");
  out.integer(numel);
  out.op(Opcode::Tuple);
  out.op(Opcode::BinPersId);
}

// torch._utils._rebuild_tensor_v2(storage, 0, shape, strides, False, OrderedDict())
void put_tensor(PickleWriter& out, const TensorSource& tensor, std::size_t number) {
  out.global("torch._utils", "_rebuild_tensor_v2");
  out.op(Opcode::Mark);
  put_storage(out, tensor, number, numel_of(tensor));
  out.integer(0);
  out.integers(tensor.shape);
  out.integers(packed_strides(tensor.shape));
  out.op(Opcode::NewFalse);
  put_ordered_dict(out);
  out.op(Opcode::Tuple);
  out.op(Opcode::Reduce);
}

void put_state_dict(PickleWriter& out, std::span<const TensorSource> tensors) {
  put_ordered_dict(out);
  out.op(Opcode::Mark);
  for (std::size_t i = 0; i < tensors.size(); ++i) {
    out.text(tensors[i].key);
    put_tensor(out, tensors[i], i);
  }
  out.op(Opcode::SetItems);
}

// {"meta": {...}, "state_dict": OrderedDict(...)}
void put_wrapped(PickleWriter& out, std::span<const TensorSource> tensors,
                 const PlainValue::Dict& attributes) {
  out.op(Opcode::EmptyDict);
  out.op(Opcode::Mark);
  out.text("meta");
  out.dict(attributes);
  out.text("state_dict");
  put_state_dict(out, tensors);
  out.op(Opcode::SetItems);
}

// OrderedDict(...), with the attributes in its __dict__
void put_flat(PickleWriter& out, std::span<const TensorSource> tensors,
              const PlainValue::Dict& attributes) {
  put_state_dict(out, tensors);
  if (attributes.empty()) return;
  out.op(Opcode::EmptyDict);
  out.text(kAttributesName);
  out.dict(attributes);
  out.op(Opcode::SetItem);
  out.op(Opcode::Build);
}

PickleWriter make_pickle(std::span<const TensorSource> tensors, const TorchLayout& layout) {
  PickleWriter out;
  layout.wrap_in_state_dict ? put_wrapped(out, tensors, layout.attributes)
                            : put_flat(out, tensors, layout.attributes);
  out.op(Opcode::Stop);
  return out;
}

std::string member(std::string_view name) { return fmt::format("{}/{}", kFolder, name); }

void add_text(ZipWriter& zip, std::string_view name, std::string_view text) {
  zip.add(member(name), std::as_bytes(std::span(text)));
}

}  // namespace

void write_torch_zip(const std::filesystem::path& path, std::span<const TensorSource> tensors,
                     const TorchLayout& layout, const WriteProgress& progress) {
  check_sources(tensors);
  ZipWriter zip(path);
  zip.add(member("data.pkl"), make_pickle(tensors, layout).bytes());
  add_text(zip, "byteorder", "little");

  const std::uint64_t total = total_bytes(tensors);
  std::uint64_t done = 0;
  for (std::size_t i = 0; i < tensors.size(); ++i) {
    zip.begin(member(fmt::format("data/{}", i)), byte_size(tensors[i]));
    stream_tensor(tensors[i], [&](std::span<const std::byte> bytes) { zip.write(bytes); });
    zip.end();
    done += byte_size(tensors[i]);
    if (progress) progress(done, total);
  }
  add_text(zip, "version", "3\n");  // the version of the format since PyTorch 1.6
  zip.finish();
}

}  // namespace sapiens
