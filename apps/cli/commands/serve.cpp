#include "cli/commands/serve.hpp"

#include <memory>

namespace sapiens::cli {
namespace {

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

void add_serve_command(CLI::App& app, Session& session, RunServe run) {
  auto arguments = std::make_shared<ServeArguments>();
  serve::ServerOptions& server = arguments->server;
  CLI::App* command =
      app.add_subcommand("serve", "Serve models over HTTP, with a web page that shows results");
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
  command->callback([arguments, &session, run] { run(*arguments, session); });
}

}  // namespace sapiens::cli
