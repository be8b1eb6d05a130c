package serve

import (
	"context"
	"encoding/json"
	"net/http"
	"net/url"
	"strings"
	"time"
)

const (
	numberWithin = 800 * time.Millisecond // for a deploy to get its number before the answer: a forge wants one soon
	numberWaits  = 2                      // answers that wait for one fetch at a time; in a burst the others go without
)

// webhookAnswer is the body of an answer to a webhook that is believed.
type webhookAnswer struct {
	Delivery string   `json:"delivery"`
	Deploy   int      `json:"deploy,omitempty"`  // the number of what it causes, if it is known already
	Log      string   `json:"log,omitempty"`     // where to read about it
	Ignored  []string `json:"ignored,omitempty"` // why nothing follows from it, or from some of it
}

// answer tells what follows from a delivery: 200 for nothing, 202 for what is
// under way.
func (d webhookDelivery) answer(w http.ResponseWriter, r *http.Request) {
	said := webhookAnswer{Delivery: d.list[0].ID}
	for _, one := range d.list {
		if one.Done {
			said.Ignored = append(said.Ignored, one.Verdict)
		}
	}
	if len(d.fetches) == 0 {
		writeJSON(w, http.StatusOK, said)
		return
	}
	if r.URL.Query().Get("wait") == "true" {
		listen(w, r).follow(d.fetches)
		return
	}
	said.Deploy = d.number(r.Context())
	said.Log = d.logURL(r)
	writeJSON(w, http.StatusAccepted, said)
}

// number waits a moment for the number of one of the deploys. 0: none yet.
func (d webhookDelivery) number(ctx context.Context) int {
	ctx, cancel := context.WithDeadline(ctx, d.arrived.Add(numberWithin))
	defer cancel()
	for _, f := range d.fetches {
		if n := f.number(ctx); n > 0 {
			return n
		}
	}
	return 0
}

func (f *fetch) number(ctx context.Context) int {
	defer f.waiting.Add(-1)
	if f.waiting.Add(1) > numberWaits {
		return 0
	}
	select {
	case <-f.numbered:
		return f.deploy
	case <-ctx.Done():
		return 0
	}
}

// logURL is where people follow what a delivery causes.
func (d webhookDelivery) logURL(r *http.Request) string {
	base := strings.TrimSuffix(d.serverURL, "/")
	if base == "" {
		base = "http://" + r.Host
		if r.TLS != nil {
			base = "https://" + r.Host
		}
	}
	return base + deliveryPath(d.app, d.list[0].ID)
}

func deliveryPath(app, id string) string {
	return "/v1/apps/" + app + "/deliveries/" + url.PathEscape(id) + "/log"
}

func writeJSON(w http.ResponseWriter, status int, v any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	json.NewEncoder(w).Encode(v) // fails when the client is gone, who is told nothing then
}
