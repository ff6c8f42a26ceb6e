// A raftbus client. Needs cppzmq and msgpack-cxx. Usage: cpp_client [tcp://host:port]
// g++ -std=c++17 -DMSGPACK_NO_BOOST cpp_client.cpp -lzmq -o cpp_client
#include <iostream>
#include <map>
#include <msgpack.hpp>
#include <zmq.hpp>

using Fields = std::map<std::string, std::string>;

msgpack::object_handle ask(zmq::socket_t& socket, const Fields& request) {
    msgpack::sbuffer body;
    msgpack::pack(body, request);
    socket.send(zmq::buffer(body.data(), body.size()), zmq::send_flags::none);
    zmq::message_t reply;
    if (!socket.recv(reply)) throw std::runtime_error("no reply in time");
    return msgpack::unpack(reply.data<char>(), reply.size());
}

int main(int argc, char** argv) {
    zmq::context_t context;
    zmq::socket_t socket(context, zmq::socket_type::req);
    socket.set(zmq::sockopt::req_relaxed, 1);    // a lost reply does not lock the socket
    socket.set(zmq::sockopt::req_correlate, 1);  // and a late one is not taken for the next
    socket.set(zmq::sockopt::rcvtimeo, 10'000);
    socket.set(zmq::sockopt::linger, 0);
    socket.connect(argc > 1 ? argv[1] : "tcp://127.0.0.1:7238");
    std::cout << ask(socket, {{"op", "SET"}, {"key", "colour"}, {"value", "red"}}).get() << '\n';
    std::cout << ask(socket, {{"op", "GET"}, {"key", "colour"}}).get() << '\n';
}
