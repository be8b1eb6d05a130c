package serve

import (
	"context"
	"fmt"
	"net/http"
	"strings"
)

// maxNegotiation bounds what a fetching git asks for, in bytes.
const maxNegotiation = 10 << 20

// gitRefs is the first request of every fetch and push: which refs there are.
func (e *exchange) gitRefs() error {
	query, err := e.query("service")
	if err != nil {
		return err
	}
	service := query.Get("service")
	if service != receivePack && service != uploadPack {
		return refuseHTTP(http.StatusForbidden, "use a git that speaks smart HTTP", "%.40q is no service here", service)
	}
	o, err := e.gitOrder(service)
	if err != nil {
		return err
	}
	out := e.gitStream("application/x-" + service + "-advertisement")
	if o.protocol != "version=2" {
		line := "# service=" + service + "\n"
		out.lead = fmt.Sprintf("%04x%s0000", len(line)+4, line)
	}
	o.flags = append(o.flags, "--advertise-refs") // since 2.34 another name of --http-backend-info-refs
	return e.git(o, client{out: out}, out)
}

func (e *exchange) gitUploadPack() error { return e.gitService(uploadPack, maxNegotiation) }

func (e *exchange) gitReceivePack() error {
	return e.gitService(receivePack, e.server.config.Limits.Body)
}

// gitService is the second: the work itself. A push that came in whole goes on
// to its end though its client is gone; git sees for itself whether it did.
func (e *exchange) gitService(service string, limit int64) error {
	if _, err := e.query(); err != nil {
		return err
	}
	o, err := e.gitOrder(service)
	if err != nil {
		return err
	}
	if want := "application/x-" + service + "-request"; e.r.Header.Get("Content-Type") != want {
		return refuseHTTP(http.StatusUnsupportedMediaType, "use git", "the body's Content-Type is not %s", want)
	}
	in, err := e.body(limit)
	if err == nil {
		in, err = e.inflated(in, limit)
	}
	if err != nil {
		return err
	}
	out := e.gitStream("application/x-" + service + "-result")
	return e.git(o, client{in: in, out: out}, out)
}

// gitOrder is git's service for the app of the path, if the request may have
// it.
func (e *exchange) gitOrder(service string) (order, error) {
	o := order{Command: Command{Name: service, App: strings.TrimSuffix(e.r.PathValue("repo"), ".git")}, via: "http", flags: []string{"--stateless-rpc"}}
	act := ActRead
	if service == receivePack {
		act = ActPush
	}
	token, err := e.authorize(o.App, act)
	if err != nil {
		return order{}, err
	}
	o.actor = token.Name
	protocol := e.r.Header.Get("Git-Protocol")
	// git pushes with the first protocol, whatever it is asked for.
	if protocol == "version=1" || (protocol == "version=2" && service == uploadPack) {
		o.protocol = protocol
	}
	return o, nil
}

func (e *exchange) gitStream(contentType string) *stream {
	return &stream{to: e.w, head: map[string]string{"Content-Type": contentType, "Cache-Control": "no-cache"}}
}

// git runs git's service for the client. What its hooks say goes to the
// client within its output; what it says itself is for the log.
func (e *exchange) git(o order, c client, out *stream) error {
	e.entry.Str("command", o.String())
	p, err := e.server.child(context.WithoutCancel(e.r.Context()), o) // what it makes, it makes to the end
	if err != nil {
		return err
	}
	p.input = c.in != nil
	p.keeps = p.keeps && p.input
	talk := &tail{size: 1 << 10}
	c.errout = talk
	status, err := p.run(c, e.r.Context().Done())
	if err != nil {
		return err
	}
	e.entry.Int("exit", status)
	if status == 0 {
		out.end()
		return nil
	}
	return fmt.Errorf("%s exited %d: %s", o.Name, status, talk)
}
