#pragma once

#include <locale.h>

namespace sapiens::archive {

enum class NameCharset { Bytes, Utf8 };

/// libarchive converts names from and to the character set of the thread's locale, which this class
/// chooses for as long as it lives: the program's own locale decides nothing.
class NameLocale {
 public:
  explicit NameLocale(NameCharset charset) noexcept : before_(::uselocale(locale_of(charset))) {}
  ~NameLocale() { ::uselocale(before_); }
  NameLocale(const NameLocale&) = delete;
  NameLocale& operator=(const NameLocale&) = delete;

 private:
  // A system may lack C.UTF-8.
  static ::locale_t locale_of(NameCharset charset) noexcept {
    static const ::locale_t bytes = ::newlocale(LC_CTYPE_MASK, "C", nullptr);
    static const ::locale_t utf8 = ::newlocale(LC_CTYPE_MASK, "C.UTF-8", nullptr);
    return charset == NameCharset::Utf8 && utf8 ? utf8 : bytes;
  }

  ::locale_t before_;
};

}  // namespace sapiens::archive
