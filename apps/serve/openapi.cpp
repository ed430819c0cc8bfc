#include "serve/openapi.hpp"

#include <sapiens/version.hpp>
#include <string>

#include "serve/media_types.hpp"
#include "serve/operations.hpp"

namespace sapiens::serve {
namespace {

using documents::Json;

Json schema_of(const Parameter& parameter) {
  Json schema = {{"description", parameter.help}};
  switch (parameter.kind) {
    case ParameterKind::Choice:
      schema["enum"] = parameter.choices;
      [[fallthrough]];
    case ParameterKind::Text:
    case ParameterKind::Boxes:
      schema["type"] = "string";
      if (!parameter.initial.empty()) schema["default"] = parameter.initial;
      break;
    case ParameterKind::Flag:
      schema["type"] = "boolean";
      schema["default"] = parameter.initial == "true";
      break;
    case ParameterKind::Whole:
      schema["type"] = "integer";
      schema["default"] = std::stol(std::string(parameter.initial));
      break;
  }
  return schema;
}

Json body_schema(const Operation& operation, const Json& image) {
  Json properties = {{"image", image}};
  for (const Parameter& parameter : operation.parameters) {
    properties[std::string(parameter.name)] = schema_of(parameter);
  }
  return {{"type", "object"}, {"required", {"image"}}, {"properties", std::move(properties)}};
}

Json binary(std::string_view description) {
  return {{"schema", {{"type", "string"}, {"format", "binary"}, {"description", description}}}};
}

Json request_body(const Operation& operation) {
  const Json file = {{"type", "string"}, {"format", "binary"}};
  const Json base64 = {{"type", "string"}, {"format", "byte"}};
  Json content = {{"multipart/form-data", {{"schema", body_schema(operation, file)}}},
                  {kJsonType, {{"schema", body_schema(operation, base64)}}}};
  for (const char* type : {"image/jpeg", "image/png", "image/webp", kBytesType}) {
    content[type] = binary("The picture alone; fields stand in the query");
  }
  return {{"required", true}, {"content", std::move(content)}};
}

Json error_response(std::string_view description) {
  return {{"description", description},
          {"content", {{kJsonType, {{"schema", {{"$ref", "#/components/schemas/Error"}}}}}}}};
}

Json responses_of(const Operation& operation) {
  Json content = {{kJsonType, {{"schema", {{"type", "object"}}}}}};
  if (!operation.npy.empty()) {
    content[kNpyType] = binary(operation.npy);
    content[kBytesType] = binary(operation.npy);
  }
  content[kPngType] = binary(operation.png);
  Json responses = {{"200", {{"description", operation.summary}, {"content", std::move(content)}}}};
  struct Row {
    const char *status, *meaning;
  };
  constexpr Row kRows[] = {
      {"400", "The picture or a field cannot be read"},
      {"401", "The token is missing or wrong"},
      {"404", "No model of this name"},
      {"406", "None of the accepted types can be sent"},
      {"408", "The body did not arrive in time"},
      {"413", "The body or the picture is too large"},
      {"415", "Bodies of this type are not taken"},
      {"422", "The model does something else"},
      {"503", "Too many requests are waiting, or memory ran out; Retry-After tells when to return"},
      {"504", "It took too long"},
  };
  for (const Row& row : kRows) responses[row.status] = error_response(row.meaning);
  return responses;
}

Json post(const Operation& operation) {
  Json parameters = Json::array();
  for (const Parameter& parameter : operation.parameters) {
    parameters.push_back(
        {{"name", parameter.name}, {"in", "query"}, {"schema", schema_of(parameter)}});
  }
  return {{"post",
           {{"summary", operation.summary},
            {"operationId", operation.task},
            {"parameters", std::move(parameters)},
            {"requestBody", request_body(operation)},
            {"responses", responses_of(operation)}}}};
}

Json get(const char* summary, const char* type) {
  return {
      {"get",
       {{"summary", summary},
        {"responses",
         {{"200",
           {{"description", summary}, {"content", {{type, {{"schema", Json::object()}}}}}}}}}}}};
}

Json error_schema() {
  Json fields = {{"status", {{"type", "integer"}}}};
  for (const char* field : {"code", "summary", "file", "key", "expected", "actual", "hint"}) {
    fields[field] = {{"type", "string"}};
  }
  return {{"type", "object"},
          {"properties", {{"error", {{"type", "object"}, {"properties", std::move(fields)}}}}}};
}

}  // namespace

Json openapi_document(const ServerOptions& options) {
  Json paths = {{"/healthz", get("Whether the server answers", kJsonType)},
                {"/v1/models", get("The loaded models with their load reports", kJsonType)},
                {"/metrics", get("Counters for Prometheus", "text/plain")}};
  for (const Operation& operation : operations()) {
    paths[std::string(operation.path)] = post(operation);
  }
  Json document = {{"openapi", "3.0.3"},
                   {"info",
                    {{"title", "sapiens serve"},
                     {"version", SAPIENS_VERSION},
                     {"description", "Meta's Sapiens vision transformers over HTTP"}}},
                   {"paths", std::move(paths)},
                   {"components", {{"schemas", {{"Error", error_schema()}}}}}};
  if (!options.token.empty()) {
    document["components"]["securitySchemes"] = {
        {"bearer", {{"type", "http"}, {"scheme", "bearer"}}}};
    document["security"] = Json::array({{{"bearer", Json::array()}}});
  }
  return document;
}

}  // namespace sapiens::serve
