package gitsrc

import (
	"bytes"
	"io"
	"net/http"
	"strings"
)

// webCarrier speaks git's smart protocol over https.
type webCarrier struct {
	remote Remote
	at     address
	meter  *meter
	client *http.Client
	base   string // of the repository, after redirects
	open   []io.Closer
}

func (m Remote) overWeb(w *meter, at address) *webCarrier {
	return &webCarrier{remote: m, at: at, meter: w, base: at.url(), client: m.client(stayThere)}
}

const refsPath = "/info/refs"

func (c *webCarrier) shown() (io.Reader, error) {
	answer, err := c.do(http.MethodGet, refsPath+"?service=git-upload-pack", nil, "application/x-git-upload-pack-advertisement")
	if err != nil {
		return nil, err
	}
	at := answer.Request.URL // after redirects
	path, ok := strings.CutSuffix(at.EscapedPath(), refsPath)
	if !ok {
		return nil, c.noRepository()
	}
	c.base = at.Scheme + "://" + at.Host + path
	return answer.Body, nil
}

func (c *webCarrier) ask(request []byte) (io.Reader, error) {
	answer, err := c.do(http.MethodPost, "/git-upload-pack", request, "application/x-git-upload-pack-result")
	if err != nil {
		return nil, err
	}
	return answer.Body, nil
}

// do makes one request to the repository, with the credentials there are.
func (c *webCarrier) do(method, path string, body []byte, want string) (*http.Response, error) {
	request, err := http.NewRequestWithContext(c.meter.ctx, method, c.base+path, bytes.NewReader(body))
	if err != nil {
		return nil, c.noRepository()
	}
	request.Header.Set("User-Agent", "git/repoint")
	request.Header.Set("Accept", want)
	if method == http.MethodPost {
		request.Header.Set("Content-Type", "application/x-git-upload-pack-request")
	}
	if c.remote.Token != "" {
		request.SetBasicAuth(orElse(c.remote.User, anyUser), c.remote.Token)
	}
	done := c.meter.within(c.meter.idle)
	answer, err := c.client.Do(request)
	done()
	if err != nil {
		return nil, webFailure(c.meter, c.at.host, err)
	}
	c.open = append(c.open, answer.Body)
	if err := c.remote.status(c.at.host, answer.StatusCode); err != nil {
		return nil, err
	}
	if answer.Header.Get("Content-Type") != want {
		return nil, c.noRepository()
	}
	return answer, nil
}

func (c *webCarrier) noRepository() error {
	return &RemoteError{Problem: "there is no git repository at " + c.at.String(), Hint: "see that remote under [webhook] is the address for cloning"}
}

// words is empty: a web server says nothing beside the protocol.
func (c *webCarrier) words() string { return "" }

func (c *webCarrier) close() {
	for _, body := range c.open {
		body.Close()
	}
	c.client.CloseIdleConnections()
}
