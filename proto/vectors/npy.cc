#include "proto/vectors/npy.h"

#include <cctype>
#include <cstring>

namespace tinyrig::vectors {
namespace {

struct TypeRow {
  ElementType type;
  std::string_view descr;  // as in the .npy header
  std::string_view name;
  size_t bytes;
};

constexpr TypeRow kTypes[] = {
    {ElementType::kInt8, "|i1", "int8", 1},       {ElementType::kUint8, "|u1", "uint8", 1},
    {ElementType::kInt16, "<i2", "int16", 2},     {ElementType::kInt32, "<i4", "int32", 4},
    {ElementType::kInt64, "<i8", "int64", 8},     {ElementType::kFloat32, "<f4", "float32", 4},
    {ElementType::kFloat64, "<f8", "float64", 8},
};

const TypeRow& Row(ElementType type) { return kTypes[static_cast<size_t>(type)]; }

/// The header is a Python dictionary literal with three known keys. This reads exactly that.
class HeaderParser {
 public:
  explicit HeaderParser(std::string_view text) : text_(text) {}

  struct Header {
    std::string descr;
    bool fortran_order = false;
    std::vector<uint64_t> shape;
  };

  /// False when the text is anything else.
  bool Parse(Header& out) {
    bool have_descr = false, have_order = false, have_shape = false;
    if (!Take('{')) return false;
    while (!Take('}')) {
      std::string key;
      if (!String(key) || !Take(':')) return false;
      if (key == "descr" && !have_descr) {
        if (!String(out.descr)) return false;
        have_descr = true;
      } else if (key == "fortran_order" && !have_order) {
        if (!Boolean(out.fortran_order)) return false;
        have_order = true;
      } else if (key == "shape" && !have_shape) {
        if (!Shape(out.shape)) return false;
        have_shape = true;
      } else {
        return false;
      }
      if (!Take(',') && Peek() != '}') return false;
    }
    SkipSpace();
    return at_ == text_.size() && have_descr && have_order && have_shape;
  }

 private:
  void SkipSpace() {
    while (at_ < text_.size() && std::isspace(static_cast<unsigned char>(text_[at_]))) ++at_;
  }
  char Peek() {
    SkipSpace();
    return at_ < text_.size() ? text_[at_] : '\0';
  }
  bool Take(char wanted) {
    if (Peek() != wanted) return false;
    ++at_;
    return true;
  }
  bool String(std::string& out) {
    const char quote = Peek();
    if (quote != '\'' && quote != '"') return false;
    const size_t end = text_.find(quote, at_ + 1);
    if (end == std::string_view::npos) return false;
    out = text_.substr(at_ + 1, end - at_ - 1);
    at_ = end + 1;
    return true;
  }
  bool Word(std::string_view word) {
    SkipSpace();
    if (text_.substr(at_, word.size()) != word) return false;
    at_ += word.size();
    return true;
  }
  bool Boolean(bool& out) {
    out = Word("True");
    return out || Word("False");
  }
  bool Shape(std::vector<uint64_t>& out) {
    if (!Take('(')) return false;
    while (!Take(')')) {
      uint64_t value = 0;
      if (out.size() == kMaxRank || !Number(value)) return false;
      out.push_back(value);
      if (!Take(',') && Peek() != ')') return false;
    }
    return true;
  }
  bool Number(uint64_t& out) {
    SkipSpace();
    const size_t start = at_;
    while (at_ < text_.size() && std::isdigit(static_cast<unsigned char>(text_[at_]))) {
      if (at_ - start == 15) return false;  // larger than any array could be
      out = out * 10 + static_cast<uint64_t>(text_[at_++] - '0');
    }
    return at_ > start;
  }

  std::string_view text_;
  size_t at_ = 0;
};

Status Bad(std::string_view name, std::string_view what) {
  return {Code::kInvalidArgument, "array '" + std::string(name) + "': " + std::string(what)};
}

}  // namespace

std::string_view ElementTypeName(ElementType type) { return Row(type).name; }
size_t ElementBytes(ElementType type) { return Row(type).bytes; }

int64_t Array::IntegerAt(size_t index) const {
  uint64_t raw = 0;
  const size_t size = ElementBytes(type);
  std::memcpy(&raw, data.data() + index * size, size);
  if (type == ElementType::kUint8) return static_cast<int64_t>(raw);
  const unsigned unused = 64 - 8 * static_cast<unsigned>(size);
  return static_cast<int64_t>(raw << unused) >> unused;  // sign-extends
}

Result<Array> ParseNpy(std::span<const uint8_t> bytes, std::string_view name) {
  static constexpr uint8_t kMagic[] = {0x93, 'N', 'U', 'M', 'P', 'Y'};
  if (bytes.size() < 10 || std::memcmp(bytes.data(), kMagic, sizeof(kMagic)) != 0) {
    return Bad(name, "not in .npy format; write the file with numpy.savez");
  }
  const int version = bytes[6];
  if (version < 1 || version > 3) {
    return Bad(name, ".npy version " + std::to_string(version) + " is not known (1 to 3 are)");
  }
  size_t header_size = bytes[8] | bytes[9] << 8;
  size_t start = 10;
  if (version > 1) {
    if (bytes.size() < 12) return Bad(name, "cut off inside the header; write it again");
    header_size |= static_cast<size_t>(bytes[10]) << 16 | static_cast<size_t>(bytes[11]) << 24;
    start = 12;
  }
  if (header_size > bytes.size() - start) {
    return Bad(name, "cut off inside the header; write it again");
  }
  HeaderParser::Header header;
  const auto* text = reinterpret_cast<const char*>(bytes.data()) + start;
  if (!HeaderParser(std::string_view(text, header_size)).Parse(header)) {
    return Bad(name, "the .npy header is not understood; write the file with numpy.savez");
  }
  const TypeRow* row = nullptr;
  for (const TypeRow& candidate : kTypes) {
    if (candidate.descr == header.descr) row = &candidate;
  }
  if (row == nullptr) {
    return Bad(name, "element type '" + header.descr.substr(0, 40) +
                         "' is not supported; convert with .astype(numpy.int8) or another of "
                         "int8 uint8 int16 int32 int64 float32 float64, little-endian");
  }
  if (header.fortran_order && header.shape.size() > 1) {
    return Bad(name, "is in Fortran order; save numpy.ascontiguousarray(a) instead");
  }
  const size_t size = bytes.size() - start - header_size;
  uint64_t expected = row->bytes;
  for (const uint64_t dimension : header.shape) {
    if (__builtin_mul_overflow(expected, dimension, &expected)) {
      return Bad(name, "the shape is larger than any memory");
    }
  }
  if (expected != size) {
    return Bad(name, "the shape needs " + std::to_string(expected) + " bytes of data, there are " +
                         std::to_string(size) + "; write it again");
  }
  Array array;
  array.type = row->type;
  array.shape = std::move(header.shape);
  array.data.assign(bytes.begin() + static_cast<ptrdiff_t>(start + header_size), bytes.end());
  return array;
}

}  // namespace tinyrig::vectors
