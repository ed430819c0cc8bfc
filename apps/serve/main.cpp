// The program sapiens-serve, which `sapiens serve` becomes: the only one that is linked to
// cpp-httplib, and with it to libraries for TLS and compression.
#include <fmt/format.h>
#include <malloc.h>

#include <cstdlib>
#include <filesystem>
#include <sapiens/hub.hpp>
#include <sapiens/printable.hpp>

#include "cli/commands/parts.hpp"
#include "cli/terminal/messages.hpp"
#include "cli/terminal/run_program.hpp"
#include "serve/access.hpp"
#include "serve/http_server.hpp"
#include "serve/service.hpp"

namespace sapiens::cli {
namespace {

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
  const std::vector<std::string> prefixes = prefixes_of(given, labels);
  for (std::size_t i = 0; i < models.size(); ++i) models[i].prefix = prefixes[i];
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
  if (const PersonDetector* detector = models.detector()) {
    say(fmt::format("detector: {}", checkpoint_text(options.detector, detector->inspection())));
  }
  const bool is_ipv6 = options.host.find(':') != std::string::npos;
  const std::string host = is_ipv6 ? "[" + options.host + "]" : options.host;
  say(fmt::format("listening on http://{}:{}", host, port));
  if (options.token.empty() && !serve::is_loopback(options.host)) {
    say("warning: everybody who reaches this address may use it; --token-file asks for a token");
  }
}

/// Bounds what the C library keeps of freed memory. It gives the threads of connections up to eight
/// heaps per core, each of which keeps as much as its largest requests took; and it comes to take
/// images and results from these heaps, of which it returns only what is free at the end. In a soak
/// (bench/soak) the server had 190 MB after 2 minutes and 256 MB after an hour, with this 95 MB
/// after 44.
void bound_free_memory() {
#ifdef M_ARENA_MAX
  constexpr int kHeaps = 4, kOwnPagesFrom = 256 << 10;
  mallopt(M_ARENA_MAX, kHeaps);
  mallopt(M_MMAP_THRESHOLD, kOwnPagesFrom);
#endif
}

void run(const ServeArguments& arguments, Session& session) {
  serve::ServerOptions options = arguments.server;
  for (const std::string& model : arguments.models) options.models.push_back(parse_model(model));
  set_prefixes(arguments.prefixes, options.models);
  options.token = find_token(arguments.token_file);
  if (!arguments.quiet) options.log = [](std::string_view line) { say(line); };

  serve::Service service(options);
  serve::HttpServer server(options, service);
  const auto stop_on_signal = session.interrupts.on_signal([&server] {
    server.stop();
    say("stopping: requests that have been accepted are answered first");
  });
  introduce(options, service.models(), server.port());
  server.serve();
}

}  // namespace
}  // namespace sapiens::cli

int main(int argc, char** argv) {
  using namespace sapiens::cli;
  bound_free_memory();
  return run_part(argc, argv, "serve",
                  [](CLI::App& app, Session& session) { add_serve_command(app, session, run); });
}
