#pragma once

#include <cstdint>
#include <span>
#include <string_view>

#include "checkpoint/byte_writer.hpp"
#include "checkpoint/pickle.hpp"
#include "checkpoint/write.hpp"

namespace sapiens {

/// Writes the few pickle instructions that torch.load(weights_only=True) understands in every
/// version. Protocol 2, no memo.
class PickleWriter {
 public:
  PickleWriter();

  void op(Opcode opcode) { out_.u8(static_cast<std::uint8_t>(opcode)); }
  void text(std::string_view value);
  void integer(std::int64_t value);
  void real(double value);
  void integers(std::span<const std::int64_t> values);  ///< Writes them as a tuple.
  void global(std::string_view module, std::string_view name);
  void list(const PlainValue::List& values);
  void dict(const PlainValue::Dict& items);

  std::span<const std::byte> bytes() const noexcept { return out_.bytes(); }

 private:
  void plain(const PlainValue& value);

  ByteWriter out_;
};

}  // namespace sapiens
