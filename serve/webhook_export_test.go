package serve

import (
	"net/http"
	"os"
	"time"
)

// Webhooks lets tests use the handler of webhooks without a server around it.
type Webhooks struct{ h *webhooks }

func NewWebhooks(config Config) Webhooks {
	config.Getenv = os.Getenv
	return Webhooks{newWebhooks(&Server{config: config})}
}

func (w Webhooks) Start() error { return w.h.start() }

func (w Webhooks) Stop() <-chan struct{} { return w.h.stop() }

// Bound changes what bodies may take.
func (w Webhooks) Bound(budget int64, within time.Duration) {
	w.h.bodies.budget, w.h.bodies.within = budget, within
}

// Held is how many bytes of bodies are held.
func (w Webhooks) Held() int64 { return w.h.bodies.held.Load() }

// Handler serves webhooks and the logs of their deliveries.
func (w Webhooks) Handler() http.Handler {
	mux := http.NewServeMux()
	mux.Handle(webhookPath, w.h)
	mux.HandleFunc("GET /v1/apps/{app}/deliveries/{id}/log", func(rw http.ResponseWriter, r *http.Request) {
		w.h.deliveryLog(rw, r, r.PathValue("app"), r.PathValue("id"))
	})
	return mux
}
