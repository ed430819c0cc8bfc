// What a download says when the hub does not give the file.
#include <cmath>
#include <sapiens/error.hpp>
#include <sapiens/hub.hpp>

#include "hub/pull_fixture.hpp"

namespace sapiens {
namespace {

using testing::HasSubstr;

class RefusedPull : public Pull {
 protected:
  /// The fields of the error; nothing may be left of the download.
  Json refused(int code, const std::vector<std::string>& more = {}) {
    const Finished run = pull(more);
    EXPECT_EQ(run.code, code) << run.err;
    EXPECT_TRUE(cached().empty()) << testing::PrintToString(cached());
    return run.json()["error"];
  }
};

TEST_F(RefusedPull, AWrongDigestShowsBothDigests) {
  const std::string zeros(64, '0');
  serve({"--digest", zeros});
  const Json error = refused(4);
  EXPECT_EQ(error["code"], "corrupt-file");
  EXPECT_EQ(error["expected"], "sha256 " + zeros);
  EXPECT_THAT(error["actual"], HasSubstr("sha256 "));
}

TEST_F(RefusedPull, AGitLfsPointerIsReported) {
  serve({"--send", "lfs"});
  const Json error = refused(4);
  EXPECT_EQ(error["code"], "unsupported-format");
  EXPECT_THAT(error["actual"], HasSubstr("Git LFS pointer"));
}

TEST_F(RefusedPull, APageInPlaceOfTheFileIsReported) {
  serve({"--send", "page"});
  EXPECT_THAT(refused(4)["actual"], HasSubstr("web page"));
  serve({"--login-page"});
  EXPECT_THAT(refused(4)["actual"], HasSubstr("web page"));
}

TEST_F(RefusedPull, APageInPlaceOfTheRestKeepsThePart) {
  serve({"--drop-after", "60000"});
  ASSERT_EQ(pull({"--retries", "0"}).code, 6);
  serve({"--send", "page"});
  const Finished run = pull();
  EXPECT_EQ(run.code, 4);
  EXPECT_THAT(run.json()["error"]["actual"], HasSubstr("web page"));
  EXPECT_EQ(std::filesystem::file_size(partial()), 60'000);
  serve();
  EXPECT_EQ(pull().json()["files"][0]["resumed_at"], 60'000);
}

TEST_F(RefusedPull, MissingAccessIsReportedWithAHint) {
  serve({"--status", "401", "--error-code", "GatedRepo"});
  const Json error = refused(4);
  EXPECT_EQ(error["code"], "not-found");
  EXPECT_THAT(error["summary"], HasSubstr("accepted its licence"));
  EXPECT_THAT(error["actual"], HasSubstr("words of the hub"));
  EXPECT_THAT(error["hint"], HasSubstr("HF_TOKEN"));
  EXPECT_THAT(error["hint"], HasSubstr("/facebook/sapiens-pretrain-0.3b"));

  setenv("HF_TOKEN", "hf_wrong", 1);
  EXPECT_THAT(refused(4)["hint"], HasSubstr("not accepted"));
  serve({"--status", "403", "--error-code", "GatedRepo"});
  EXPECT_THAT(refused(4)["hint"], HasSubstr("ask for access"));
}

TEST_F(RefusedPull, AMissingFileIsReportedWithAHint) {
  serve({"--status", "404"});
  const Json error = refused(4);
  EXPECT_EQ(error["code"], "not-found");
  EXPECT_THAT(error["hint"], HasSubstr("/facebook/sapiens-pretrain-0.3b"));
}

TEST_F(RefusedPull, AnEndlessPageIsNotReadToItsEnd) {
  serve({"--endless"});
  EXPECT_EQ(refused(4)["code"], "not-found");
}

TEST_F(RefusedPull, ATemporaryRefusalIsRetried) {
  for (const std::string status : {"429", "503"}) {
    const HubServer& server =
        serve({"--status", status, "--retry-after", "1", "--misbehave-times", "1"});
    ASSERT_EQ(pull({"--dir", scratch_ / status}).code, 0);
    EXPECT_EQ(server.requests("hub").at(0)["status"].dump(), status);
  }
}

TEST_F(RefusedPull, ATemporaryRefusalIsNotRetriedForever) {
  const HubServer& server = serve({"--status", "503"});
  EXPECT_EQ(refused(6, {"--retries", "2"})["code"], "network");
  EXPECT_EQ(server.requests("hub").size(), 3);
}

TEST_F(RefusedPull, ALongRefusalIsReportedAtOnce) {
  const HubServer& server = serve({"--status", "429", "--retry-after", "3600"});
  EXPECT_THAT(refused(6)["hint"], HasSubstr("3600 s"));
  EXPECT_EQ(server.requests("hub").size(), 1);
}

TEST_F(RefusedPull, AnUnreachableHubIsReported) {
  setenv("HF_ENDPOINT", "http://127.0.0.1:9", 1);
  const Json error = refused(6, {"--retries", "0"});
  EXPECT_EQ(error["code"], "network");
  EXPECT_THAT(error["actual"], HasSubstr("127.0.0.1"));
}

TEST_F(RefusedPull, ACycleOfRedirectsEnds) {
  serve({"--circles"});
  EXPECT_THAT(refused(6)["summary"], HasSubstr("circles"));
}

TEST_F(RefusedPull, TooLittleSpaceIsReportedBeforeTheFirstByte) {
  const HubServer& server = serve({"--size", "1000000000000000000"});
  EXPECT_EQ(refused(5)["code"], "out-of-resources");
  EXPECT_TRUE(server.requests("storage").empty());
}

TEST_F(RefusedPull, AnUnexpectedSizeIsRefused) {
  serve({"--size", "1000000"});
  EXPECT_THAT(refused(4)["expected"], HasSubstr("1000000 bytes"));
}

TEST_F(RefusedPull, AnInvalidEndpointOrTokenSendsNoRequest) {
  for (const std::string endpoint : {"huggingface.co:x", "ftp://example.org", "file:///etc"}) {
    setenv("HF_ENDPOINT", endpoint.c_str(), 1);
    EXPECT_EQ(refused(2)["key"], "HF_ENDPOINT") << endpoint;
  }
  const HubServer& server = serve();
  setenv("HF_TOKEN", "hf_x\r\nHost: elsewhere", 1);
  EXPECT_EQ(refused(2)["key"], "HF_TOKEN");
  EXPECT_TRUE(server.requests("hub").empty());
}

TEST(RefusedHub, AnInvalidTimeIsRefused) {
  for (const double seconds : {0.0, 0.5, -1.0, 1e9, std::nan("")}) {
    try {
      const Hub hub({.timeout = seconds});
      ADD_FAILURE() << seconds;
    } catch (const Error& error) {
      EXPECT_EQ(error.code(), ErrorCode::InvalidArgument);
      EXPECT_EQ(error.detail().key, "timeout");
    }
  }
}

TEST_F(RefusedPull, AnEndlessFileStopsAtTheLimit) {
  serve({"--no-size", "--digest", "none", "--then-zeros"});
  // The limit of the smallest: twice what the table says, and 16 MiB.
  const PublishedFile small{.name = "small",
                            .model = "",
                            .task = "",
                            .repository = "a/b",
                            .path = "small.pth",
                            .licence = "",
                            .approximate_bytes = 1000,
                            .sha256 = ""};
  EXPECT_EQ(max_download_bytes(small), 2000 + (1 << 24));
  EXPECT_EQ(max_download_bytes(PublishedFile{}), std::uint64_t{1} << 35);
  Hub hub({.folder = cache_});
  const RemoteFile remote = hub.look_up(small);
  EXPECT_FALSE(remote.bytes);
  try {
    hub.pull(remote);
    ADD_FAILURE() << "it ended";
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ErrorCode::CorruptFile) << error.what();
    EXPECT_THAT(error.detail().expected, HasSubstr("at most 16779216 bytes"));
  }
  EXPECT_TRUE(cached().empty()) << testing::PrintToString(cached());
}

TEST_F(RefusedPull, AFileWithoutADigestThatIsNoCheckpointIsRefused) {
  const std::string whole = read_bytes(published_);
  const std::string sent = scratch_ / "sent";
  const auto refused_bytes = [&](const std::string& bytes) {
    write_bytes(sent, bytes);
    serve({"--no-size", "--digest", "none", "--send-file", sent});
    return refused(4);
  };
  // Each begins as a checkpoint does.
  EXPECT_EQ(refused_bytes(whole.substr(0, whole.size() / 2))["code"], "corrupt-file");
  EXPECT_EQ(refused_bytes(std::string("\x80\x02", 2) + std::string(5000, 'x'))["code"],
            "corrupt-file");
  const std::string header = R"({"error": "not here"})";
  EXPECT_EQ(refused_bytes(std::string("\xff\0\0\0\0\0\0\0", 8) + header)["code"], "corrupt-file");
  const std::string json = R"({"error":"Invalid credentials in Authorization header"})";
  const Json error = refused_bytes(json);
  EXPECT_EQ(error["code"], "unsupported-format");
  EXPECT_THAT(error["actual"], HasSubstr("JSON"));
}

TEST_F(RefusedPull, ACheckpointWithoutSizeAndDigestIsAccepted) {
  serve({"--no-size", "--digest", "none"});
  const Finished run = pull();
  EXPECT_EQ(run.code, 0) << run.err;
  EXPECT_EQ(run.json()["files"][0]["verified"], false);
  expect_whole();
}

}  // namespace
}  // namespace sapiens
