// Downloads over TLS, from a hub with a certificate that the test makes (hub_server.py).
#include "hub/pull_fixture.hpp"

namespace sapiens {
namespace {

using testing::HasSubstr;

class TlsPull : public Pull {
 protected:
  void SetUp() override {
    if (std::system("openssl version > /dev/null 2>&1") != 0) {
      GTEST_SKIP() << "no program openssl to make certificates with";
    }
    Pull::SetUp();
  }
  void TearDown() override {
    unsetenv("SSL_CERT_FILE");
    Pull::TearDown();
  }

  /// A hub at https://localhost with a certificate for `name`.
  HubServer& serve_tls(const std::string& name, std::vector<std::string> options = {}) {
    options.insert(options.end(), {"--tls", name, "--authority", authority_});
    HubServer& server = serve(options);
    const std::string port = server.endpoint().substr(server.endpoint().rfind(':'));
    setenv("HF_ENDPOINT", ("https://localhost" + port).c_str(), 1);
    return server;
  }

  /// The error of a pull that fails before the hub receives a request.
  Json refused(const HubServer& server) {
    setenv("HF_TOKEN", "hf_secret", 1);
    const Finished run = pull({"--retries", "2"});
    EXPECT_EQ(run.code, 6) << run.err;
    EXPECT_TRUE(server.requests("hub").empty());
    EXPECT_TRUE(cached().empty()) << testing::PrintToString(cached());
    return run.json()["error"];
  }

  std::string authority_ = scratch_ / "authority.pem";
};

TEST_F(TlsPull, TrustsWhomSslCertFileNames) {
  const HubServer& server = serve_tls("localhost");
  setenv("SSL_CERT_FILE", authority_.c_str(), 1);
  setenv("HF_TOKEN", "hf_secret", 1);
  const Finished run = pull();
  ASSERT_EQ(run.code, 0) << run.err;
  expect_whole();
  EXPECT_EQ(server.requests("hub").at(0)["authorization"], "Bearer hf_secret");
  EXPECT_EQ(server.requests("storage").at(0)["authorization"], nullptr);
}

TEST_F(TlsPull, GoesThroughAProxyThatHearsNoToken) {
  const HubServer& server = serve_tls("localhost");
  setenv("SSL_CERT_FILE", authority_.c_str(), 1);
  setenv("HF_TOKEN", "hf_secret", 1);
  setenv("https_proxy", server.proxy().c_str(), 1);
  const Finished run = pull();
  unsetenv("https_proxy");
  ASSERT_EQ(run.code, 0) << run.err;
  expect_whole();
  const std::vector<Json> tunnels = server.requests("proxy");
  EXPECT_EQ(tunnels.size(), 2);  // to the hub and to the storage
  for (const Json& tunnel : tunnels) {
    EXPECT_EQ(tunnel["method"], "CONNECT");
    EXPECT_EQ(tunnel["authorization"], nullptr);
  }
}

TEST_F(TlsPull, RefusesOtherCertificates) {
  const Json error = refused(serve_tls("localhost"));
  EXPECT_EQ(error["code"], "network");
  EXPECT_THAT(error["file"], HasSubstr("https://localhost:"));
  EXPECT_THAT(error["actual"], HasSubstr("certificate"));
  EXPECT_THAT(error["hint"], HasSubstr("SSL_CERT_FILE"));
}

TEST_F(TlsPull, WantsTheCertificateToBeForThisHost) {
  const HubServer& server = serve_tls("elsewhere.example");
  setenv("SSL_CERT_FILE", authority_.c_str(), 1);
  const Json error = refused(server);
  EXPECT_EQ(error["code"], "network");
  EXPECT_THAT(error["file"], HasSubstr("https://localhost:"));
  EXPECT_THAT(error["actual"], HasSubstr("localhost"));
}

TEST_F(TlsPull, SaysWhenSslCertFileNamesNoCertificates) {
  const HubServer& server = serve_tls("localhost");
  for (const std::string& file : {scratch_ / "none.pem", published_}) {
    setenv("SSL_CERT_FILE", file.c_str(), 1);
    EXPECT_THAT(refused(server)["actual"], HasSubstr(file));
  }
}

TEST_F(TlsPull, DoesNotGoOnUnencrypted) {
  const HubServer& server = serve_tls("localhost", {"--plain-storage"});
  setenv("SSL_CERT_FILE", authority_.c_str(), 1);
  const Finished run = pull();
  EXPECT_EQ(run.code, 6) << run.err;
  EXPECT_THAT(run.json()["error"]["summary"], HasSubstr("not encrypted"));
  EXPECT_TRUE(server.requests("storage").empty());
}

}  // namespace
}  // namespace sapiens
