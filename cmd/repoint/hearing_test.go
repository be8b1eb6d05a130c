package main

import (
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"

	"github.com/rogpeppe/go-internal/testscript"
)

// hearingCommand is "hearing": starts whoever is notified, and a forge's API at
// http://$NOTIFYHOST/api whose token is "of-forge". $NOTIFY is the
// address, at $NOTIFYHOST, which holds a secret, and the file $HEARD has what came.
func hearingCommand(ts *testscript.TestScript, neg bool, args []string) {
	usage(ts, neg, args, 0, 0, "hearing")
	heard := filepath.Join(ts.Getenv("WORK"), "heard")
	ts.Check(os.WriteFile(heard, nil, 0o600))
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	ts.Check(err)
	var writing sync.Mutex
	server := &http.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		forge := strings.HasPrefix(r.URL.Path, "/api/")
		if err != nil || !forge && r.URL.Path != "/token-of-blog" || forge && r.Header.Get("Authorization") != "token of-forge" {
			http.Error(w, "not for us", http.StatusForbidden)
			return
		}
		if forge {
			body = append([]byte(r.URL.Path+" "), body...)
		}
		writing.Lock()
		defer writing.Unlock()
		f, err := os.OpenFile(heard, os.O_WRONLY|os.O_APPEND, 0)
		if err == nil {
			_, err = fmt.Fprintf(f, "%s\n--\n", body)
			f.Close()
		}
		if err != nil {
			http.Error(w, err.Error(), http.StatusInternalServerError)
		}
	})}
	go server.Serve(listener)
	ts.Defer(func() { server.Close() })
	ts.Setenv("HEARD", heard)
	ts.Setenv("NOTIFYHOST", listener.Addr().String())
	ts.Setenv("NOTIFY", "generic://"+listener.Addr().String()+"/token-of-blog?disabletls=yes")
}
