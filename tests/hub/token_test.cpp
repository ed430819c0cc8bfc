// Which token the hub is told.
#include <filesystem>

#include "hub/pull_fixture.hpp"

namespace sapiens {
namespace {

using testing::HasSubstr;

class TokenPull : public Pull {
 protected:
  /// What a pull tells the hub; null for none.
  Json sent() {
    const HubServer& server = serve();
    std::filesystem::remove_all(cache_);
    const Finished run = pull();
    EXPECT_EQ(run.code, 0) << run.err;
    return server.requests("hub").at(0)["authorization"];
  }

  /// The error of a pull that sends no request.
  Json refused() {
    const HubServer& server = serve();
    const Finished run = pull();
    EXPECT_EQ(run.code, 2) << run.err;
    EXPECT_TRUE(server.requests("hub").empty());
    return run.json()["error"];
  }

  std::string file_ = hugging_face_ + "/token";
};

TEST_F(TokenPull, IsThatOfTheLoginWhereNoVariableHasOne) {
  EXPECT_TRUE(sent().is_null());
  write_bytes(file_, "hf_of_login\n");
  EXPECT_EQ(sent(), "Bearer hf_of_login");
  write_bytes(scratch_ / "other", "hf_of_file");
  setenv("HF_TOKEN_PATH", (scratch_ / "other").c_str(), 1);
  EXPECT_EQ(sent(), "Bearer hf_of_file");
  setenv("HUGGING_FACE_HUB_TOKEN", "hf_of_old_name", 1);
  EXPECT_EQ(sent(), "Bearer hf_of_old_name");
  setenv("HF_TOKEN", "hf_of_variable", 1);
  EXPECT_EQ(sent(), "Bearer hf_of_variable");
}

TEST_F(TokenPull, LosesSpaceAndLineBreaksAroundIt) {
  setenv("HF_TOKEN", " hf_padded\r\n", 1);
  EXPECT_EQ(sent(), "Bearer hf_padded");
  setenv("HF_TOKEN", "\n", 1);  // none
  write_bytes(file_, "\n");
  EXPECT_TRUE(sent().is_null());
}

TEST_F(TokenPull, OfTheLoginIsNotSentWhereTheUserForbidsIt) {
  write_bytes(file_, "hf_of_login");
  setenv("HF_HUB_DISABLE_IMPLICIT_TOKEN", "1", 1);
  EXPECT_TRUE(sent().is_null());
}

TEST_F(TokenPull, WithOtherCharactersIsRefusedAndNotShown) {
  for (const std::string& token : {std::string("hf_a\r\nHost: elsewhere"), std::string("hf_a b"),
                                   std::string("hf_\x01"), std::string(100'000, 'h')}) {
    write_bytes(file_, token);
    const Json error = refused();
    EXPECT_EQ(error["key"], file_);
    EXPECT_THAT(error.dump(), testing::Not(HasSubstr("hf_a")));
  }
}

TEST_F(TokenPull, FromAFolderIsRefusedWithItsName) {
  std::filesystem::create_directories(file_);
  const Json error = refused();
  EXPECT_EQ(error["file"], file_);
  EXPECT_THAT(error["hint"], HasSubstr("HF_TOKEN_PATH"));
}

TEST_F(TokenPull, ThatIsNotAcceptedIsNamedByItsFile) {
  write_bytes(file_, "hf_wrong");
  serve({"--status", "401"});
  EXPECT_THAT(pull().json()["error"]["hint"], HasSubstr("the token of " + file_));
}

}  // namespace
}  // namespace sapiens
