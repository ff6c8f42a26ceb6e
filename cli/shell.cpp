#include "cli/shell.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cctype>

#include "cli/display.hpp"
#include "cli/interrupt.hpp"
#include "cli/runner.hpp"
#include "cli/words.hpp"

namespace raftbus::cli {
namespace {

using namespace std::chrono_literals;

constexpr auto kPromptPatience = 200ms;
constexpr std::string_view kMenu =
    "  1  start an election\n"
    "  2  propose a value\n"
    "  3  heartbeat\n"
    "  4  print the log\n"
    "  5  exit the menu\n";
constexpr const char* kMenuEntries = "20";  // of the log: about a screen

std::string lower_case(std::string word) {
    std::transform(word.begin(), word.end(), word.begin(),
                   [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
    return word;
}

}  // namespace

Shell::Shell(Session& session, LineSource lines, bool interactive)
    : session_(session), lines_(std::move(lines)), interactive_(interactive) {
    session_.runner.enter_shell(session.options);
}

Exit Shell::run() {
    for (;;) {
        const auto line = lines_(interactive_ ? prompt() : "");
        if (!line) break;
        ++line_number_;
        if (take(*line) == Next::leave) break;
    }
    return interactive_ ? Exit::done : first_failure_;
}

Shell::Next Shell::take(const std::string& line) {
    const auto words = split_words(line);
    if (!words) {
        session_.output.note("raftbus: " + words.error().message);
        if (first_failure_ == Exit::done) first_failure_ = Exit::refused;
        return Next::more;
    }
    if (words->empty() || words->front().starts_with('#')) return Next::more;
    std::vector<std::string> command = *words;
    if (command.front() == "raftbus") command.erase(command.begin());
    if (command.empty()) return Next::more;
    const std::string verb = lower_case(command.front());
    if (verb == "exit" || verb == "quit") return Next::leave;
    if (verb == "menu") return menu();
    run_command(command);
    return Next::more;
}

void Shell::run_command(const std::vector<std::string>& words) {
    const Exit exit = session_.runner.run(words);
    if (!interactive_ && exit != Exit::done) {
        session_.output.note(fmt::format("line {}: {} failed (exit {})", line_number_,
                                         words.front(), static_cast<int>(exit)));
    }
    if (first_failure_ == Exit::done) first_failure_ = exit;
    if (interactive_) clear_interrupt();
}

Shell::Next Shell::menu() {
    for (;;) {
        session_.output.out << kMenu << std::flush;
        const auto choice = lines_(interactive_ ? "choice> " : "");
        if (!choice) return Next::leave;
        ++line_number_;
        switch (choose(*choice)) {
            case Choice::another:
                break;
            case Choice::back:
                return Next::more;
            case Choice::leave:
                return Next::leave;
        }
    }
}

Shell::Choice Shell::choose(const std::string& choice) {
    const auto words = split_words(choice);
    const std::string number = words && !words->empty() ? words->front() : "";
    if (number == "1")
        run_command({"elect"});
    else if (number == "2")
        propose();
    else if (number == "3")
        run_command({"heartbeat"});
    else if (number == "4")
        run_command({"log", "--limit", kMenuEntries});
    else if (number == "5")
        return Choice::back;
    else if (lower_case(number) == "exit" || lower_case(number) == "quit")
        return Choice::leave;
    else if (!number.empty())
        session_.output.note("a number from 1 to 5; exit leaves the shell");
    return Choice::another;
}

void Shell::propose() {
    const auto line = lines_(interactive_ ? "key and value> " : "");
    if (!line) return;
    ++line_number_;
    auto words = split_words(*line);
    if (!words || words->empty()) return;
    if (words->size() == 1) {
        const auto value = lines_(interactive_ ? "value> " : "");
        if (!value) return;
        ++line_number_;
        words->push_back(*value);
    }
    run_command({"set", "--", words->front(), words->at(1)});
}

// "n1 leader t7> ": as the node says that was asked last, or else any that answers.
std::string Shell::prompt() {
    Client& client = *session_.client;
    std::vector<std::string> last = {client.preferred()};
    try {
        for (const auto& endpoints : {last, client.endpoints()}) {
            for (const Answer& answer :
                 client.ask_each(endpoints, {{"op", "STATUS"}}, kPromptPatience)) {
                if (!answer.reply || !answer.reply->ok()) continue;
                const Value& status = answer.reply->body;
                return fmt::format("n{} {} t{}> ", status["node"].number(), status["role"].text(),
                                   status["term"].number());
            }
        }
    } catch (const Failure&) {
        clear_interrupt();
    }
    return "no node> ";
}

}  // namespace raftbus::cli
