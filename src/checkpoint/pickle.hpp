#pragma once

#include <bit>
#include <cstdint>
#include <memory>
#include <memory_resource>
#include <span>
#include <string_view>
#include <vector>

#include "core/byte_reader.hpp"

namespace sapiens {

/// The instructions of pickle protocols 0 to 5, named as in CPython's pickletools.
enum class Opcode : std::uint8_t {
  Mark = '(',
  EmptyTuple = ')',
  Stop = '.',
  Pop = '0',
  PopMark = '1',
  Dup = '2',
  BinBytes = 'B',
  ShortBinBytes = 'C',
  Float = 'F',
  BinFloat = 'G',
  Int = 'I',
  BinInt = 'J',
  BinInt1 = 'K',
  Long = 'L',
  BinInt2 = 'M',
  None = 'N',
  PersId = 'P',
  BinPersId = 'Q',
  Reduce = 'R',
  String = 'S',
  BinString = 'T',
  ShortBinString = 'U',
  Unicode = 'V',
  BinUnicode = 'X',
  EmptyList = ']',
  Append = 'a',
  Build = 'b',
  Global = 'c',
  Dict = 'd',
  Appends = 'e',
  Get = 'g',
  BinGet = 'h',
  Inst = 'i',
  LongBinGet = 'j',
  List = 'l',
  Obj = 'o',
  Put = 'p',
  BinPut = 'q',
  LongBinPut = 'r',
  SetItem = 's',
  Tuple = 't',
  SetItems = 'u',
  EmptyDict = '}',
  Proto = 0x80,
  NewObj = 0x81,
  Ext1 = 0x82,
  Ext2 = 0x83,
  Ext4 = 0x84,
  Tuple1 = 0x85,
  Tuple2 = 0x86,
  Tuple3 = 0x87,
  NewTrue = 0x88,
  NewFalse = 0x89,
  Long1 = 0x8a,
  Long4 = 0x8b,
  ShortBinUnicode = 0x8c,
  BinUnicode8 = 0x8d,
  BinBytes8 = 0x8e,
  EmptySet = 0x8f,
  AddItems = 0x90,
  FrozenSet = 0x91,
  NewObjEx = 0x92,
  StackGlobal = 0x93,
  Memoize = 0x94,
  Frame = 0x95,
  ByteArray8 = 0x96,
  NextBuffer = 0x97,
  ReadonlyBuffer = 0x98,
};

/// Values refer to each other by index. A pickle may be cyclic or nested a million levels deep, and
/// a flat table has neither ownership cycles nor recursive destructors.
using NodeId = std::uint32_t;
inline constexpr NodeId kNoNode = ~NodeId{0};

enum class PickleKind : std::uint8_t {
  None,
  Bool,
  Int,
  BigInt,  ///< More than 64 bits; `text` holds its little-endian bytes.
  Float,
  Text,
  Bytes,
  Tuple,
  List,
  Dict,  ///< Items alternate: key, value, key, value.
  Set,
  Global,      ///< A name, `text`.`name`; never looked up, let alone called.
  Object,      ///< What `callable(*args)` would have made. Items as in Dict.
  Persistent,  ///< Data outside the pickle; `args` describes it.
};

/// One value of a pickle. The graph owns texts and names, as the file may change while they are
/// compared; Bytes are a window onto the pickle, because they may be large.
struct PickleNode {
  PickleKind kind = PickleKind::None;
  std::uint32_t list = ~std::uint32_t{0};      ///< Index into the graph's item lists.
  std::uint32_t appended = ~std::uint32_t{0};  ///< List of what an Object was extended with.
  NodeId callable = kNoNode;
  NodeId args = kNoNode;
  /// The argument of BUILD, which `__setstate__` would receive. Several BUILDs, and keyword
  /// arguments, are kept as a Tuple of two states, the earlier one first.
  NodeId state = kNoNode;
  std::int64_t integer = 0;  ///< The value of an Int or Bool, or the bits of a Float.
  std::string_view text = {};
  std::string_view name = {};

  double real() const noexcept { return std::bit_cast<double>(integer); }
};

/// All values of one pickle, as data.
class PickleGraph {
 public:
  NodeId root = kNoNode;

  std::size_t size() const noexcept { return nodes_.size(); }
  const PickleNode& operator[](NodeId id) const noexcept { return nodes_[id]; }
  std::span<const NodeId> items(NodeId id) const noexcept;
  /// The elements that an Object was extended with, as subclasses of list are.
  std::span<const NodeId> appended(NodeId id) const noexcept;

  /// True for a Global (or an Object made by one) of that full name: "collections.OrderedDict".
  bool is_global(NodeId id, std::string_view module, std::string_view name) const noexcept;

  NodeId add(PickleNode node);
  PickleNode& edit(NodeId id) noexcept { return nodes_[id]; }
  /// The list of a Tuple, List, Dict, Set or Object, created on first use.
  std::vector<NodeId>& edit_items(NodeId id);
  std::vector<NodeId>& edit_appended(NodeId id);
  /// A copy of `text` that lives as long as the graph.
  std::string_view keep(std::string_view text);

 private:
  std::vector<NodeId>& edit_list(std::uint32_t& index);

  std::vector<PickleNode> nodes_;
  std::vector<std::vector<NodeId>> lists_;
  std::unique_ptr<std::pmr::monotonic_buffer_resource> kept_ =
      std::make_unique<std::pmr::monotonic_buffer_resource>();
};

/// Reads one pickle (protocols 0 to 5) and leaves `reader` behind its STOP. Executes nothing:
/// globals, reductions and builds become data. Memory stays within about a hundred bytes per
/// byte of pickle, and within kMaxPickleValues values. Throws `Error(CorruptFile)`.
PickleGraph read_pickle(ByteReader& reader);

/// The limit is far above any checkpoint (a training checkpoint of the largest model has about
/// 100000).
inline constexpr std::size_t kMaxPickleValues = std::size_t{1} << 22;

}  // namespace sapiens
