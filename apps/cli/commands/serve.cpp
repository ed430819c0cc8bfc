#include <memory>

#include "cli/commands/parts.hpp"

namespace sapiens::cli {
namespace {

void add_limits(CLI::App& app, serve::Limits& limits) {
  add_number(app, "--max-body", limits.body_bytes, {1 << 10, 1 << 30}, "Bytes of a request's body");
  add_number(app, "--max-pixels", limits.image_pixels, {1, 1 << 28}, "Pixels of an image");
  add_number(app, "--queue", limits.queue, {1, 4096},
             "Requests that decode, wait or compute at a time");
  add_number(app, "--connections", limits.connections, {1, 1024}, "Connections at a time");
  add_number(app, "--batch", limits.batch, {1, 64}, "Small images that are computed together");
  add_number(app, "--time-limit", limits.seconds, {0.01, 86400},
             "Seconds that one request may take");
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
  add_number(*command, "--port", server.port, {0, 65535},
             "Port to listen on; 0 takes any that is free");
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
