#include <algorithm>
#include <utility>

#include "checkpoint/pickle.hpp"
#include "fuzz/support/mutators.hpp"
#include "fuzz/support/opcodes.hpp"

namespace sapiens::fuzz {
namespace {

std::uint8_t code_of(Opcode opcode) noexcept { return static_cast<std::uint8_t>(opcode); }

constexpr Opcode kOpcodes[] = {
    Opcode::Mark,        Opcode::EmptyTuple,    Opcode::Pop,         Opcode::PopMark,
    Opcode::Dup,         Opcode::BinBytes,      Opcode::Float,       Opcode::BinFloat,
    Opcode::Int,         Opcode::BinInt,        Opcode::BinInt1,     Opcode::Long,
    Opcode::BinInt2,     Opcode::None,          Opcode::PersId,      Opcode::BinPersId,
    Opcode::Reduce,      Opcode::String,        Opcode::BinString,   Opcode::Unicode,
    Opcode::BinUnicode,  Opcode::EmptyList,     Opcode::Append,      Opcode::Build,
    Opcode::Global,      Opcode::Dict,          Opcode::Appends,     Opcode::Get,
    Opcode::BinGet,      Opcode::Inst,          Opcode::LongBinGet,  Opcode::List,
    Opcode::Obj,         Opcode::Put,           Opcode::BinPut,      Opcode::LongBinPut,
    Opcode::SetItem,     Opcode::Tuple,         Opcode::SetItems,    Opcode::EmptyDict,
    Opcode::Proto,       Opcode::NewObj,        Opcode::Ext1,        Opcode::Tuple1,
    Opcode::Tuple2,      Opcode::Tuple3,        Opcode::NewTrue,     Opcode::NewFalse,
    Opcode::Long1,       Opcode::Long4,         Opcode::BinUnicode8, Opcode::BinBytes8,
    Opcode::EmptySet,    Opcode::AddItems,      Opcode::FrozenSet,   Opcode::NewObjEx,
    Opcode::StackGlobal, Opcode::Memoize,       Opcode::Frame,       Opcode::ByteArray8,
    Opcode::NextBuffer,  Opcode::ReadonlyBuffer};

constexpr std::string_view kGlobals[] = {
    "collections\nOrderedDict",
    "torch._utils\n_rebuild_tensor_v2",
    "torch._utils\n_rebuild_tensor",
    "torch._utils\n_rebuild_parameter",
    "torch._utils\n_rebuild_parameter_with_state",
    "torch._utils\n_rebuild_sparse_tensor",
    "torch._utils\n_rebuild_qtensor",
    "torch._utils\n_rebuild_meta_tensor_no_storage",
    "torch._tensor\n_rebuild_from_type_v2",
    "torch\nFloatStorage",
    "torch\nHalfStorage",
    "torch\nBFloat16Storage",
    "torch\nLongStorage",
    "torch\nBoolStorage",
    "torch\nComplexFloatStorage",
    "torch.storage\nUntypedStorage",
    "torch.storage\nTypedStorage",
    "torch\nfloat32",
    "torch\nSize",
    "torch\ndevice",
    "numpy.core.multiarray\n_reconstruct",
    "numpy.core.multiarray\nscalar",
    "numpy\nndarray",
    "numpy\ndtype",
    "_codecs\nencode",
    "builtins\nset",
    "builtins\ngetattr",
    "copyreg\n_reconstructor",
    "__builtin__\nobject",
    "os\nsystem",
};

constexpr std::string_view kLines[] = {"0",  "00",  "01",  "-1",  "9223372036854775807",
                                       "1L", "nan", "inf", "'a'", "-9223372036854775808"};

constexpr std::string_view kTexts[] = {"",       "a",     "storage", "cpu",
                                       "0",      "1",     "meta",    "backbone",
                                       "weight", "bytes", "dtype",   "state_dict"};

// Numbers at which sizes, offsets and counts change their meaning.
constexpr std::uint64_t kEdges[] = {0,          1,          2,          3,
                                    4,          0x7f,       0x80,       0xff,
                                    0x100,      0x7fff,     0x8000,     0xffff,
                                    0x7fffffff, 0x80000000, 0xffffffff, 0x7fffffffffffffff,
                                    ~0ull,      1ull << 63, 1ull << 62, 1ull << 32};

std::string little_endian(std::uint64_t number, std::size_t bytes) {
  std::string text;
  for (std::size_t i = 0; i < bytes; ++i) text += static_cast<char>(number >> 8 * i);
  return text;
}

std::string new_argument(std::uint8_t code, Random& random) {
  switch (argument_of(code)) {
    case Argument::None:
      return {};
    case Argument::Bytes1:
      return little_endian(random.one_in(4) ? random.next() : random.below(16), 1);
    case Argument::Bytes2:
    case Argument::Bytes4:
    case Argument::Bytes8:
      return little_endian(random.one_in(2) ? random.below(16) : random.of(kEdges), 8);
    case Argument::Line:
      return std::string(random.of(kLines));
    case Argument::TwoLines:
      return std::string(random.of(kGlobals));
    case Argument::Counted1:
    case Argument::Counted4:
    case Argument::Counted8:
      return std::string(random.of(kTexts));
  }
  return {};
}

Instruction new_instruction(Random& random) {
  const std::uint8_t code = code_of(random.of(kOpcodes));
  return {code, new_argument(code, random)};
}

void change_argument(Instruction& instruction, Random& random) {
  if (instruction.argument.empty() || random.one_in(2)) {
    instruction.argument = new_argument(instruction.code, random);
    return;
  }
  const std::size_t more = random.one_in(20) ? 300 : 8;
  instruction.argument =
      mutate_bytes(std::move(instruction.argument), instruction.argument.size() + more);
  // A newline would end the line and make instructions of the rest.
  const Argument kind = argument_of(instruction.code);
  if (kind == Argument::Line) std::erase(instruction.argument, '\n');
  if (kind == Argument::TwoLines && std::ranges::count(instruction.argument, '\n') != 1) {
    instruction.argument = new_argument(instruction.code, random);
  }
}

/// Places in a list, of which neither is behind its end.
struct Range {
  std::ptrdiff_t first, last;
};

Range some_range(std::size_t size, Random& random) {
  const std::size_t first = random.below(size);
  const std::size_t length = 1 + random.below(std::min<std::size_t>(size - first, 12));
  return {static_cast<std::ptrdiff_t>(first), static_cast<std::ptrdiff_t>(first + length)};
}

void change(Instructions& list, Random& random) {
  if (list.empty()) return list.push_back(new_instruction(random));
  const auto place = [&] { return static_cast<std::ptrdiff_t>(random.below(list.size())); };
  const Range range = some_range(list.size(), random);
  const Instructions copy(list.begin() + range.first, list.begin() + range.last);
  switch (random.below(9)) {
    case 0:
      list.insert(list.begin() + place(), new_instruction(random));
      return;
    case 1:
      list.erase(list.begin() + range.first, list.begin() + range.last);
      return;
    case 2:
      list.insert(list.begin() + range.last, copy.begin(), copy.end());
      return;
    case 3:  // elsewhere
      list.insert(list.begin() + place(), copy.begin(), copy.end());
      return;
    case 4:
      std::swap(list[static_cast<std::size_t>(place())], list[static_cast<std::size_t>(place())]);
      return;
    case 5: {  // another instruction with an argument of the same kind
      Instruction& instruction = list[static_cast<std::size_t>(place())];
      const std::uint8_t code = code_of(random.of(kOpcodes));
      if (argument_of(code) != argument_of(instruction.code)) instruction.argument.clear();
      instruction.code = code;
      return;
    }
    case 6: {  // the values of a range as one
      list.insert(list.begin() + range.last,
                  {code_of(random.one_in(2) ? Opcode::Tuple : Opcode::List), {}});
      list.insert(list.begin() + range.first, {code_of(Opcode::Mark), {}});
      return;
    }
    default:
      return change_argument(list[static_cast<std::size_t>(place())], random);
  }
}

}  // namespace

std::string mutate_pickle(std::string_view pickle, Random& random) {
  Instructions list = take_instructions(pickle);
  for (std::size_t changes = 1 + random.below(random.one_in(4) ? 12 : 3); changes > 0; --changes) {
    change(list, random);
  }
  return to_bytes(list) + std::string(pickle);
}

std::string cross_pickles(std::string_view first, std::string_view second, Random& random) {
  Instructions made = take_instructions(first);
  const Instructions other = take_instructions(second);
  if (other.empty()) return to_bytes(made);
  const Range range = some_range(other.size(), random);
  const auto last = random.one_in(2) ? std::ssize(other) : range.last;
  const auto at = static_cast<std::ptrdiff_t>(random.below(made.size()));
  if (random.one_in(2)) made.erase(made.begin() + at, made.end());
  made.insert(made.begin() + std::min(at, std::ssize(made)), other.begin() + range.first,
              other.begin() + last);
  return to_bytes(made);
}

std::string mutate_legacy(std::string_view file, Random& random) {
  constexpr std::size_t kPickles = 5;  // magic number, version, system, object, keys of storages
  std::vector<std::string> parts;
  for (std::size_t i = 0; i < kPickles; ++i) {
    const char* const begin = file.data();
    take_instructions(file);
    parts.emplace_back(begin, file.data());
  }
  parts.emplace_back(file);
  const std::size_t chosen = random.one_in(8) ? random.below(parts.size()) : 3 + random.below(3);
  std::string& part = parts[chosen];
  part = chosen < kPickles ? mutate_pickle(part, random) : mutate_bytes(part, part.size() + 16);
  std::string made;
  for (const std::string& each : parts) made += each;
  return made;
}

}  // namespace sapiens::fuzz
