// Golden transcripts: each file of tests/scenarios is a script and the whole conversation that it
// makes. Lines that begin with "> " are the script, "# " is said to the reader, all others are what
// was delivered or seen. RAFTBUS_REWRITE=1 writes what happens now into the files; read the
// difference.

#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <sstream>

#include "messages/text.hpp"
#include "tests/testing/stage.hpp"

namespace raftbus::testing {
namespace {

std::vector<std::string> words_of(const std::string& line) {
    std::istringstream in(line);
    return {std::istream_iterator<std::string>(in), {}};
}

NodeId node_of(const std::string& word) {
    return NodeId(static_cast<std::uint32_t>(std::stoul(word.substr(word.front() == 'n' ? 1 : 0))));
}

// "n1.election"
Address address_of(const std::string& word) {
    const auto dot = word.find('.');
    for (std::uint8_t a = 0; a < kActorCount; ++a)
        if (to_string(ActorName(a)) == word.substr(dot + 1))
            return {node_of(word.substr(0, dot)), ActorName(a)};
    throw std::invalid_argument("no such actor: " + word);
}

// Plays a script and returns it with what happened.
class Player {
public:
    std::string play(const std::string& text) {
        std::istringstream in(text);
        for (std::string line; std::getline(in, line);) {
            if (line.starts_with("> ")) {
                out_ << line << '\n';
                command(words_of(line.substr(2)));
            } else if (line.starts_with("#") || line.empty()) {
                out_ << line << '\n';
            }
        }
        return out_.str();
    }

private:
    void command(const std::vector<std::string>& w) {
        const std::string& verb = w.at(0);
        const auto node = [&](std::size_t i) { return node_of(w.at(i)); };
        const auto at = [&](std::size_t i) { return address_of(w.at(i)); };
        if (verb == "nodes") {
            const std::size_t count = std::stoul(w.at(1));
            RaftOptions options = stage_options(count);
            if (w.size() > 2 && w[2] == "lease") options.lease = options.election_timeout_min;
            if (w.size() > 2 && w[2] == "one-batch-a-message")
                options.append_bytes_max = options.catch_up_bytes_max = 1;
            stage_.emplace(count, options, [this](std::string line) {
                if (!quiet_) out_ << line << '\n';
            });
        } else if (verb == "timeout") {
            stage_->election_timeout(node(1));
        } else if (verb == "tick") {
            stage_->tick(node(1));
        } else if (verb == "pass") {
            stage_->pass(std::chrono::milliseconds(std::stoul(w.at(1))));
        } else if (verb == "deliver") {
            stage_->deliver(at(1), at(2));
        } else if (verb == "duplicate") {
            stage_->duplicate(at(1), at(2));
        } else if (verb == "drop") {
            stage_->drop(at(1), at(2));
        } else if (verb == "hold") {
            stage_->hold(at(1), at(2));
        } else if (verb == "release") {
            stage_->release(at(1), at(2));
        } else if (verb == "cut") {
            stage_->cut(node(1), node(2));
        } else if (verb == "heal") {
            stage_->heal();
        } else if (verb == "settle") {
            stage_->settle(w.size() > 1 ? node(1) : NodeId());
        } else if (verb == "quietly") {
            quiet_ = true;
            command({w.begin() + 1, w.end()});
            quiet_ = false;
        } else if (verb == "crash") {
            stage_->crash(node(1));
        } else if (verb == "restart") {
            stage_->restart(node(1));
        } else if (verb == "propose") {
            stage_->propose(node(1), node(2), w.at(3));
        } else if (verb == "read") {
            stage_->send({node(1), ActorName::gateway}, {node(2), ActorName::replicator},
                         ReadIndex{ReadNumber(++reads_)});
        } else if (verb == "leaseread") {
            stage_->send({node(1), ActorName::gateway}, {node(2), ActorName::replicator},
                         ReadIndex{ReadNumber(++reads_), ReadMode::lease});
        } else if (verb == "lost") {
            for (ActorName a : {ActorName::election, ActorName::replicator})
                stage_->send({node(1), ActorName::bus}, {node(1), a}, PeerLost{node(2)});
        } else if (verb == "up") {
            stage_->send({node(1), ActorName::bus}, {node(1), ActorName::replicator},
                         PeerUp{node(2)});
        } else if (verb == "campaign") {
            stage_->send({node(1), ActorName::gateway}, {node(1), ActorName::election}, Campaign{});
        } else if (verb == "stop") {
            stage_->send({node(1), ActorName::bus}, {node(1), ActorName::election}, Stop{});
        } else if (verb == "show") {
            if (w.size() > 1) {
                out_ << stage_->show(node(1)) << '\n';
            } else {
                for (const Member& m : stage_->options().members)
                    out_ << stage_->show(m.node) << '\n';
            }
        } else if (verb == "replies") {
            for (const Member& m : stage_->options().members) {
                const Address gateway{m.node, ActorName::gateway};
                for (const auto& r : stage_->take_from_gateway<ReadIndexReply>(m.node))
                    out_ << to_text(gateway) << "  " << to_text(r) << '\n';
                for (const auto& r : stage_->take_from_gateway<ReadRefused>(m.node))
                    out_ << to_text(gateway) << "  " << to_text(r) << '\n';
                for (const auto& r : stage_->take_from_gateway<ProposeRefused>(m.node))
                    out_ << to_text(gateway) << "  " << to_text(r) << '\n';
                for (const auto& r : stage_->take_from_gateway<Stopped>(m.node))
                    out_ << to_text(Address{m.node, ActorName::bus}) << "  " << to_text(r) << '\n';
            }
        } else {
            throw std::invalid_argument("no such command: " + verb);
        }
    }

    std::ostringstream out_;
    std::optional<Stage> stage_;
    bool quiet_ = false;
    std::uint64_t reads_ = 0;
};

std::vector<std::filesystem::path> scenarios() {
    std::vector<std::filesystem::path> files;
    for (const auto& entry : std::filesystem::directory_iterator(SCENARIOS))
        files.push_back(entry.path());
    std::sort(files.begin(), files.end());
    return files;
}

class Transcript : public ::testing::TestWithParam<std::filesystem::path> {};

TEST_P(Transcript, IsAsWritten) {
    std::stringstream expected;
    expected << std::ifstream(GetParam()).rdbuf();
    const std::string happened = Player().play(expected.str());
    if (std::getenv("RAFTBUS_REWRITE")) {
        std::ofstream(GetParam()) << happened;
        return;
    }
    EXPECT_EQ(happened, expected.str());
}

INSTANTIATE_TEST_SUITE_P(Scenarios, Transcript, ::testing::ValuesIn(scenarios()),
                         [](const auto& info) { return info.param.stem().string(); });

}  // namespace
}  // namespace raftbus::testing
