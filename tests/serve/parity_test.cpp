#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <ostream>

#include "serve/server_fixture.hpp"

// Whatever way an image takes, the bytes are those of the program's files.
namespace sapiens {
namespace {

struct Case {
  std::string task;
  std::vector<std::string> options;  // of the command
  std::string query;                 // of the request
  std::string file;                  // what the command writes
};

std::ostream& operator<<(std::ostream& out, const Case& c) { return out << c.task << c.query; }

class Parity : public testing::TestWithParam<Case> {
 protected:
  Parity() : server_(Models::get().arguments()) {}

  /// The file that the command writes for the same image.
  std::string written(const std::string& file) {
    const Case& c = GetParam();
    std::vector<std::string> words = {c.task,
                                      Models::get().path(c.task),
                                      Models::get().image_path(),
                                      "--output",
                                      out_ / "out",
                                      "--threads",
                                      "1",
                                      "--viz"};
    words.insert(words.end(), c.options.begin(), c.options.end());
    const Finished run = run_sapiens(words);
    EXPECT_EQ(run.code, 0) << run.err;
    return read_bytes(out_.path() / "out" / file);
  }

  Answer post(const std::string& type, const std::string& body, const std::string& accept,
              const std::string& query) {
    return ask(server_.port(), "POST", "/v1/" + GetParam().task + query,
               {{"Content-Type", type}, {"Accept", accept}}, body);
  }

  Serving server_;
  Scratch out_;
};

class ArrayParity : public Parity {};

TEST_P(ArrayParity, EveryFormGivesTheBytesOfTheFile) {
  const std::string& image = Models::get().image();
  const std::string npy = written(GetParam().file);
  ASSERT_FALSE(npy.empty());
  const std::string query = GetParam().query;

  const Answer raw = post("image/png", image, "application/x-npy", query);
  EXPECT_EQ(raw.status, 200) << raw.body;
  EXPECT_EQ(raw.header("content-type"), "application/x-npy");
  EXPECT_EQ(raw.body, npy);

  const Form form = form_of({{"model", GetParam().task}, {"image", image}});
  EXPECT_EQ(post(form.type, form.body, "application/octet-stream", query).body, npy);

  const Json json = {{"image", encode_base64(image)}, {"model", GetParam().task}};
  EXPECT_EQ(post("application/json", json.dump(), "application/x-npy", query).body, npy);
}

INSTANTIATE_TEST_SUITE_P(
    All, ArrayParity,
    testing::Values(Case{"features", {}, "", "a.npy"},
                    Case{"features", {"--out-type", "raw"}, "?out_type=raw", "a.npy"},
                    Case{"features", {"--out-type", "cls_token"}, "?out_type=cls_token", "a.npy"},
                    Case{"features", {"--layers", "0", "--norm"}, "?layer=0&norm=true", "a.npy"},
                    Case{"features", {"--dtype", "f16"}, "?dtype=f16", "a.npy"},
                    Case{"features", {"--preprocess", "lite"}, "?preprocess=lite", "a.npy"},
                    Case{"seg", {}, "", "a_seg.npy"}, Case{"seg", {}, "?array=mask", "a.npy"},
                    Case{"depth", {}, "", "a.npy"}, Case{"normal", {}, "", "a.npy"}));

class DrawingParity : public Parity {};

TEST_P(DrawingParity, APngIsTheDrawingOfTheCommand) {
  const std::string png = written("a.png");
  ASSERT_FALSE(png.empty());
  const Answer answer = post("image/png", Models::get().image(), "image/png", GetParam().query);
  EXPECT_EQ(answer.status, 200);
  EXPECT_EQ(answer.header("content-type"), "image/png");
  EXPECT_EQ(answer.body, png);
}

INSTANTIATE_TEST_SUITE_P(
    All, DrawingParity,
    testing::Values(Case{"features", {}, "", ""},
                    Case{"features", {"--out-type", "raw"}, "?out_type=raw", ""},
                    Case{"pose", {}, "", ""}, Case{"seg", {}, "", ""}, Case{"depth", {}, "", ""},
                    Case{"normal", {}, "", ""}));

class PoseParity : public Parity {};

TEST_P(PoseParity, KeypointsAreThoseOfTheFile) {
  const Json file = Json::parse(written("a.json"));
  const Answer answer =
      post("image/png", Models::get().image(), "application/json", GetParam().query);
  ASSERT_EQ(answer.status, 200) << answer.body;
  const Json json = Json::parse(answer.body);
  EXPECT_EQ(json["instance_info"].dump(), file["instance_info"].dump());
  EXPECT_EQ(json["image"], file["image"]);
  EXPECT_EQ(json["meta_info"]["keypoint_id2name"], file["meta_info"]["keypoint_id2name"]);
}

INSTANTIATE_TEST_SUITE_P(All, PoseParity,
                         testing::Values(Case{"pose", {}, "", ""},
                                         Case{"pose", {"--no-flip-test"}, "?flip_test=false", ""},
                                         Case{"pose",
                                              {"--box", "2,3,20,20", "--box", "10,1,25.5,28"},
                                              "?boxes=2,3,20,20;10,1,25.5,28",
                                              ""},
                                         Case{"pose",
                                              {"--box", "2,3,20,20", "--box", "10,1,25.5,28"},
                                              "?boxes=%5B%5B2,3,20,20%5D,%20%5B10,1,25.5,28%5D%5D",
                                              ""}));

TEST(Answers, JsonAnswersHaveShapesAndTimes) {
  const Serving server(Models::get().arguments());
  for (const std::string task : {"features", "pose", "seg", "depth", "normal"}) {
    const Answer answer = ask(server.port(), "POST", "/v1/" + task, {{"Content-Type", "image/png"}},
                              Models::get().image());
    ASSERT_EQ(answer.status, 200) << answer.body;
    EXPECT_EQ(answer.header("content-type"), "application/json");
    EXPECT_THAT(answer.header("server-timing"), testing::HasSubstr("encoder;dur="));
    const Json json = Json::parse(answer.body);
    EXPECT_EQ(json["task"], task);
    EXPECT_EQ(json["model"], task);
    EXPECT_GE(json["shape"].size(), 2u);
    EXPECT_GT(json["seconds"]["encoder"].get<double>(), 0);
  }
}

TEST(Answers, JsonAnswersHaveOnlyFieldsOfTheOpenApiDocument) {
  const Serving server(Models::get().arguments());
  const Json paths = Json::parse(ask(server.port(), "GET", "/openapi.json").body)["paths"];
  for (const std::string path :
       {"/v1/features?out_type=cls_token", "/v1/features?out_type=raw,cls_token", "/v1/pose",
        "/v1/seg", "/v1/depth", "/v1/normal"}) {
    const Answer answer =
        ask(server.port(), "POST", path, {{"Content-Type", "image/png"}}, Models::get().image());
    ASSERT_EQ(answer.status, 200) << answer.body;
    const Json& responses = paths[path.substr(0, path.find('?'))]["post"]["responses"];
    const Json& schema = responses["200"]["content"]["application/json"]["schema"];
    const Json json = Json::parse(answer.body);
    for (const auto& [name, value] : json.items()) {
      EXPECT_TRUE(schema["properties"].contains(name)) << path << ' ' << name;
    }
  }
}

TEST(Answers, SeveralFormsOfFeaturesComeOneBehindTheOther) {
  const Serving server({"--model", Models::get().argument("features")});
  const auto answer_to = [&](const std::string& out_types, const char* type) {
    return ask(server.port(), "POST", "/v1/features?out_type=" + out_types,
               {{"Content-Type", "image/png"}, {"Accept", type}}, Models::get().image());
  };
  const char* npy = "application/x-npy";
  EXPECT_EQ(answer_to("cls_token,featmap", npy).body,
            answer_to("cls_token", npy).body + answer_to("featmap", npy).body);
  EXPECT_EQ(answer_to("cls_token,featmap", "image/png").body,
            answer_to("featmap", "image/png").body);
  const Json json = Json::parse(answer_to("cls_token,featmap", "application/json").body);
  ASSERT_EQ(json["outputs"].size(), 2u);
  EXPECT_EQ(json["outputs"][0]["out_type"], "cls_token");
  EXPECT_EQ(json["outputs"][0]["vector"].size(), json["outputs"][1]["shape"][0]);
  EXPECT_FALSE(json.contains("shape"));
  for (const char* wrong : {"raw,", "raw,raw", "raw,map", ""}) {
    const Answer answer = answer_to(wrong, npy);
    EXPECT_EQ(answer.status, 400) << wrong;
    EXPECT_EQ(Json::parse(answer.body)["error"]["key"], "out_type") << wrong;
  }
}

TEST(Answers, AnAnswerOfOneVectorHoldsItAsJson) {
  const Serving server({"--model", Models::get().argument("features")});
  const Answer answer = ask(server.port(), "POST", "/v1/features?out_type=cls_token",
                            {{"Content-Type", "image/png"}}, Models::get().image());
  const Json json = Json::parse(answer.body);
  EXPECT_EQ(json["vector"].size(), json["shape"][0].get<std::size_t>());
}

TEST(ListOfModels, HasTheLoadReportOfInspect) {
  const Serving server(Models::get().arguments());
  const Answer answer = ask(server.port(), "GET", "/v1/models");
  ASSERT_EQ(answer.status, 200);
  const Json models = Json::parse(answer.body)["models"];
  ASSERT_EQ(models.size(), 5u);
  for (const Json& model : models) {
    const std::string name = model["name"];
    const Finished inspect = run_sapiens({"inspect", Models::get().path(name), "--json"});
    EXPECT_EQ(model["report"], inspect.json()) << name;
  }
}

TEST(Batches, BatchesOfWaitingRequestsGiveTheSameBytes) {
  const Serving server({"--model", Models::get().argument("features"), "--model",
                        Models::get().argument("pose"), "--isa", "reference"});
  const auto features = [&] {
    return ask(server.port(), "POST", "/v1/features",
               {{"Content-Type", "image/png"}, {"Accept", "application/x-npy"}},
               Models::get().image())
        .body;
  };
  const std::string alone = features();
  std::thread slow([&] { ask_slowly(server.port()); });
  server.wait_for_queue(1);
  std::vector<std::string> together(4);
  std::vector<std::thread> clients;
  for (std::string& body : together) clients.emplace_back([&] { body = features(); });
  server.wait_for_queue(5);
  for (std::thread& client : clients) client.join();
  slow.join();
  for (const std::string& body : together) EXPECT_EQ(body, alone);
  // The first was alone; of the four that waited for the slow one, one may have come before it.
  EXPECT_EQ(server.metric("sapiens_pass_requests_total{model=\"features\"}"), 5);
  EXPECT_LE(server.metric("sapiens_passes_total{model=\"features\"}"), 3);
}

}  // namespace
}  // namespace sapiens
