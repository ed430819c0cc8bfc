#include "serve/lobby.hpp"

#include <gtest/gtest.h>
#include <sys/socket.h>
#include <unistd.h>

#include <condition_variable>
#include <map>
#include <new>

#include "capi/failing_new.hpp"
#include "serve/connection.hpp"

// Where connections wait for the head of their request.
namespace sapiens::serve {
namespace {

class LobbyTest : public testing::Test {
 protected:
  struct Arrived {
    std::string bytes;
    Arrival how;
  };

  /// The other end of a new connection.
  int connect() {
    int ends[2];
    EXPECT_EQ(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends), 0);
    lobby_->add(ends[1]);
    return ends[0];
  }

  void start(double head_seconds) {
    lobby_ =
        std::make_unique<Lobby>(head_seconds, [this](int socket, std::string bytes, Arrival how) {
          const std::lock_guard lock(mutex_);
          arrived_.push_back({std::move(bytes), how});
          close(socket);
          changed_.notify_all();
        });
  }

  Arrived wait_for(std::size_t number) {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [&] { return arrived_.size() > number; });
    return arrived_[number];
  }

  static void send(int socket, const std::string& text) {
    ASSERT_EQ(::send(socket, text.data(), text.size(), MSG_NOSIGNAL),
              static_cast<ssize_t>(text.size()));
  }

  /// Whether it was closed, once something is known.
  static bool is_closed(int socket) {
    char byte = 0;
    return recv(socket, &byte, 1, 0) <= 0;
  }

  std::mutex mutex_;
  std::condition_variable changed_;
  std::vector<Arrived> arrived_;
  std::unique_ptr<Lobby> lobby_;
};

TEST_F(LobbyTest, ClosesAConnectionForWhichThereIsNoMemory) {
  start(10);
  int ends[2];
  ASSERT_EQ(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends), 0);
  fail_after_allocations(0);
  lobby_->add(ends[1]);
  allocate_again();
  EXPECT_TRUE(is_closed(ends[0]));
  close(ends[0]);
}

TEST_F(LobbyTest, AConnectionClosesItsSocketWhereMemoryRunsOut) {
  int ends[2];
  ASSERT_EQ(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends), 0);
  Beginning beginning{.head = std::string(100, 'h'), .body = std::string(100, 'b')};
  bool is_out_of_memory = false;
  fail_after_allocations(0);
  try {
    const Connection connection(Descriptor(ends[1]), 1, std::move(beginning), [] { return false; });
  } catch (const std::bad_alloc&) {
    is_out_of_memory = true;
  }
  allocate_again();
  EXPECT_TRUE(is_out_of_memory);
  EXPECT_TRUE(is_closed(ends[0]));
  close(ends[0]);
}

TEST_F(LobbyTest, GivesAHeadThatIsWholeHoweverItCame) {
  start(100);
  const int silent = connect();
  const int socket = connect();
  for (const char* piece : {"GET / HT", "TP/1.1\r", "\n\r", "\nbo"}) {
    send(socket, piece);
    usleep(1000);
  }
  const Arrived arrived = wait_for(0);
  EXPECT_EQ(arrived.how, Arrival::Whole);
  EXPECT_TRUE(arrived.bytes.starts_with("GET / HTTP/1.1\r\n\r\n"));
  close(socket);
  close(silent);
}

TEST_F(LobbyTest, TellsALateHeadFromOneThatIsCut) {
  start(0.05);
  const int late = connect();
  send(late, "GET /");
  EXPECT_EQ(wait_for(0).how, Arrival::Late);
  start(100);
  const int cut = connect();
  send(cut, "GET /");
  shutdown(cut, SHUT_WR);
  EXPECT_EQ(wait_for(1).how, Arrival::Cut);
  close(late);
  close(cut);
}

TEST_F(LobbyTest, DisconnectsSilentClients) {
  start(0.05);
  const int silent = connect();
  EXPECT_TRUE(is_closed(silent));
  EXPECT_TRUE(arrived_.empty());
  close(silent);
}

TEST_F(LobbyTest, DisconnectsTheLongestWaitingClientForANewOne) {
  start(100);
  std::vector<int> idle;
  for (std::size_t i = 0; i < Lobby::kMaxWaiting + 10; ++i) idle.push_back(connect());
  const int last = connect();
  send(last, "GET / HTTP/1.1\r\n\r\n");
  EXPECT_EQ(wait_for(0).how, Arrival::Whole);
  for (std::size_t i = 0; i < 10; ++i) EXPECT_TRUE(is_closed(idle[i])) << i;
  char byte = 0;
  EXPECT_LT(recv(idle.back(), &byte, 1, MSG_DONTWAIT), 0);  // still open: nothing to read
  for (const int socket : idle) close(socket);
  close(last);
}

TEST_F(LobbyTest, TakesNoHeadWithoutEnd) {
  start(100);
  const int socket = connect();
  const std::string much(200 << 10, 'a');
  std::size_t sent = 0;
  while (sent < much.size()) {
    const ssize_t count = ::send(socket, much.data() + sent, much.size() - sent, MSG_NOSIGNAL);
    if (count <= 0) break;
    sent += static_cast<std::size_t>(count);
  }
  EXPECT_LT(wait_for(0).bytes.size(), 70u << 10);
  close(socket);
}

TEST_F(LobbyTest, FinishesOnceThoseWhoBeganAreThrough) {
  start(100);
  const int silent = connect();
  const int half = connect();
  send(half, "GET / HTTP/1.1\r\n");
  std::thread ender([this] { lobby_->finish(); });
  send(half, "\r\n");
  ender.join();
  EXPECT_EQ(arrived_.size(), 1u);
  EXPECT_TRUE(is_closed(silent));
  close(silent);
  close(half);
}

}  // namespace
}  // namespace sapiens::serve
