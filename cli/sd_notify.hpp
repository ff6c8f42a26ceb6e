// sd_notify: a word to the service manager that started this process, if one did (systemd's
// protocol: one datagram to $NOTIFY_SOCKET).
#pragma once

#include <string_view>

namespace raftbus::cli {

// Sends "READY=1" or the like. Does nothing without a service manager; failing to tell it is no
// error.
void sd_notify(std::string_view state);

}  // namespace raftbus::cli
