// tsan_suppressions: what ThreadSanitizer must not report. Debian's RocksDB is not built with it, so
// the atomics that order its own threads are not seen. To be listed among a test's sources.

extern "C" const char* __tsan_default_suppressions() { return "race:librocksdb.so\n"; }
