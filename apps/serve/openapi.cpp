#include <sapiens/version.hpp>
#include <string>

#include "serve/media_types.hpp"
#include "serve/operations.hpp"

namespace sapiens::serve {
namespace {

using documents::Json;

constexpr const char* kNoToken = "The token is missing or wrong";

Json schema_of(const Parameter& parameter) {
  Json schema = {{"description", parameter.help}};
  switch (parameter.kind) {
    case ParameterKind::Choice:
      schema["enum"] = parameter.choices;
      [[fallthrough]];
    case ParameterKind::Text:
    case ParameterKind::List:
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
    content[type] = binary("The image alone; fields stand in the query");
  }
  return {{"required", true}, {"content", std::move(content)}};
}

Json typed(const char* type) { return {{"type", type}}; }

Json list_of(Json items) { return {{"type", "array"}, {"items", std::move(items)}}; }

Json object(Json properties) { return {{"type", "object"}, {"properties", std::move(properties)}}; }

/// What is particular to the task, in an answer as JSON.
Json task_properties(std::optional<Task> task) {
  const Json number = typed("number"), integer = typed("integer");
  if (task == Task::Pose) {
    return {{"meta_info", typed("object")},
            {"instance_info", list_of(object({{"keypoints", list_of(list_of(number))},
                                              {"keypoint_scores", list_of(number)},
                                              {"bbox", list_of(number)}}))}};
  }
  if (task == Task::Seg) {
    return {{"classes",
             list_of(object({{"id", integer}, {"name", typed("string")}, {"pixels", integer}}))}};
  }
  Json properties = {{"values", object({{"min", number}, {"max", number}, {"mean", number}})}};
  if (!task) {
    properties.update(
        {{"out_type", typed("string")}, {"layer", integer}, {"vector", list_of(number)}});
    Json one = object({{"shape", list_of(integer)},
                       {"values", properties["values"]},
                       {"out_type", typed("string")},
                       {"vector", list_of(number)}});
    properties["outputs"] = list_of(std::move(one));
  }
  return properties;
}

Json answer_schema(const Operation& operation) {
  const Json integer = typed("integer");
  Json properties = {{"model", typed("string")},
                     {"task", typed("string")},
                     {"image", object({{"width", integer}, {"height", integer}})},
                     {"shape", list_of(integer)},
                     {"seconds", {{"type", "object"}, {"additionalProperties", typed("number")}}},
                     {"together", integer}};
  properties.update(task_properties(operation.task));
  return object(std::move(properties));
}

Json header(const char* description) {
  return {{"description", description}, {"schema", typed("string")}};
}

Json error_response(std::string_view description) {
  return {{"description", description},
          {"content", {{kJsonType, {{"schema", {{"$ref", "#/components/schemas/Error"}}}}}}}};
}

Json responses_of(const Operation& operation) {
  Json content = {{kJsonType, {{"schema", answer_schema(operation)}}}};
  if (!operation.npy.empty()) {
    content[kNpyType] = binary(operation.npy);
    content[kBytesType] = binary(operation.npy);
  }
  content[kPngType] = binary(operation.png);
  Json responses = {{"200",
                     {{"description", operation.summary},
                      {"headers", {{"Server-Timing", header("Milliseconds by stage")}}},
                      {"content", std::move(content)}}}};
  struct Row {
    const char *status, *meaning;
  };
  constexpr Row kRows[] = {
      {"400", "The image or a field cannot be read"},
      {"401", kNoToken},
      {"403", "A browser sends this for the page of another site"},
      {"404", "No model of this name"},
      {"406", "None of the accepted types can be sent"},
      {"408", "The body did not arrive in time"},
      {"411", "The body's length is not told, or it comes in chunks"},
      {"413", "The body or the image is too large"},
      {"415", "Bodies of this type are not taken"},
      {"421", "The server is for its own machine, and was called by another name"},
      {"422", "The model does something else"},
      {"503", "Too many requests are waiting, or memory ran out"},
      {"504", "It took too long"},
  };
  for (const Row& row : kRows) responses[row.status] = error_response(row.meaning);
  responses["503"]["headers"] = {{"Retry-After", header("Seconds until it is worth a try")}};
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
            {"operationId", task_word(operation.task)},
            {"parameters", std::move(parameters)},
            {"requestBody", request_body(operation)},
            {"responses", responses_of(operation)}}}};
}

Json get(const Resource& resource) {
  const std::string type = bare_type(resource.type);
  const Json schema = typed(type == kJsonType ? "object" : "string");
  const Json answer = {{"description", resource.summary},
                       {"content", {{type, {{"schema", schema}}}}}};
  Json get = {{"operationId", resource.name},
              {"summary", resource.summary},
              {"responses", {{"200", answer}}}};
  if (resource.needs_token) {
    get["responses"]["401"] = error_response(kNoToken);
  } else {
    get["security"] = Json::array();
  }
  return {{"get", std::move(get)}};
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
  Json paths = Json::object();
  for (const Resource& resource : resources()) paths[std::string(resource.path)] = get(resource);
  for (const Operation& operation : operations()) {
    paths[operation.path] = post(operation);
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
