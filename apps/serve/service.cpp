#include "serve/service.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <exception>
#include <new>
#include <optional>
#include <sapiens/current_error.hpp>
#include <sapiens/image.hpp>
#include <sapiens/printable.hpp>
#include <span>
#include <utility>

#include "core/stopwatch.hpp"
#include "serve/access.hpp"
#include "serve/media_types.hpp"

namespace sapiens::serve {
namespace {

HttpError wrong_method(const std::string& method, const std::string& allowed) {
  return HttpError(
      405, "wrong-method",
      {.summary = "this path does not take this method", .expected = allowed, .actual = method},
      {{"Allow", allowed}});
}

std::string_view agreed_type(const Operation& operation, const std::string& accept) {
  const auto offered = operation.types();
  const std::string_view type = choose_type(accept, offered);
  if (!type.empty()) return type;
  std::string list;
  for (const std::string_view one : offered) list += (list.empty() ? "" : ", ") + std::string(one);
  throw HttpError(406, "not-acceptable",
                  {.summary = "the result cannot be sent as any type that is accepted",
                   .key = "Accept",
                   .expected = list,
                   .actual = accept.substr(0, 200)});
}

/// Input that would be ignored is refused.
void expect_nothing_more(const Request& request) {
  if (!request.query.empty()) {
    throw HttpError(400, "invalid-argument",
                    {.summary = "this path takes no fields",
                     .key = request.query.begin()->first.substr(0, 80)});
  }
  const std::string length = request.header("Content-Length");
  if ((length.empty() || length == "0") && request.header("Transfer-Encoding").empty()) return;
  throw HttpError(
      400, "invalid-argument",
      {.summary = "this path takes no body", .key = "Content-Length", .actual = length});
}

/// The label of a path in the metrics; unknown paths share one, so that clients cannot add labels.
std::string_view label_of(std::string_view path) {
  if (const Operation* operation = find_operation(path)) return operation->path;
  if (const Resource* resource = find_resource(path)) return resource->path;
  return is_page_file(path) ? "/" : "other";
}

RunSettings settings_of(const Fields& fields) {
  RunSettings settings;
  settings.out_types.clear();
  for (const std::string& name : fields.list("out_type")) {
    for (const OutType type : kAllOutTypes) {
      if (name == out_type_name(type)) settings.out_types.push_back(type);
    }
  }
  settings.layer = fields.whole("layer");
  settings.norm = fields.flag("norm");
  settings.flip_test = fields.flag("flip_test");
  settings.preprocess =
      fields.text("preprocess") == "lite" ? PreprocessMode::Lite : PreprocessMode::Full;
  return settings;
}

}  // namespace

Service::Service(const ServerOptions& options)
    : options_(options),
      models_(options),
      metrics_(options.limits.queue),
      queue_(options.limits, metrics_) {}

Response Service::handle(const Request& request) {
  const Stopwatch watch;
  const auto attempt = [&]() -> Response {
    try {
      return route(request);
    } catch (const HttpError& error) {
      return error.response();
    } catch (const Error& error) {
      return HttpError(error).response();
    } catch (const std::bad_alloc&) {
      return HttpError(503, "out-of-resources", {.summary = "memory ran out"},
                       {{"Retry-After", "5"}})
          .response();
    } catch (...) {
      return HttpError(current_error()).response();
    }
  };
  Response response = attempt();
  note(request, response, watch.seconds());
  return response;
}

Response Service::refuse(const HttpError& error, const std::string& remote) {
  Response response = error.response();
  note({.method = "?", .path = "?", .remote = remote}, response, 0);
  return response;
}

Response Service::route(const Request& request) {
  check_same_origin(request, options_);
  if (const Operation* operation = find_operation(request.path)) {
    authorize(request, options_);
    if (request.method != "POST") throw wrong_method(request.method, "POST");
    return compute(*operation, request);
  }
  return get(request);
}

Response Service::get(const Request& request) {
  std::optional<Response> file = page_file(request.path);
  const Resource* resource = find_resource(request.path);
  if (!file && !resource) throw unknown_path(request.path.substr(0, 200));
  if (resource && resource->needs_token) authorize(request, options_);
  if (request.method != "GET" && request.method != "HEAD") {
    throw wrong_method(request.method, "GET, HEAD");
  }
  expect_nothing_more(request);
  return file ? *std::move(file) : Response{.type = resource->type, .body = text_of(*resource)};
}

std::string Service::text_of(const Resource& resource) const {
  if (resource.path == "/healthz") return "{\"status\":\"ok\"}\n";
  if (resource.path == "/openapi.json") return json_text(openapi_document(options_));
  if (resource.path == "/v1/models") return json_text(models_.json());
  return metrics_.text(models_);
}

Response Service::compute(const Operation& operation, const Request& request) {
  const std::string_view type = agreed_type(operation, request.header("Accept"));
  const Upload upload = read_upload(request, operation);
  const Models::Entry& entry = models_.choose(upload.fields.text("model"), operation.task);
  const ComputeQueue::Place place = queue_.enter();

  // All following steps are cancelled when the client disconnects.
  const StopCheck check = wanted_check(request, options_.limits);
  const Stopwatch decoding;
  const auto image = std::make_shared<const Image>(decode(upload.image, check));
  const double decode_seconds = decoding.seconds();
  const Stopwatch preprocessing;
  Prepared prepared =
      entry.model->prepare(image, persons_of(upload.fields), settings_of(upload.fields), check);
  const double preprocess_seconds = preprocessing.seconds();
  const RunSettings settings = prepared.settings;
  const Computed computed = queue_.compute(entry, std::move(prepared), request, place);
  return make_answer({.operation = operation,
                      .entry = entry,
                      .fields = upload.fields,
                      .image = *image,
                      .settings = settings,
                      .computed = computed,
                      .decode = decode_seconds,
                      .preprocess = preprocess_seconds},
                     type, check);
}

Image Service::decode(const std::string& bytes, const StopCheck& check) const try {
  const auto encoded = std::as_bytes(std::span(bytes));
  const ImageSize size = measure_image(encoded, "image");
  if (size.pixels() > options_.limits.image_pixels) {
    throw HttpError(413, "too-large",
                    {.summary = "the image has too many pixels",
                     .key = "image",
                     .expected = fmt::format("at most {}", options_.limits.image_pixels),
                     .actual = fmt::format("{} x {} (width x height)", size.width, size.height),
                     .hint = "scale it down; networks see it at a few hundred pixels"});
  }
  return Image::decode(encoded, "image", check);
} catch (const Error& error) {
  // The library reports the name of a file; for the client it is the name of a field.
  ErrorDetail detail = error.detail();
  detail.key = std::exchange(detail.file, {});
  throw HttpError(Error(error.code(), std::move(detail)));
}

std::vector<Box> Service::persons_of(const Fields& fields) const {
  std::vector<Box> boxes = fields.boxes("boxes");
  if (std::ssize(boxes) <= options_.limits.persons) return boxes;
  throw HttpError(413, "too-large",
                  {.summary = "too many persons for one request",
                   .key = "boxes",
                   .expected = fmt::format("at most {}", options_.limits.persons),
                   .actual = std::to_string(boxes.size())});
}

void Service::note(const Request& request, const Response& response, double seconds) noexcept {
  try {
    metrics_.answered(label_of(request.path), response.status, seconds);
    if (!options_.log) return;
    options_.log(printable(fmt::format("{} {} {} {} {} bytes {:.3f} s",
                                       request.remote.empty() ? "-" : request.remote,
                                       request.method, request.path.substr(0, 200), response.status,
                                       response.body.size(), seconds)));
  } catch (const std::exception&) {
    // An answer matters more than a line about it.
  }
}

}  // namespace sapiens::serve
