// node_options: what `raftbus node` can be told, and whether it makes sense.
//
// Owns: the options' names, defaults and limits, and the sentences that refuse them. Must not know:
// files, sockets, how a node is put together.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "actors/options.hpp"
#include "bus/thread_options.hpp"
#include "cli/options.hpp"

namespace raftbus::cli {

struct NodeSettings {
    NodeId id;
    std::string data;                    // directory
    std::vector<Member> members;         // as --peers says; empty: not given
    std::optional<std::string> cluster;  // as --cluster says
    std::string join;                    // a node's endpoint for clients; empty: not given
    bool learner = false;                // joins to stay a learner
    bool expect_existing = false;        // the data directory has to be there
    std::string peer_bind;               // empty: at the own address among the members, which
                                         // it never is with `join`
    std::string client_bind;
    std::string trace_bind;  // empty: no trace
    bool insecure_bind = false;
    RaftOptions raft;                        // without members
    std::uint64_t connections_max = 10'000;  // of clients
    GatewayOptions gateway;                  // limits and leases alone
    std::uint64_t flush_bytes = 48 << 20;
    std::uint64_t flush_entries = 10'000'000;
    std::uint64_t segment_bytes = 24 << 20;
    std::uint64_t log_keep_bytes = 48 << 20;
    std::uint64_t disk_reserve = 64 << 20;  // 0: none
    bool direct_log = true;                 // is written past the page cache
    std::uint64_t log_keep_entries = 1'000'000;
    ThreadOptions threads;
    std::string log_level = "info";
    std::string log_format = "auto";
};

const std::vector<OptionSpec>& node_option_specs();

// Throws Failure{refused} with the option, its value, the reason and the next step.
NodeSettings node_settings(const Options& options);

// "1=tcp://10.0.0.1:7239,2=…" in the order of the ids. `where` is for messages.
std::vector<Member> parse_peers(const std::string& where, const std::string& text);

// The cluster's id when none is given: 16 hex digits of a hash of the members' ids and addresses.
std::string derived_cluster(const std::vector<Member>& members);

// Every option with its value and where that came from, as an INI file.
std::string printed_config(const Options& options);

}  // namespace raftbus::cli
