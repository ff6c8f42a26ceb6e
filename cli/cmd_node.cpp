// node: runs one node of a cluster.
#include <fmt/format.h>


#include "cli/files.hpp"
#include "cli/node_options.hpp"
#include "cli/node_process.hpp"
#include "cli/runner.hpp"
#include "cli/verb.hpp"
#include "storage/disk.hpp"

namespace raftbus::cli {
namespace {

std::string read_config(const Setting& config) {
    constexpr std::size_t kConfigBytesMax = 1 << 20;
    return read_file(config.value, "the configuration", kConfigBytesMax,
                     config.where + " names a file of lines name = value");
}

Exit run_node(Session& session) {
    Options options = session.options;
    add_environment(options, node_option_specs(), session.runner.environment());
    if (const Setting* config = options.find("config")) {
        const Setting file = *config;
        add_file(options, node_option_specs(), file.value, read_config(file));
    }
    if (options.on("print-config")) {
        session.output.out << printed_config(options);
        return Exit::done;
    }
    const NodeSettings settings = node_settings(options);
    try {
        return run_node_process(settings);
    } catch (const DiskFailed& failed) {
        throw Failure(Exit::fatal, failed.what(),
                      "a disk that failed once is not to be believed: check it first");
    }
}

}  // namespace

Verb node_verb() {
    return {.name = "node",
            .group = "Running",
            .synopsis = "",
            .summary = "run one node of a cluster",
            .details =
                "Every option may also come from the environment (RAFTBUS_ID, "
                "RAFTBUS_KEY_BYTES_MAX, …) or from the\n"
                "file that --config names; a flag wins over the environment, that over the file. "
                "--peers is the\n"
                "same on all nodes and matters at the first start alone.\n"
                "SIGTERM, SIGQUIT and Ctrl-C hand leadership over and stop; a second one stops at "
                "once. SIGUSR1 writes\n"
                "what the node did last to its log; SIGHUP and SIGUSR2 do nothing. Exit 0: stopped. "
                "Exit 2: wrong\n"
                "configuration. Exit 70: a failed disk or a bug.",
            .options = node_option_specs(),
            .examples =
                {{{"raftbus node --id 1 --data ./raftbus-data/n1 --peers 1=tcp://127.0.0.1:7239",
                   "a cluster of one"},
                  {"raftbus node --id 2 --data ./n2 --client tcp://127.0.0.1:7248 --peers "
                   "1=tcp://127.0.0.1:7239,2=tcp://127.0.0.1:7249,3=tcp://127.0.0.1:7259",
                   "one of three; launch/cluster.sh up starts all of them"},
                  {"raftbus node --config /etc/raftbus/raftbus.conf --print-config",
                   "which settings hold, and why"}}},
            .speaks_to_cluster = false,
            .in_shell = false,
            .run = run_node};
}

}  // namespace raftbus::cli
