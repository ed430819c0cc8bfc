#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <csignal>
#include <sapiens/printable.hpp>

#include "serve/server_fixture.hpp"

namespace sapiens {
namespace {

using testing::HasSubstr;
using testing::Not;

class Errors : public testing::Test {
 protected:
  Errors() : server_(Models::get().arguments()) {}

  /// The error of a request, which has a status and says what to do better.
  Json error(int status, const std::string& method, const std::string& target,
             const Headers& headers = {}, const std::string& body = "") {
    const Answer answer = ask(server_.port(), method, target, headers, body);
    EXPECT_EQ(answer.status, status) << target << "\n" << answer.body;
    EXPECT_EQ(answer.header("content-type"), "application/json");
    const Json document = Json::parse(answer.body, nullptr, false);
    if (document.is_discarded() || !document.contains("error")) {
      ADD_FAILURE() << answer.body;
      return {};
    }
    EXPECT_EQ(document["error"]["status"], status);
    EXPECT_FALSE(document["error"]["summary"].get<std::string>().empty());
    return document["error"];
  }

  Json image_error(int status, const std::string& target, const std::string& body) {
    return error(status, "POST", target, {{"Content-Type", "image/png"}}, body);
  }

  const std::string& image_ = Models::get().image();
  Serving server_;
};

TEST_F(Errors, InvalidImagesAre400AndSayWhatIsWrong) {
  const Json other = image_error(400, "/v1/depth", "no image");
  EXPECT_EQ(other["code"], "unsupported-format");
  EXPECT_EQ(other["key"], "image");
  EXPECT_FALSE(other.contains("file"));
  EXPECT_EQ(image_error(400, "/v1/depth", image_.substr(0, 60))["code"], "corrupt-file");
  EXPECT_EQ(image_error(400, "/v1/depth", "\x89PNG\r\n\x1a\n")["code"], "corrupt-file");
  std::string damaged = image_;
  damaged[damaged.size() / 2] = static_cast<char>(~damaged[damaged.size() / 2]);
  EXPECT_EQ(image_error(400, "/v1/depth", damaged)["code"], "corrupt-file");
  EXPECT_EQ(error(400, "POST", "/v1/depth",
                  {{"Content-Type", "image/png"}, {"Content-Length", "0"}})["key"],
            "image");
}

TEST_F(Errors, BoxesOutsideTheImageAre400) {
  for (const char* boxes : {"5000,5000,10,10", "-20,-20,10,10"}) {
    const Json error = image_error(400, std::string("/v1/pose?boxes=1,1,30,20;") + boxes, image_);
    EXPECT_EQ(error["key"], "boxes[1]") << boxes;
    EXPECT_THAT(error["summary"], HasSubstr("outside of its image"));
  }
  EXPECT_THAT(image_error(400, "/v1/pose?boxes=0.1,0.2,0.5,0.7", image_)["summary"],
              HasSubstr("shares"));
}

TEST_F(Errors, InvalidFieldsAre400AndNamed) {
  EXPECT_EQ(image_error(400, "/v1/depth?colour=red", image_)["key"], "colour");
  const Json choice = image_error(400, "/v1/features?out_type=map", image_);
  EXPECT_EQ(choice["key"], "out_type");
  EXPECT_EQ(choice["expected"], "featmap, raw, cls_token, avg_featmap, registers");
  EXPECT_EQ(image_error(400, "/v1/features?out_type=registers", image_)["expected"],
            "featmap, raw, cls_token or avg_featmap");
  EXPECT_EQ(image_error(400, "/v1/features?layer=two", image_)["key"], "layer");
  EXPECT_EQ(image_error(400, "/v1/features?norm=yes", image_)["key"], "norm");
  image_error(400, "/v1/features?layer=99", image_);
  for (const char* boxes : {"", "1,2,3", "1,2,3,nan", "1,2,0,4", "1,2,3,4,5", "a", "1,2,3,4;;"}) {
    EXPECT_EQ(image_error(400, std::string("/v1/pose?boxes=") + boxes, image_)["key"], "boxes")
        << boxes;
  }
  EXPECT_THAT(image_error(400, "/v1/depth?model=depth&model=pose", image_)["summary"],
              HasSubstr("twice"));
}

TEST(Sapiens2Errors, LitePreprocessingIs400AndNamed) {
  const Serving server(
      {"--model", "sapiens2=" SAPIENS_TEST_DATA "/golden/sapiens2_names/plain.safetensors"});
  const auto answer_to = [&](const std::string& query) {
    return ask(server.port(), "POST", "/v1/features" + query, {{"Content-Type", "image/png"}},
               Models::get().image());
  };
  const Answer registers = answer_to("?out_type=registers");
  ASSERT_EQ(registers.status, 200) << registers.body;
  EXPECT_EQ(Json::parse(registers.body)["shape"], Json({8, 8}));
  const Answer lite = answer_to("?preprocess=lite");
  EXPECT_EQ(lite.status, 400);
  const Json error = Json::parse(lite.body)["error"];
  EXPECT_EQ(error["key"], "preprocess");
  EXPECT_EQ(error["expected"], "full");
}

TEST_F(Errors, InvalidFormsAre400) {
  const auto form_error = [&](const Form& form) {
    return error(400, "POST", "/v1/depth", {{"Content-Type", form.type}}, form.body);
  };
  EXPECT_EQ(form_error(form_of({{"model", "depth"}}))["key"], "image");
  EXPECT_THAT(form_error(form_of({{"image", image_}, {"image", image_}}))["summary"],
              HasSubstr("twice"));
  Form cut = form_of({{"image", image_}});
  cut.body.resize(cut.body.size() / 2);
  EXPECT_EQ(form_error(cut)["code"], "bad-body");
  EXPECT_EQ(form_error({"multipart/form-data", cut.body})["code"], "bad-body");
  std::vector<std::pair<std::string, std::string>> crowd(100, {"a", "b"});
  EXPECT_EQ(form_error(form_of(crowd))["expected"], "at most 64");
}

// As .NET writes them. The library of Debian 12 does not understand that, the one of Ubuntu 24.04
// does.
TEST_F(Errors, UnquotedFormNamesAreReported) {
  Form form = form_of({{"image", image_}});
  form.body.replace(form.body.find("\"image\""), 7, "image");
  const Answer answer =
      ask(server_.port(), "POST", "/v1/depth", {{"Content-Type", form.type}}, form.body);
  if (answer.status == 200) return;
  EXPECT_EQ(answer.status, 400);
  EXPECT_THAT(answer.body, HasSubstr("no name in quotation marks"));
}

TEST_F(Errors, InvalidJsonIs400) {
  for (const std::string body :
       {"", "{", "[]", "7", R"({"image": 7})", R"({"image": "%%%"})", R"({"image": "QQ"} trailing)",
        R"({"model": "depth"})", "{\"image\": \"QQ=\"}"}) {
    error(400, "POST", "/v1/depth",
          {{"Content-Type", "application/json"}, {"Content-Length", std::to_string(body.size())}},
          body);
  }
  const std::string hidden = R"({"image": "QUJD"})" + std::string(1, '\0') + R"({"image": "QUJE"})";
  EXPECT_THAT(
      error(400, "POST", "/v1/depth", {{"Content-Type", "application/json"}}, hidden)["actual"],
      HasSubstr("not JSON"));
  const std::string deep = R"({"image": )" + std::string(100000, '[') + "}";
  error(400, "POST", "/v1/depth", {{"Content-Type", "application/json"}}, deep);
  std::string many = R"({"image": "QUJD", "boxes": [0)";
  for (int i = 0; i < 100000; ++i) many += ",0";
  EXPECT_THAT(
      error(400, "POST", "/v1/pose", {{"Content-Type", "application/json"}}, many + "]}")["actual"],
      HasSubstr("longer"));
}

TEST_F(Errors, UnknownPathsAndModelsAre404) {
  EXPECT_EQ(error(404, "GET", "/nowhere")["code"], "unknown-path");
  EXPECT_EQ(error(404, "GET", "/no%0Awhere")["code"], "unknown-path");
  error(404, "GET", "/../etc/passwd");
  error(404, "GET", "/index.html");
  error(404, "POST", "/v1/poses", {{"Content-Type", "image/png"}}, image_);
  const Json unknown = image_error(404, "/v1/depth?model=other", image_);
  EXPECT_EQ(unknown["code"], "unknown-model");
  EXPECT_THAT(unknown["expected"], HasSubstr("normal (normal)"));
}

TEST_F(Errors, UnsupportedMethodsAre405AndListTheAllowedOnes) {
  const Answer get = ask(server_.port(), "GET", "/v1/pose");
  EXPECT_EQ(get.status, 405);
  EXPECT_EQ(get.header("allow"), "POST");
  for (const char* method : {"PUT", "PATCH", "DELETE", "OPTIONS"}) {
    EXPECT_EQ(ask(server_.port(), method, "/healthz", {{"Content-Length", "0"}}).status, 405)
        << method;
  }
}

TEST_F(Errors, TypesThatCannotBeSentAre406) {
  const auto accepting = [&](const std::string& path, const std::string& accept) {
    return error(406, "POST", path, {{"Content-Type", "image/png"}, {"Accept", accept}}, image_);
  };
  EXPECT_THAT(accepting("/v1/depth", "text/html")["expected"], HasSubstr("application/x-npy"));
  EXPECT_THAT(accepting("/v1/pose", "application/x-npy")["expected"], Not(HasSubstr("x-npy")));
  accepting("/v1/depth", "application/json;q=0");
  EXPECT_EQ(accepting("/v1/features?out_type=cls_token", "image/png")["key"], "out_type");
}

TEST_F(Errors, BodiesWithoutALengthAre411) {
  error(411, "POST", "/v1/depth", {{"Content-Type", "image/png"}});
  error(411, "POST", "/v1/depth", {{"Content-Type", "image/png"}, {"Transfer-Encoding", "chunked"}},
        "0\r\n\r\n");
}

TEST_F(Errors, BodiesOfOtherTypesAre415) {
  error(415, "POST", "/v1/depth", {{"Content-Type", "text/plain"}}, image_);
  error(415, "POST", "/v1/depth", {}, image_);
  error(415, "POST", "/v1/depth", {{"Content-Type", "image/png"}, {"Content-Encoding", "gzip"}},
        image_);
}

TEST_F(Errors, AModelForAnotherTaskIs422AndSaysWhichItIsFor) {
  const Json wrong = image_error(422, "/v1/depth?model=pose", image_);
  EXPECT_EQ(wrong["code"], "wrong-task");
  EXPECT_EQ(wrong["hint"], "POST /v1/pose");
}

TEST_F(Errors, WhatIsNotHttpIs400OrNothing) {
  for (const std::string& bytes :
       {std::string("hello\r\n\r\n"), std::string("GET\r\n\r\n"), std::string("\r\n\r\n"),
        "GET /" + std::string(10000, 'a') + " HTTP/1.1\r\n\r\n", std::string(3000, '\xff')}) {
    const Connection connection(server_.port());
    connection.send(bytes);
    connection.finish_sending();
    const Answer answer = connection.receive();
    EXPECT_TRUE(answer.status == 0 || (400 <= answer.status && answer.status < 500))
        << answer.status;
  }
  EXPECT_EQ(ask(server_.port(), "GET", "/healthz").status, 200);
}

TEST(Tasks, TasksWithoutAModelAre422AndSeveralModelsNeedAName) {
  const Models& models = Models::get();
  const Serving server(
      {"--model", "one=" + models.path("depth"), "--model", "two=" + models.path("depth")});
  const Headers headers = {{"Content-Type", "image/png"}};
  EXPECT_EQ(ask(server.port(), "POST", "/v1/pose", headers, models.image()).status, 422);
  EXPECT_EQ(ask(server.port(), "POST", "/v1/depth", headers, models.image()).status, 400);
  EXPECT_EQ(ask(server.port(), "POST", "/v1/depth?model=two", headers, models.image()).status, 200);
}

TEST(Command, SaysHowToGetAPublishedCheckpoint) {
  const Scratch empty;
  for (const char* cache : {"SAPIENS_CACHE", "HF_HUB_CACHE"}) {
    setenv(cache, empty.path().c_str(), 1);
  }
  for (const std::string model : {"0.3b:depth", "mine=0.3b:depth"}) {
    const Finished run = run_sapiens({"serve", "--model", model});
    EXPECT_EQ(run.code, 4) << run.err;
    EXPECT_THAT(run.err, HasSubstr("`sapiens pull 0.3b:depth`"));
  }
  for (const char* cache : {"SAPIENS_CACHE", "HF_HUB_CACHE"}) unsetenv(cache);
}

class Token : public testing::Test {
 protected:
  Token() {
    write_bytes(folder_ / "token", "a-secret-of-tests\n");
    server_ = std::make_unique<Serving>(std::vector<std::string>{
        "--model", Models::get().argument("depth"), "--token-file", folder_ / "token"});
  }

  int status(const std::string& target, const Headers& headers = {}) {
    return ask(server_->port(), "GET", target, headers).status;
  }

  Scratch folder_;
  std::unique_ptr<Serving> server_;
};

TEST_F(Token, IsAskedForWhereThereIsSomethingToHave) {
  for (const char* path : {"/v1/models", "/metrics", "/v1/depth"}) {
    EXPECT_EQ(status(path), 401) << path;
    EXPECT_EQ(status(path, {{"Authorization", "Bearer a-secret-of-test"}}), 401) << path;
    EXPECT_EQ(status(path, {{"Authorization", "Basic a-secret-of-tests"}}), 401) << path;
  }
  const Answer refused = ask(server_->port(), "POST", "/v1/depth", kPng, Models::get().image());
  EXPECT_EQ(refused.status, 401);
  EXPECT_EQ(refused.header("www-authenticate"), "Bearer realm=\"sapiens\"");
  const Answer other = ask(server_->port(), "GET", "/metrics", {{"Authorization", "Bearer other"}});
  EXPECT_THAT(other.header("www-authenticate"), HasSubstr("invalid_token"));
  for (const char* path : {"/", "/healthz", "/openapi.json", "/app.js"}) {
    EXPECT_EQ(status(path), 200) << path;
  }
}

TEST_F(Token, OpensTheServer) {
  const Headers bearer = {{"Authorization", "Bearer a-secret-of-tests"},
                          {"Content-Type", "image/png"}};
  EXPECT_EQ(status("/v1/models", bearer), 200);
  EXPECT_EQ(status("/metrics", bearer), 200);
  EXPECT_EQ(status("/metrics", {{"Authorization", "bearer a-secret-of-tests"}}), 200);
  EXPECT_EQ(ask(server_->port(), "POST", "/v1/depth", bearer, Models::get().image()).status, 200);
}

TEST_F(Token, ATokenThatIsTooShortIsRefused) {
  write_bytes(folder_ / "short", "abc\n");
  const Finished run = run_sapiens(
      {"serve", "--model", Models::get().argument("depth"), "--token-file", folder_ / "short"});
  EXPECT_EQ(run.code, 2);
}

TEST(Browsers, RequestsOfOtherSitesAreRefused) {
  const Serving server({"--model", Models::get().argument("depth")});
  const auto status = [&](const std::string& name, const std::string& value) {
    return ask(server.port(), "POST", "/v1/depth", {{name, value}, {"Content-Type", "image/png"}},
               Models::get().image())
        .status;
  };
  EXPECT_EQ(status("Sec-Fetch-Site", "cross-site"), 403);
  EXPECT_EQ(status("Sec-Fetch-Site", "same-origin"), 200);
  EXPECT_EQ(status("Sec-Fetch-Site", "none"), 200);
  // Where a browser does not say it, the page's origin does.
  EXPECT_EQ(status("Origin", "https://evil.example"), 403);
  EXPECT_EQ(status("Origin", "null"), 403);
  EXPECT_EQ(status("Origin", "http://127.0.0.1"), 200);
}

TEST(Browsers, RequestsUnderAnotherHostNameAreRefused) {
  const Serving server({"--model", Models::get().argument("depth")});
  const auto status = [&](const std::string& host) {
    return ask(server.port(), "GET", "/v1/models", {{"Host", host}}).status;
  };
  for (const char* host : {"evil.example:8080", "127.evil.example", "127.0.0.1.evil.example:8080",
                           "localhost.evil.example"}) {
    EXPECT_EQ(status(host), 421) << host;
  }
  for (const char* host :
       {"localhost:8080", "LocalHost", "127.0.0.1", "127.0.0.53:80", "[::1]:80"}) {
    EXPECT_EQ(status(host), 200) << host;
  }
}

TEST(Command, RefusesWhatItCannotServe) {
  EXPECT_EQ(run_sapiens({"serve"}).code, 2);
  EXPECT_EQ(run_sapiens({"serve", "--model", "/nowhere.pth"}).code, 4);
  EXPECT_EQ(run_sapiens({"serve", "--model", "a b=" + Models::get().path("depth")}).code, 2);
  const Serving server({"--model", Models::get().argument("depth")});
  const Finished second = run_sapiens({"serve", "--model", Models::get().argument("depth"),
                                       "--port", std::to_string(server.port())});
  EXPECT_EQ(second.code, 2);
  EXPECT_THAT(second.err, HasSubstr("another program may use the port"));
  const Finished nowhere =
      run_sapiens({"serve", "--model", Models::get().argument("depth"), "--host", "a..b"});
  EXPECT_EQ(nowhere.code, 2);
  EXPECT_THAT(nowhere.err, HasSubstr("no such host"));
  EXPECT_THAT(nowhere.err, HasSubstr("--host takes"));
}

TEST(Log, HasOneLineARequestWhateverItsPath) {
  Serving server(Models::get().arguments());
  for (const char* const path : {"/x%1b[31m", "/%c2%9b2J%e2%80%ae", "/%ff%00", "/x%0d%0aGET%20/"}) {
    const Answer answer = ask(server.port(), "GET", path);
    EXPECT_EQ(answer.status / 100, 4) << path;
    EXPECT_TRUE(Json::accept(answer.body)) << answer.body;
    EXPECT_EQ(answer.body, printable_lines(answer.body));
  }
  server.program().send(SIGTERM);
  const std::string log = server.program().wait().err;
  EXPECT_EQ(log, printable_lines(log));
  EXPECT_THAT(log, HasSubstr("GET /x\\x1b[31m 404"));
  EXPECT_THAT(log, HasSubstr("GET /\\u009b2J\\u202e 404"));
  EXPECT_THAT(log, HasSubstr("GET /\\xff"));
}

}  // namespace
}  // namespace sapiens
