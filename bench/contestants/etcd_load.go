// etcd_load: loads at an etcd cluster through its own client, clientv3, and other questions to it.
//
// Owns: the client's connections. Must not know: who started the nodes. A load prints what
// `raftbus bench -o json` does.
package main

import (
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"io/ioutil"
	"math/rand"
	"net"
	"os"
	"sort"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"go.etcd.io/etcd/clientv3"
	"google.golang.org/grpc/grpclog"
)

const (
	patience  = time.Minute            // then nothing comes any more
	attempt   = 100 * time.Millisecond // of one write while nobody leads
	fillTxn   = 128                    // etcd's limit of operations in a transaction
	fillers   = 16
	idleTicks = 8 // commits without a key, after which etcd 3.4 reads as fast as it can
)

var (
	op          = flag.String("op", "set", "set, get, fill, settle, leader, failover, serving")
	endpoints   = flag.String("endpoints", "http://127.0.0.1:2379", "with commas between them")
	concurrency = flag.Int("concurrency", 1, "requests outstanding")
	connections = flag.Int("connections", 16, "over which they are spread, at most")
	valueBytes  = flag.Int("value-bytes", 64, "of each value")
	keys        = flag.Int("keys", 100000, "to draw from, or to write")
	seconds     = flag.Float64("seconds", 3, "how long to measure")
	warmUp      = flag.Float64("warm-up", 1, "before that, without counting")
	victim      = flag.Int("kill", 0, "the process that failover kills")
)

func fail(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, "etcd_load:", err)
		os.Exit(1)
	}
}

func span(seconds float64) time.Duration { return time.Duration(seconds * float64(time.Second)) }

func within(limit time.Duration) (context.Context, context.CancelFunc) {
	return context.WithTimeout(context.Background(), limit)
}

func key(i int) string { return fmt.Sprintf("key%013d", i) }

// value is nothing that a compressor makes smaller.
func value() string {
	bytes := make([]byte, *valueBytes)
	rand.New(rand.NewSource(42)).Read(bytes)
	return string(bytes)
}

func all() []string { return strings.Split(*endpoints, ",") }

func client(addresses ...string) *clientv3.Client {
	made, err := clientv3.New(clientv3.Config{Endpoints: addresses, DialTimeout: patience})
	fail(err)
	return made
}

// leads tells which endpoint leads, from 0.
func leads() int {
	until := time.Now().Add(patience)
	for time.Now().Before(until) {
		for i, address := range all() {
			c, err := clientv3.New(clientv3.Config{Endpoints: []string{address}, DialTimeout: attempt})
			if err != nil {
				continue
			}
			ctx, cancel := within(time.Second)
			status, err := c.Status(ctx, address)
			cancel()
			c.Close()
			if err == nil && status.Leader != 0 && status.Leader == status.Header.MemberId {
				return i
			}
		}
		time.Sleep(20 * time.Millisecond)
	}
	fail(fmt.Errorf("nobody leads"))
	return -1
}

// ---- loads

type worker struct {
	took   []time.Duration
	errors map[string]int
}

func (w *worker) run(c *clientv3.Client, seed int64, from, until time.Time) {
	w.errors = map[string]int{}
	random := rand.New(rand.NewSource(seed))
	body := value()
	for begun := time.Now(); begun.Before(until); begun = time.Now() {
		name := key(random.Intn(*keys))
		ctx, cancel := within(10 * time.Second)
		var err error
		if *op == "set" {
			_, err = c.Put(ctx, name, body)
		} else {
			_, err = c.Get(ctx, name)
		}
		cancel()
		now := time.Now()
		if begun.Before(from) || now.After(until) {
			continue
		}
		if err != nil {
			w.errors[err.Error()]++
		} else {
			w.took = append(w.took, now.Sub(begun))
		}
	}
}

func load() {
	leader := all()[leads()]
	links := make([]*clientv3.Client, *connections)
	if *concurrency < *connections {
		links = links[:*concurrency]
	}
	for i := range links {
		links[i] = client(leader)
	}
	if *op == "get" {
		commitWithoutKeys(links[0])
	}
	workers := make([]worker, *concurrency)
	from := time.Now().Add(span(*warmUp))
	until := from.Add(span(*seconds))
	var running sync.WaitGroup
	for i := range workers {
		running.Add(1)
		go func(i int) {
			defer running.Done()
			workers[i].run(links[i%len(links)], int64(i), from, until)
		}(i)
	}
	running.Wait()
	report(workers)
}

// commitWithoutKeys: etcd 3.4 copies its read buffer for each read, as large as the last many
// writes have made it, until commits have passed that write no key.
func commitWithoutKeys(c *clientv3.Client) {
	for i := 0; i < idleTicks; i++ {
		ctx, cancel := within(patience)
		lease, err := c.Grant(ctx, 600)
		fail(err)
		time.Sleep(120 * time.Millisecond)
		_, err = c.Revoke(ctx, lease.ID)
		fail(err)
		cancel()
	}
}

func report(workers []worker) {
	var took []time.Duration
	errors := map[string]int{}
	for _, w := range workers {
		took = append(took, w.took...)
		for what, count := range w.errors {
			errors[what] += count
		}
	}
	sort.Slice(took, func(i, j int) bool { return took[i] < took[j] })
	part := func(p float64) float64 {
		if len(took) == 0 {
			return 0
		}
		return float64(took[int(p*float64(len(took)-1))]) / 1e3
	}
	told, err := json.Marshal(errors)
	fail(err)
	fmt.Printf(`{"per_second":%.1f,"latency_us":{"p50":%.1f,"p90":%.1f,"p99":%.1f,"max":%.1f},`+
		`"errors":%s}`+"\n", float64(len(took)) / *seconds, part(0.5), part(0.9), part(0.99), part(1),
		told)
}

// ---- other questions

func fill() {
	leader := all()[leads()]
	body := value()
	var next int64
	var running sync.WaitGroup
	for i := 0; i < fillers; i++ {
		running.Add(1)
		go func(c *clientv3.Client) {
			defer running.Done()
			for {
				end := int(atomic.AddInt64(&next, fillTxn))
				var puts []clientv3.Op
				for k := end - fillTxn; k < end && k < *keys; k++ {
					puts = append(puts, clientv3.OpPut(key(k), body))
				}
				if len(puts) == 0 {
					return
				}
				ctx, cancel := within(patience)
				_, err := c.Txn(ctx).Then(puts...).Commit()
				cancel()
				fail(err)
			}
		}(client(leader))
	}
	running.Wait()
}

// settle waits until every node serves and has applied what the others have.
func settle() {
	leads()
	for _, address := range all() {
		served(address)
	}
	until := time.Now().Add(patience)
	for time.Now().Before(until) {
		applied := map[uint64]bool{}
		for _, address := range all() {
			c := client(address)
			ctx, cancel := within(patience)
			status, err := c.Status(ctx, address)
			fail(err)
			cancel()
			c.Close()
			applied[status.RaftAppliedIndex] = true
		}
		if len(applied) == 1 {
			return
		}
		time.Sleep(50 * time.Millisecond)
	}
	fail(fmt.Errorf("the nodes do not become equal"))
}

// served waits until a linearizable read through a node is answered.
func served(address string) {
	until := time.Now().Add(patience)
	for time.Now().Before(until) {
		link, err := net.DialTimeout("tcp", strings.TrimPrefix(address, "http://"), attempt)
		if err != nil {
			time.Sleep(time.Millisecond)
			continue
		}
		link.Close()
		c := client(address)
		for time.Now().Before(until) {
			ctx, cancel := within(attempt)
			_, err = c.Get(ctx, key(0))
			cancel()
			if err == nil {
				c.Close()
				return
			}
			time.Sleep(time.Millisecond)
		}
	}
	fail(fmt.Errorf("%s does not serve", address))
}

// failover kills a process and prints the milliseconds until a survivor acknowledges a write. Each
// survivor is asked by a writer of its own.
func failover() {
	var survivors []*clientv3.Client
	for _, address := range all() {
		c := client(address)
		ctx, cancel := within(patience)
		_, err := c.Put(ctx, "failover", "before")
		fail(err)
		cancel()
		survivors = append(survivors, c)
	}
	killed := time.Now()
	fail(syscall.Kill(*victim, syscall.SIGKILL))
	for runs(*victim) {
		time.Sleep(100 * time.Microsecond)
	}
	done := make(chan time.Time, len(survivors))
	for _, c := range survivors {
		go func(c *clientv3.Client) {
			for {
				ctx, cancel := within(attempt)
				_, err := c.Put(ctx, "failover", "after")
				cancel()
				if err == nil {
					done <- time.Now()
					return
				}
			}
		}(c)
	}
	select {
	case acknowledged := <-done:
		fmt.Printf("%.1f\n", float64(acknowledged.Sub(killed))/1e6)
	case <-time.After(patience):
		fail(fmt.Errorf("no write was acknowledged after the kill"))
	}
}

// runs: a process that has ended may wait for its parent as a zombie.
func runs(pid int) bool {
	status, err := ioutil.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return false
	}
	fields := string(status[strings.LastIndex(string(status), ")")+1:])
	return !strings.HasPrefix(fields, " Z") && !strings.HasPrefix(fields, " X")
}

func main() {
	flag.Parse()
	grpclog.SetLoggerV2(grpclog.NewLoggerV2(ioutil.Discard, ioutil.Discard, ioutil.Discard))
	switch *op {
	case "set", "get":
		load()
	case "fill":
		fill()
	case "settle":
		settle()
	case "leader":
		fmt.Println(leads() + 1)
	case "failover":
		failover()
	case "serving":
		fmt.Println("ready")
		served(all()[0])
		fmt.Println(time.Now().UnixNano() / 1000)
	default:
		fail(fmt.Errorf("%s is no op", *op))
	}
}
