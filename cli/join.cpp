#include "cli/join.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "cli/client.hpp"
#include "cli/endpoints.hpp"
#include "cli/ids.hpp"
#include "messages/membership.hpp"

namespace raftbus::cli {
namespace {

using namespace std::chrono_literals;

constexpr auto kPatience = 10s;

class Joining {
public:
    Joining(Disk& disk, const NodeSettings& settings, const std::optional<Identity>& begun,
            spdlog::logger& log)
        : disk_(disk),
          settings_(settings),
          begun_(begun),
          log_(log),
          client_({settings.join}, kPatience),
          self_{settings.id, false, settings.peer_bind,
                reachable(settings.client_bind, settings.peer_bind)} {}

    Identity run() {
        Identity identity{cluster(), settings_.id, members(), true};
        identity.disk = begun_ && begun_->disk ? begun_->disk : draw_id();
        identity.members.push_back(self_);
        save(identity);
        const Value reply = add();
        identity.members.clear();
        for (const Value& member : reply["members"].list())
            identity.members.push_back(member_from(member));
        identity.joining = false;
        save(identity);
        log_.info("node {} is a {} of cluster \"{}\" now", settings_.id.value,
                  settings_.learner ? "learner" : "learner, and will be a voter,",
                  identity.cluster);
        return identity;
    }

private:
    [[noreturn]] void fail(Exit exit, const std::string& what, std::string next) const {
        throw Failure(exit,
                      fmt::format("node {} can not join at {}: {}", settings_.id.value,
                                  short_form(settings_.join), what),
                      std::move(next));
    }

    Value ask(Value::Map request, Effect effect) {
        try {
            return client_.call(std::move(request), effect).body;
        } catch (const Failure& failure) {
            if (failure.exit == Exit::interrupted || failure.exit == Exit::terminated) throw;
            fail(failure.exit, failure.what(),
                 "--join takes the address for clients of a node that runs; start again with the "
                 "same command line");
        }
    }

    std::string cluster() {
        const Value status = ask({{"op", "STATUS"}}, Effect::reads);
        const std::string cluster(cluster_name(status));
        formed_ = status["cluster"].text() != cluster;
        if (!status["ok"].is_true() || cluster.empty())
            fail(Exit::refused, "that is no raftbus node", "give its address for clients");
        if (settings_.cluster && *settings_.cluster != cluster)
            fail(Exit::refused, fmt::format("it belongs to cluster \"{}\"", cluster),
                 "give the right --cluster, or leave it out");
        if (begun_ && begun_->cluster != cluster)
            fail(Exit::refused,
                 fmt::format("it belongs to cluster \"{}\", and {} to \"{}\"", cluster,
                             settings_.data, begun_->cluster),
                 "give an empty --data");
        return cluster;
    }

    std::vector<Member> members() {
        const Value reply = ask({{"op", "MEMBERS"}}, Effect::reads);
        std::vector<Member> members;
        for (const Value& item : reply["members"].list()) {
            Member member = member_from(item);
            // Added by hand, and never heard: nobody relies on anything that it said.
            const bool awaited = formed_ && !item["bound"].is_true();
            if (member.node != settings_.id) {
                members.push_back(std::move(member));
            } else if ((!begun_ && !awaited) || member.peer != self_.peer) {
                fail(Exit::refused,
                     fmt::format("id {} is taken, by the node at {}", settings_.id.value,
                                 short_form(member.peer)),
                     "give another --id; a node that has lost its data needs a new one too");
            }
        }
        return members;
    }

    Member member_from(const Value& item) const {
        Member member{NodeId(static_cast<std::uint32_t>(item["node"].number())),
                      item["kind"].text() == "voter", std::string(item["peer"].text())};
        if (!member.node || !endpoint_fault(member.peer).empty())
            fail(Exit::refused, "it names members that are none",
                 "run the same release everywhere");
        return member;
    }

    Value add() {
        const Value reply = ask({{"op", "ADD"},
                                 {"node", std::uint64_t(settings_.id.value)},
                                 {"peer", self_.peer},
                                 {"client", self_.client},
                                 {"learner", settings_.learner}},
                                Effect::writes);
        if (reply["ok"].is_true()) return reply;
        const std::string message(reply["message"].text());
        if (reply["executed"].text() != "no")
            fail(Exit::unknown, message, "start again with the same command line");
        if (!begun_) forget_identity(disk_);
        fail(exit_of(reply), message, "");
    }

    void save(Identity& identity) {
        std::ranges::sort(identity.members, {}, &Member::node);
        if (!save_identity(disk_, identity))
            throw Failure(Exit::refused, fmt::format("no room on the disk for {}", settings_.data),
                          "free some space");
    }

    Disk& disk_;
    const NodeSettings& settings_;
    const std::optional<Identity>& begun_;
    spdlog::logger& log_;
    Client client_;
    const Member self_;
    bool formed_ = false;  // the cluster knows its members by their data directories
};

}  // namespace

Identity join_cluster(Disk& disk, const NodeSettings& settings,
                      const std::optional<Identity>& begun, spdlog::logger& log) {
    return Joining(disk, settings, begun, log).run();
}

}  // namespace raftbus::cli
