#include <fmt/format.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <memory>
#include <sapiens/hub.hpp>
#include <sapiens/printable.hpp>

#include "cli/commands/commands.hpp"
#include "cli/options/options.hpp"
#include "cli/options/task_options.hpp"
#include "cli/terminal/messages.hpp"
#include "cli/terminal/text.hpp"
#include "serve/http_server.hpp"
#include "serve/secrets.hpp"
#include "serve/service.hpp"

namespace sapiens::cli {
namespace {

struct ServeArguments {
  std::vector<std::string> models;
  std::vector<std::string> prefixes;
  std::string token_file;
  bool quiet = false;
  serve::ServerOptions server;
};

/// "pose=model.pth"; without a name the file's own, "model".
serve::NamedCheckpoint parse_model(const std::string& text) {
  const std::size_t equals = text.find('=');
  if (equals != std::string::npos) {
    return {text.substr(0, equals), find_checkpoint(text.substr(equals + 1))};
  }
  const std::filesystem::path path = find_checkpoint(text);
  return {path.stem().string(), path};
}

void set_prefixes(const std::vector<std::string>& given,
                  std::vector<serve::NamedCheckpoint>& models) {
  std::vector<std::string> labels;
  for (const serve::NamedCheckpoint& model : models) labels.push_back(model.name);
  for (const std::string& text : given) {
    const LabelledPrefix parsed = parse_labelled_prefix(text, labels);
    for (serve::NamedCheckpoint& model : models) {
      if (model.name == parsed.label) model.prefix = parsed.prefix;
    }
  }
}

std::string find_token(const std::string& file) {
  if (!file.empty()) return serve::read_token(file);
  const char* variable = std::getenv("SAPIENS_TOKEN");
  if (!variable) return {};
  serve::expect_token(variable, "SAPIENS_TOKEN");
  return variable;
}

void introduce(const serve::ServerOptions& options, const serve::Models& models, int port) {
  for (std::size_t i = 0; i < models.all().size(); ++i) {
    const auto& [name, model] = models.all()[i];
    say(fmt::format("{}: {}", printable(name),
                    checkpoint_text(options.models[i].path, model->inspection())));
  }
  if (const serve::PersonFinder* finder = models.finder()) {
    say(fmt::format("detector: {}", checkpoint_text(options.detector, finder->inspection())));
  }
  const bool is_ipv6 = options.host.find(':') != std::string::npos;
  const std::string host = is_ipv6 ? "[" + options.host + "]" : options.host;
  say(fmt::format("listening on http://{}:{}", host, port));
  if (options.token.empty() && !serve::is_loopback(options.host)) {
    say("warning: everybody who reaches this address may use it; --token-file asks for a token");
  }
}

void run(const ServeArguments& arguments, Session& session) {
  serve::expect_server();
  serve::ServerOptions options = arguments.server;
  for (const std::string& model : arguments.models) options.models.push_back(parse_model(model));
  set_prefixes(arguments.prefixes, options.models);
  options.token = find_token(arguments.token_file);
  if (!arguments.quiet) options.log = [](std::string_view line) { say(line); };

  serve::Service service(options);
  const auto server = serve::listen(options, service);
  introduce(options, service.models(), server->port());
  const auto stop_on_signal = session.interrupts.on_signal([&server] {
    say("stopping: requests that have been accepted are answered first");
    server->stop();
  });
  server->serve();
}

void add_limits(CLI::App& app, serve::Limits& limits) {
  app.add_option("--max-body", limits.body_bytes, "Bytes of a request's body")
      ->check(CLI::Range(std::size_t{1} << 10, std::size_t{1} << 30))
      ->capture_default_str();
  app.add_option("--max-pixels", limits.image_pixels, "Pixels of an image")
      ->check(CLI::Range(Index{1}, Index{1} << 28))
      ->capture_default_str();
  app.add_option("--queue", limits.queue, "Requests that decode, wait or compute at a time")
      ->check(CLI::Range(Index{1}, Index{4096}))
      ->capture_default_str();
  app.add_option("--connections", limits.connections, "Connections at a time")
      ->check(CLI::Range(Index{1}, Index{1024}))
      ->capture_default_str();
  app.add_option("--batch", limits.batch, "Small images that are computed together")
      ->check(CLI::Range(Index{1}, Index{64}))
      ->capture_default_str();
  app.add_option("--time-limit", limits.seconds, "Seconds that one request may take")
      ->check(number_between(0.01, 86400))
      ->capture_default_str();
}

}  // namespace

void add_serve_command(CLI::App& app, Session& session) {
  auto arguments = std::make_shared<ServeArguments>();
  serve::ServerOptions& server = arguments->server;
  CLI::App* command =
      app.add_subcommand("serve", "Answer requests over HTTP, and show a page to look at results");
  command
      ->add_option("--model", arguments->models,
                   "A model to load, and what requests call it; may be given several times")
      ->type_name("[LABEL=]" + std::string(kCheckpointType))
      ->required();
  add_labelled_prefix_option(*command, arguments->prefixes, "LABEL");
  add_detector_options(*command, server.detector, server.detect,
                       "Checkpoint of a person detector (RTMDet-m), for images that come without "
                       "boxes; without it one person fills them");
  command->add_option("--host", server.host, "Address to listen on")->capture_default_str();
  command->add_option("--port", server.port, "Port to listen on; 0 takes any that is free")
      ->check(CLI::Range(0, 65535))
      ->capture_default_str();
  command
      ->add_option("--token-file", arguments->token_file,
                   "File with a token that requests must bring; else SAPIENS_TOKEN, if it is set")
      ->type_name(kFileType);
  command->add_flag("--quiet", arguments->quiet, "Do not print a line for every request");
  add_limits(*command, server.limits);
  add_engine_options(*command, server.engine);
  command->footer(
      "SIGTERM and SIGINT end it, with exit code 0, once what was accepted is answered.\n\n"
      "Example:\n"
      "  sapiens serve --model pose=sapiens_0.3b_pose.pth --model seg=sapiens_0.3b_goliath.pth\n"
      "  curl -F image=@photo.jpg http://127.0.0.1:8080/v1/pose");
  command->callback([arguments, &session] { run(*arguments, session); });
}

}  // namespace sapiens::cli
