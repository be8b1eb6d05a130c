package main

import (
	"fmt"
	"net"
	"net/http"
	"os"
	"os/signal"
	"path/filepath"
	"strconv"
	"strings"
	"sync/atomic"
	"syscall"

	"github.com/rogpeppe/go-internal/testscript"
)

// service is a small web service of the app. What it answers stands in the
// file answer of the release it has loaded: "200 all is well", a status and a
// body; "flap" is good and bad in turn; without the file all is well.
//
// It has loaded what $APP/current points at when it is asked, or the directory
// whose path stands in $WORK/loaded, if that file is there: then a reload has
// to write it, as in run = "readlink -f $APP/current > $WORK/loaded".
type service struct {
	app, loaded string
	asked       atomic.Int64
}

// serviceCommand is "service": starts one, on a port ($URL), and on a socket
// ($SOCKET).
func serviceCommand(ts *testscript.TestScript, neg bool, args []string) {
	usage(ts, neg, args, 0, 0, "service")
	s := &service{app: ts.Getenv("APP"), loaded: filepath.Join(ts.Getenv("WORK"), "loaded")}
	port, err := net.Listen("tcp", "127.0.0.1:0")
	ts.Check(err)
	socket, err := os.MkdirTemp("", "socket") // $WORK is too long a path for one
	ts.Check(err)
	socket = filepath.Join(socket, "s")
	local, err := net.Listen("unix", socket)
	ts.Check(err)
	server := &http.Server{Handler: s}
	for _, listener := range []net.Listener{port, local} {
		go server.Serve(listener)
	}
	ts.Defer(func() {
		server.Close()
		os.RemoveAll(filepath.Dir(socket))
	})
	ts.Setenv("URL", "http://"+port.Addr().String())
	ts.Setenv("SOCKET", socket)
}

func (s *service) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	asked := s.asked.Add(1)
	dir, err := filepath.EvalSymlinks(filepath.Join(s.app, "current"))
	if data, readErr := os.ReadFile(s.loaded); readErr == nil {
		dir, err = strings.TrimSpace(string(data)), nil
	}
	if err != nil {
		http.Error(w, "nothing is live", http.StatusServiceUnavailable)
		return
	}
	w.Header().Set("X-Commit", strings.TrimPrefix(filepath.Base(dir), "code_"))
	answer, err := os.ReadFile(filepath.Join(dir, "answer"))
	if err != nil {
		answer = []byte("200 all is well")
	}
	number, body, _ := strings.Cut(strings.TrimSpace(string(answer)), " ")
	if number == "flap" {
		number = []string{"500", "200"}[asked%2]
	}
	status, err := strconv.Atoi(number)
	if err != nil {
		status = http.StatusInternalServerError
	}
	w.WriteHeader(status)
	fmt.Fprintln(w, body)
}

// workerMain is "worker APP": a service's process. It works in the release that
// is live, writes its number to APP/worker.pid, and moves to what is live by
// then on SIGHUP, unless there is a file stay in the new release. It ends on SIGTERM.
func workerMain() {
	app := os.Args[1]
	told := make(chan os.Signal, 1)
	signal.Notify(told, syscall.SIGHUP, syscall.SIGTERM)
	for first := true; ; first = false {
		live, err := filepath.EvalSymlinks(filepath.Join(app, "current"))
		if _, stay := os.Stat(filepath.Join(live, "stay")); err == nil && (stay != nil || first) {
			err = os.Chdir(live)
		}
		if first && err == nil {
			err = os.WriteFile(filepath.Join(app, "worker.pid"), []byte(strconv.Itoa(os.Getpid())+"\n"), 0o644)
		}
		if err != nil {
			fmt.Println(err)
			os.Exit(1)
		}
		dir, _ := os.Getwd()
		fmt.Println("works in", filepath.Base(dir))
		if <-told == syscall.SIGTERM {
			return
		}
	}
}
