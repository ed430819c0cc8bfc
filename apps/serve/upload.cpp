#include <fmt/format.h>

#include <algorithm>
#include <iterator>
#include <optional>
#include <set>
#include <string_view>
#include <utility>
#include <vector>

#include "documents/json.hpp"
#include "serve/media_types.hpp"
#include "serve/service.hpp"

namespace sapiens::serve {
namespace {

using documents::Json;

constexpr const char* kImageField = "image";

HttpError without_image(std::string actual) {
  return HttpError(400, "invalid-argument",
                   {.summary = "the request has no image",
                    .key = kImageField,
                    .expected = "a JPEG, PNG or WebP",
                    .actual = std::move(actual),
                    .hint = "for example: curl -F image=@photo.jpg"});
}

// cpp-httplib before 0.14 sees only names in quotation marks. Those of .NET have none by
// themselves.
HttpError without_name() {
  return HttpError(400, "invalid-argument",
                   {.summary = "a part of the form has no name in quotation marks",
                    .expected = R"(Content-Disposition: form-data; name="image")",
                    .hint = R"(in C#: form.Add(content, "\"image\"", "\"photo.jpg\""))"});
}

/// Also under the names that old browsers and programs give them. What an image is, it says
/// itself.
bool is_image_type(std::string_view type) {
  constexpr std::string_view kTypes[] = {"image/jpeg", "image/png",   "image/webp", kBytesType,
                                         "image/jpg",  "image/pjpeg", "image/x-png"};
  return std::ranges::find(kTypes, type) != std::end(kTypes);
}

void read_form(std::vector<FormPart> parts, Upload& upload) {
  bool found = false;
  for (FormPart& part : parts) {
    if (part.name.empty()) throw without_name();
    if (part.name != kImageField) {
      upload.fields.add(part.name, part.content);
      continue;
    }
    if (std::exchange(found, true)) {
      throw HttpError(400, "invalid-argument",
                      {.summary = "`image` is given twice",
                       .key = kImageField,
                       .hint = "send one request for each image"});
    }
    upload.image = std::move(part.content);
  }
  if (!found) throw without_image("a form without a part of this name");
}

HttpError bad_json(std::string actual) {
  return HttpError(400, "invalid-argument",
                   {.summary = "the body is not the JSON that was expected",
                    .expected = R"({"image": "<base64>", "field": value, ...})",
                    .actual = std::move(actual)});
}

/// Texts as they are; numbers, truth values and lists as JSON writes them.
std::string field_text(const Json& value) {
  return value.is_string() ? value.get<std::string>() : value.dump();
}

std::string decode_image(std::string_view text) {
  if (text.starts_with("data:")) {
    const std::size_t comma = text.find(',');
    text.remove_prefix(comma == std::string_view::npos ? 0 : comma + 1);
  }
  std::optional<std::string> bytes = decode_base64(text);
  if (bytes) return *std::move(bytes);
  throw HttpError(400, "invalid-argument",
                  {.summary = "`image` is not base64",
                   .key = kImageField,
                   .expected = "the digits of RFC 4648 without spaces, or a data: URL"});
}

/// The names of the objects that a parser is in, to find one that is given twice: the parser itself
/// keeps the last value and says nothing.
class NamesOnce {
 public:
  void see(Json::parse_event_t event, const Json& value) {
    if (event == Json::parse_event_t::object_start) open_.emplace_back();
    if (event == Json::parse_event_t::object_end) open_.pop_back();
    if (event != Json::parse_event_t::key) return;
    if (!open_.back().insert(value.get_ref<const std::string&>()).second) {
      throw HttpError(400, "invalid-argument",
                      {.summary = "a name is given twice in one object of the JSON",
                       .key = value.get_ref<const std::string&>().substr(0, 80)});
    }
  }

 private:
  std::vector<std::set<std::string>> open_;
};

void read_json(const std::string& bytes, Upload& upload) {
  // Far more than any field needs: every value takes many times the memory of its text, and every
  // level a part of the stack.
  constexpr int kMaxDepth = 8, kMaxValues = 10000;
  int values = 0;
  bool too_much = false;
  NamesOnce names;
  const Json document = Json::parse(
      bytes,
      [&](int depth, Json::parse_event_t event, Json& value) {
        too_much |= depth > kMaxDepth || ++values > kMaxValues;
        if (!too_much) names.see(event, value);
        return !too_much;
      },
      false);
  if (too_much) throw bad_json("JSON that is longer, or nests deeper, than any field");
  // The parser takes a NUL for the end of the text.
  if (document.is_discarded() || bytes.find('\0') != std::string::npos) {
    throw bad_json("not JSON, or not all of it");
  }
  if (!document.is_object()) throw bad_json("JSON, but not an object");
  if (!document.contains(kImageField)) throw without_image("an object without a field `image`");
  for (const auto& [name, value] : document.items()) {
    if (name != kImageField) {
      upload.fields.add(name, field_text(value));
      continue;
    }
    if (!value.is_string()) throw bad_json("`image` is not a text");
    upload.image = decode_image(value.get_ref<const std::string&>());
  }
}

}  // namespace

Upload read_upload(const Request& request, const Operation& operation) {
  const std::string content_type = request.header("Content-Type");
  const std::string type = bare_type(content_type);
  if (!is_image_type(type) && type != "multipart/form-data" && type != kJsonType) {
    throw HttpError(415, "unsupported-media-type",
                    {.summary = "bodies of this type are not taken",
                     .key = "Content-Type",
                     .expected = "image/jpeg, image/png, image/webp, application/octet-stream, "
                                 "multipart/form-data or application/json",
                     .actual = content_type.empty() ? "none" : content_type});
  }
  Upload upload{.image = {}, .fields = Fields(operation)};
  for (const auto& [name, value] : request.query) upload.fields.add(name, value);
  Body body = request.read_body();
  if (type == "multipart/form-data") {
    read_form(std::move(body.parts), upload);
  } else if (type == kJsonType) {
    read_json(body.bytes, upload);
  } else {
    upload.image = std::move(body.bytes);
  }
  if (upload.image.empty()) throw without_image("nothing");
  return upload;
}

}  // namespace sapiens::serve
