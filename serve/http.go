package serve

import (
	"net/http"
	"net/url"
	"regexp"
	"strings"
)

// route is one thing that can be asked for over HTTP.
type route struct {
	method string
	path   string // parts in braces are those of pathParts; handlers read them with PathValue
	serve  func(e *exchange) error
}

// routes are all there is beside webhooks, which are answered apart: see
// dispatch. A handler that wants to know who asks calls
// authorize before it reads a byte of the body.
var routes = []route{
	{"GET", "/healthz", (*exchange).health},
	{"HEAD", "/healthz", (*exchange).health},
	{"GET", "/git/{repo}/info/refs", (*exchange).gitRefs},
	{"POST", "/git/{repo}/git-upload-pack", (*exchange).gitUploadPack},
	{"POST", "/git/{repo}/git-receive-pack", (*exchange).gitReceivePack},
	{"GET", "/v1/apps/{app}/deploys/{deploy}/log", (*exchange).deployLog},
	{"GET", "/v1/apps/{app}/deliveries/{delivery}/log", (*exchange).deliveryLog},
	{"PUT", "/v1/apps/{app}/releases/{commit}", (*exchange).upload},
}

// pathParts are the parts of paths that differ, as they are sent: what is
// escaped matches none.
var pathParts = map[string]func() *regexp.Regexp{
	"{app}":      appPattern,
	"{repo}":     pattern(`^[a-z0-9][a-z0-9-]{0,62}(\.git)?$`),
	"{deploy}":   pattern(`^[1-9][0-9]{0,8}$`),
	"{delivery}": pattern(`^[A-Za-z0-9._:@*+={}%-]{1,300}$`),
	"{commit}":   pattern(`^[A-Za-z0-9._-]+$`), // upload says what is wrong with it
}

// find returns the route of a request and sets its path's values. Without one,
// allowed are the methods that there are for the path.
func find(r *http.Request) (found *route, allowed []string) {
	parts := strings.Split(r.URL.EscapedPath(), "/")
	for i, candidate := range routes {
		pattern := strings.Split(candidate.path, "/")
		if !matches(pattern, parts) {
			continue
		}
		if candidate.method != r.Method {
			allowed = append(allowed, candidate.method)
			continue
		}
		for i, part := range pattern {
			if strings.HasPrefix(part, "{") {
				r.SetPathValue(strings.Trim(part, "{}"), parts[i])
			}
		}
		return &routes[i], nil
	}
	return nil, allowed
}

func matches(pattern, parts []string) bool {
	if len(pattern) != len(parts) {
		return false
	}
	for i, part := range pattern {
		if values, differs := pathParts[part]; differs {
			if !values().MatchString(parts[i]) {
				return false
			}
		} else if part != parts[i] {
			return false
		}
	}
	return true
}

// route answers what was asked for, or returns why not.
func (e *exchange) route() error {
	found, allowed := find(e.r)
	switch {
	case found == nil && allowed == nil:
		return refuseHTTP(http.StatusNotFound, "see repoint serve --help for what there is", "there is nothing at this path")
	case found == nil:
		e.w.Header().Set("Allow", strings.Join(allowed, ", "))
		return refuseHTTP(http.StatusMethodNotAllowed, "use "+strings.Join(allowed, " or "), "%.20q is no method for this path", e.r.Method)
	case e.r.Body != http.NoBody && (e.r.Method == http.MethodGet || e.r.Method == http.MethodHead):
		return refuseHTTP(http.StatusBadRequest, "send none", "a %s request has no body", e.r.Method)
	}
	return found.serve(e)
}

// deliveryLog tells what became of a delivery.
func (e *exchange) deliveryLog() error {
	app := e.r.PathValue("app")
	if _, err := e.query(); err != nil {
		return err
	}
	if _, err := e.authorize(app, ActRead); err != nil {
		return err
	}
	id, err := url.PathUnescape(e.r.PathValue("delivery"))
	if err != nil {
		return refuseHTTP(http.StatusNotFound, "see: repoint deliveries "+app, "there is no such delivery")
	}
	e.server.webhooks.deliveryLog(e.w, e.r, app, id)
	return nil
}

func (e *exchange) health() error {
	if _, err := e.query(); err != nil {
		return err
	}
	return e.text("ok\n")
}
