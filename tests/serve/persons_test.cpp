#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "serve/server_fixture.hpp"

// With a detector, images without boxes give all their persons, as `sapiens pose --detector`.
namespace sapiens {
namespace {

using testing::HasSubstr;

std::string golden(const std::string& name) {
  return std::string(SAPIENS_TEST_DATA) + "/golden/rtmdet/" + name;
}

std::vector<std::string> with_detector(std::vector<std::string> more = {}) {
  more.insert(more.begin(),
              {"--model", Models::get().argument("pose"), "--detector", golden("rtmdet.pth")});
  return more;
}

class Persons : public testing::Test {
 protected:
  Answer post(const Serving& server, const std::string& query = "",
              const std::string& accept = "application/json") const {
    return ask(server.port(), "POST", "/v1/pose" + query,
               {{"Content-Type", "image/jpeg"}, {"Accept", accept}}, image_);
  }

  static Json persons(const Answer& answer) {
    EXPECT_EQ(answer.status, 200) << answer.body;
    return Json::parse(answer.body)["instance_info"];
  }

  /// What the command writes with the same detector.
  std::string written(const std::string& file, const std::vector<std::string>& more = {}) const {
    std::vector<std::string> words = {"pose",
                                      Models::get().path("pose"),
                                      golden("image.jpg"),
                                      "--detector",
                                      golden("rtmdet.pth"),
                                      "--output",
                                      out_ / "out",
                                      "--threads",
                                      "1",
                                      "--viz"};
    words.insert(words.end(), more.begin(), more.end());
    const Finished run = run_sapiens(words);
    EXPECT_EQ(run.code, 0) << run.err;
    return read_bytes(out_.path() / "out" / file);
  }

  const std::string image_ = read_bytes(golden("image.jpg"));
  Scratch out_;
};

TEST_F(Persons, WithoutBoxesPersonsAreThoseOfTheCommand) {
  const Serving server(with_detector());
  const Json file = Json::parse(written("image.json"));
  const Answer answer = post(server);
  EXPECT_EQ(persons(answer).dump(), file["instance_info"].dump());
  EXPECT_GT(persons(answer).size(), 10u);
  EXPECT_GT(Json::parse(answer.body)["seconds"]["detect"].get<double>(), 0);
  EXPECT_THAT(answer.header("server-timing"), HasSubstr("detect;dur="));
  EXPECT_EQ(post(server, "", "image/png").body, read_bytes(out_.path() / "out" / "image.png"));
}

TEST_F(Persons, AreThoseAboveTheThresholdsOfTheServer) {
  const std::vector<std::string> options = {"--bbox-thr", "0.4", "--nms-thr", "0.1"};
  const Serving server(with_detector(options));
  const Json file = Json::parse(written("image.json", options));
  EXPECT_EQ(persons(post(server)).dump(), file["instance_info"].dump());
  // An image without persons is no error, and no person is assumed to fill the image.
  EXPECT_TRUE(persons(post(Serving(with_detector({"--bbox-thr", "0.99"})))).empty());
}

TEST_F(Persons, GivenBoxesAreNotSearchedAgain) {
  const Serving server(with_detector());
  const Answer answer = post(server, "?boxes=10,20,200,300;5,5,50,60");
  EXPECT_EQ(persons(answer).size(), 2u);
  EXPECT_FALSE(Json::parse(answer.body)["seconds"].contains("detect"));
  const Serving without({"--model", Models::get().argument("pose")});
  EXPECT_EQ(persons(answer), persons(post(without, "?boxes=10,20,200,300;5,5,50,60")));
  EXPECT_EQ(persons(post(without)).size(), 1u);
}

TEST_F(Persons, ConcurrentRequestsFindTheSamePersons) {
  const Serving server(with_detector());
  const std::string alone = persons(post(server)).dump();
  std::vector<std::string> together(3);
  std::vector<std::thread> clients;
  for (std::string& one : together)
    clients.emplace_back([&] { one = persons(post(server)).dump(); });
  for (std::thread& client : clients) client.join();
  for (const std::string& one : together) EXPECT_EQ(one, alone);
}

TEST_F(Persons, AreNotSearchedOnceTheClientHasLeft) {
  const Serving server(with_detector({"--isa", "reference", "--time-limit", "0.05"}));
  EXPECT_EQ(post(server).status, 504);
  server.wait_for_queue(0);
  EXPECT_EQ(server.metric("sapiens_passes_total{model=\"pose\"}"), -1);
}

TEST_F(Persons, AreFoundByADetectorThatIsListedWithItsReport) {
  const Serving server(with_detector());
  const Json models = Json::parse(ask(server.port(), "GET", "/v1/models").body);
  // Only `inspect` has not read the values, and says that it did not check them.
  Json inspected = run_sapiens({"inspect", golden("rtmdet.pth"), "--json"}).json();
  Json& notes = inspected["report"]["notes"];
  ASSERT_EQ(notes.size(), 2u);
  EXPECT_THAT(notes.back().get<std::string>(), HasSubstr("values were not checked"));
  notes.erase(1);
  EXPECT_EQ(models["detector"]["report"], inspected);
  EXPECT_EQ(models["detector"]["precision"], "fp32");
  EXPECT_EQ(models["models"].size(), 1u);
}

TEST_F(Persons, AreExplainedByTheOpenApiDocument) {
  const Serving server(with_detector());
  const Json document = Json::parse(ask(server.port(), "GET", "/openapi.json").body);
  const Json& body = document["paths"]["/v1/pose"]["post"]["requestBody"]["content"];
  const Json& boxes = body["multipart/form-data"]["schema"]["properties"]["boxes"];
  EXPECT_THAT(boxes["description"].get<std::string>(), HasSubstr("detector"));
}

TEST(Detectors, UnusableDetectorsAreRefusedAtTheStart) {
  const Models& models = Models::get();
  const auto serve = [&](std::vector<std::string> words) {
    words.insert(words.begin(), {"serve", "--port", "0"});
    return run_sapiens(words);
  };
  const Finished other =
      serve({"--model", models.argument("pose"), "--detector", models.path("depth")});
  EXPECT_EQ(other.code, 3);
  EXPECT_THAT(other.err, HasSubstr("no person detector"));
  const Finished idle =
      serve({"--model", models.argument("depth"), "--detector", golden("rtmdet.pth")});
  EXPECT_EQ(idle.code, 2);
  EXPECT_THAT(idle.err, HasSubstr("--detector"));
  EXPECT_EQ(serve({"--model", models.argument("pose"), "--bbox-thr", "0.5"}).code, 2);
  EXPECT_EQ(serve({"--model", models.argument("pose"), "--detector", golden("rtmdet.pth"),
                   "--bbox-thr", "nan"})
                .code,
            2);
}

}  // namespace
}  // namespace sapiens
