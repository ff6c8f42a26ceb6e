// What ThreadSanitizer is told about libzmq, which is not built with it: that its own locks and
// queues order what it does with its own sockets. Our memory that passes through it is told apart
// in bus/frames.cpp and stays under watch; but what answers its question whether a client may come
// in (ZAP) libzmq reads itself, with code that the compiler has put into this program.
extern "C" const char* __tsan_default_suppressions() {
    return "called_from_lib:libzmq.so\n"
           "race:raftbus::ClientGate::answer\n";
}
