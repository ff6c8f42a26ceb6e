// What ThreadSanitizer is told about libzmq, which is not built with it: that its own locks and
// queues order what it does with its own sockets. Our memory that passes through it is told apart
// in bus/frames.cpp and stays under watch.
extern "C" const char* __tsan_default_suppressions() {
    return "called_from_lib:libzmq.so\n";
}
