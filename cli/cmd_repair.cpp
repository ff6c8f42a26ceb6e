// repair: a node whose data is damaged, or gone, is made ready to be rebuilt by its peers.
#include <fmt/format.h>

#include <chrono>
#include <ctime>
#include <filesystem>

#include "cli/display.hpp"
#include "cli/endpoints.hpp"
#include "cli/ids.hpp"
#include "cli/offline.hpp"
#include "cli/verb.hpp"
#include "messages/text.hpp"
#include "storage/disk_posix.hpp"
#include "storage/snapshot_files.hpp"

namespace raftbus::cli {
namespace {

using namespace std::chrono_literals;
namespace fs = std::filesystem;

// The steps in their order; each may be done again, and the directory is at no moment one that a
// node would start on as if nothing had happened.
class Repair {
public:
    Repair(Session& session, std::string directory)
        : session_(session), client_(*session.client), directory_(std::move(directory)) {}

    Exit run() {
        const bool dry_run = session_.options.on("dry-run");
        look();
        ask_cluster();
        if (dry_run) return tell_plan();
        lock_ = opened(open_posix_disk(directory_));
        demote();
        prove();
        mark();
        move_aside();
        give_to_owner(directory_);
        tell();
        return Exit::done;
    }

private:
    template <class T>
    static T opened(Result<T> result) {
        if (!result) throw Failure(Exit::refused, result.error().message);
        return std::move(*result);
    }

    // ---- what there is

    void look() {
        std::error_code error;
        if (!fs::is_directory(directory_, error)) {
            if (!session_.options.given("node"))
                throw Failure(Exit::refused, "there is no directory " + directory_,
                              "name the node's data directory; if it is lost as a whole, say whose "
                              "it was with --node");
            return;
        }
        const auto disk = opened(open_disk_to_read(directory_));
        found_ = inspect(*disk, directory_, [](auto, auto, auto) {});
        if (found_.empty()) return;
        if (session_.output.format != Format::json)
            print_inspection(session_.output, directory_, found_);
        if (!found_.sound() || session_.options.on("force")) return;
        const bool rebuilding = found_.identity && found_.identity->rejoin_at;
        throw Failure(Exit::refused,
                      rebuilding && !found_.state
                          ? "the directory is repaired already: start the node"
                          : "nothing is damaged: start the node",
                      "--force has it rebuilt from its peers all the same");
    }

    // ---- the cluster

    Value ask(Value::Map request, Effect effect) {
        return succeeded(client_.call(std::move(request), effect)).body;
    }

    void ask_cluster() {
        const Value status = ask({{"op", "STATUS"}}, Effect::reads);
        cluster_ = cluster_name(status);
        node_ = node_to_repair();
        if (found_.identity && found_.identity->cluster != cluster_)
            throw Failure(Exit::refused,
                          fmt::format("{} belongs to cluster {}, and the node at {} to {}",
                                      directory_, in_quotes(found_.identity->cluster),
                                      short_form(client_.preferred()), in_quotes(cluster_)),
                          "give the right --endpoints");
        members_ = ask({{"op", "MEMBERS"}}, Effect::reads);
        const Value& self = member(node_);
        if (self.empty())
            throw Failure(Exit::refused,
                          fmt::format("node {} is not a member of cluster {}", node_.value,
                                      in_quotes(cluster_)),
                          "an id that was removed is never used again: empty the directory, and "
                          "start a node with --join and another --id");
        refuse_if_it_runs(std::string(self["client"].text()));
        if (only_voter())
            throw Failure(
                Exit::refused,
                fmt::format("node {} is the only voter: nobody has what it has lost", node_.value),
                "restore a backup into a new cluster; what can be read of the directory, "
                "raftbus check tells");
        learner_ = self["kind"].text() == "learner" && !self["promote"].is_true();
        confirm_majority();
    }

    NodeId node_to_repair() const {
        const auto given = session_.options.number("node");
        if (!found_.identity) {
            if (!given || *given == 0)
                throw Failure(Exit::refused, directory_ + " does not say whose it is",
                              "say which node it was with --node");
            return NodeId(static_cast<std::uint32_t>(*given));
        }
        if (given && *given != found_.identity->node.value)
            throw Failure(Exit::refused,
                          fmt::format("{} belongs to node {}, but --node says {}", directory_,
                                      found_.identity->node.value, *given));
        return found_.identity->node;
    }

    const Value& member(NodeId node) const {
        static const Value none;
        for (const Value& member : members_["members"].list())
            if (member["node"].number() == node.value) return member;
        return none;
    }

    bool only_voter() const {
        for (const Value& member : members_["members"].list())
            if (member["kind"].text() == "voter" && member["node"].number() != node_.value)
                return false;
        return true;
    }

    void refuse_if_it_runs(const std::string& client) {
        if (client.empty()) return;
        const Answer answer =
            client_
                .ask_each({client}, {{"op", "STATUS"}}, std::min<Duration>(1s, client_.timeout()))
                .front();
        if (!answer.reply || answer.reply->body["node"].number() != node_.value) return;
        throw Failure(
            Exit::refused,
            fmt::format("node {} runs, and answers at {}", node_.value, short_form(client)),
            "stop it first; or is this another directory than its own?");
    }

    void confirm_majority() {
        const Reply reply = client_.call({{"op", "HEARTBEAT"}}, Effect::reads);
        if (reply.ok()) return;
        throw Failure(Exit::not_executed,
                      fmt::format("{}: no majority of the voters answers, and nothing can be "
                                  "rebuilt without one",
                                  reply.error()),
                      "start the other nodes; if a majority is lost for ever, see raftbus recover, "
                      "and backups");
    }

    // ---- the steps

    void demote() {
        members_ = ask({{"op", "DEMOTE"},
                        {"node", std::uint64_t(node_.value)},
                        {"learner", learner_},
                        {"disk", disk_}},
                       Effect::writes);
        session_.output.note(fmt::format("node {} is a learner for now", node_.value));
    }

    // A write that is committed after the node is down is committed without it. Up to there it has
    // to come before it counts, and in a later term than any in which it may have promised
    // anything.
    void prove() {
        rejoin_at_ = LogIndex(ask({{"op", "NO-OP"}}, Effect::writes_once)["revision"].number());
        const Value beat = ask({{"op", "HEARTBEAT"}}, Effect::reads);
        rejoin_term_ = Term(beat["term"].number()).next();
        // So that this term has begun when the node starts, and its start disturbs nobody.
        for (const Value& member : members_["members"].list()) {
            const std::uint64_t other = member["node"].number();
            if (member["kind"].text() != "voter" || other == beat["leader"].number()) continue;
            if (client_.call({{"op", "ELECT"}, {"node", other}}, Effect::writes).ok()) return;
        }
    }

    // From now on the node is one that has forgotten, whatever becomes of the files.
    void mark() {
        Identity identity{cluster_, node_, {}};
        for (const Value& member : members_["members"].list())
            identity.members.push_back({NodeId(static_cast<std::uint32_t>(member["node"].number())),
                                        member["kind"].text() == "voter",
                                        std::string(member["peer"].text()),
                                        {}});
        identity.rejoin_at = rejoin_at_;
        identity.rejoin_term = rejoin_term_;
        identity.disk = disk_;
        if (!save_identity(*lock_, identity))
            throw Failure(Exit::refused, "no room on the disk for the file identity",
                          "free some space, and do it again");
    }

    void move_aside() {
        aside_ = fresh_name();
        fs::create_directory(aside_);
        std::vector<fs::path> paths;
        for (const auto& entry : fs::directory_iterator(directory_)) {
            const std::string name = entry.path().filename().string();
            if (name.starts_with("seg-") || name.starts_with("state"))
                paths.push_back(entry.path());
        }
        for (const fs::path& path : paths)
            move_directory(path.string(), aside_ + "/" + path.filename().string());
        if (paths.empty()) {
            fs::remove(aside_);
            aside_.clear();
        }
        sync_directory(directory_);
    }

    std::string fresh_name() const {
        const std::time_t now =
            std::chrono::system_clock::to_time_t(std::chrono::system_clock::now());
        std::tm date{};
        gmtime_r(&now, &date);
        char text[32];
        std::strftime(text, sizeof(text), "%Y%m%d-%H%M%S", &date);
        const std::string name = fmt::format("{}/damaged-{}", directory_, text);
        for (int n = 2;; ++n) {
            const std::string path = n == 2 ? name : fmt::format("{}-{}", name, n - 1);
            if (!fs::exists(path)) return path;
        }
    }

    // ---- what is said

    Exit tell_plan() const {
        session_.output.out << fmt::format(
            "would be done:\n"
            "  the cluster makes node {0} a learner, and commits a write without it\n"
            "  {1} is marked: node {0} votes again once it has caught up with that\n"
            "  its log and state are moved to {1}/damaged-…\n"
            "  then start it: its peers send it everything, and make it a voter again\n",
            node_.value, directory_);
        return Exit::done;
    }

    void tell() const {
        const std::string moved = aside_.empty() ? "there was nothing to move away"
                                                 : fmt::format("what was there is in {}", aside_);
        print_record(session_.output,
                     {{"node", std::uint64_t(node_.value)},
                      {"rejoin_at", rejoin_at_.value},
                      {"rejoin_term", rejoin_term_.value},
                      {"moved_to", aside_}},
                     fmt::format("repaired: {}. Start node {} now: its peers send it everything, "
                                 "and it votes again when it has caught up",
                                 moved, node_.value));
    }

    using Duration = std::chrono::microseconds;

    Session& session_;
    Client& client_;
    const std::string directory_;
    Inspection found_;
    std::string cluster_;
    NodeId node_;
    Value members_;
    bool learner_ = false;  // it was one, and stays one
    std::unique_ptr<Disk> lock_;
    LogIndex rejoin_at_;
    Term rejoin_term_;
    const std::uint64_t disk_ = draw_id();  // of the directory, which is a new one from now on
    std::string aside_;
};

Exit run_repair(Session& session) {
    try {
        return Repair(session, session.options.words[0]).run();
    } catch (const DiskFailed& failed) {
        throw Failure(Exit::refused, failed.what(), "the disk does not work: look at it first");
    } catch (const fs::filesystem_error& failed) {
        throw Failure(Exit::refused, failed.what(), "see to it, and do it again");
    }
}

}  // namespace

Verb repair_verb() {
    return {
        .name = "repair",
        .group = "Care",
        .synopsis = "DIR",
        .summary = "have a node whose data is damaged or gone rebuilt by its peers",
        .details =
            "The node must not run; a majority of the others must. It is demoted to a learner, "
            "what is in its\n"
            "data directory is moved to DIR/damaged-DATE, and when it is started its peers "
            "send it everything;\n"
            "they make it a voter again once it has caught up. It keeps its id. Interrupted, "
            "it can be done\n"
            "again. The last voter can not be rebuilt: see raftbus recover, and raftbus "
            "backup.",
        .options = {{.name = "force", .value = "", .help = "although nothing is damaged"},
                    {.name = "dry-run", .value = "", .help = "say what would be done"},
                    {.name = "node",
                     .value = "N",
                     .help = "whose directory it was, if it does not say so any more"}},
        .examples = {{{"raftbus repair ./raftbus-data/n1 -e 10.0.0.2:7238",
                       "the node there is asked to help"},
                      {"raftbus repair n1 --dry-run", "what is damaged, and what would be done"},
                      {"raftbus repair n1 --node 1", "the directory is empty: it was node 1's"}}},
        .words_min = 1,
        .words_max = 1,
        .in_shell = false,
        .run = run_repair};
}

}  // namespace raftbus::cli
