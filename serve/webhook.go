package serve

import (
	"cmp"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/rs/zerolog"

	"repoint/hooks/webhook"
	"repoint/internal/deliveries"
)

// webhookPath is where forges call: the name of the app follows.
const webhookPath = "/hook/"

// errReplayed is the reason to refuse a delivery that was accepted before.
var errReplayed = errors.New("the delivery was taken before")

// webhooks takes what forges send to /hook/APP, and has fetched what is new.
//
// Whoever is refused learns nothing: the answer is one and the same, whether
// there is no such app, it takes no webhooks, its configuration is at fault or
// the signature is wrong. Nothing is written for them but a bounded log. What
// is accepted is on the disk before the answer, so that it is fetched even if
// the server is killed.
type webhooks struct {
	log     zerolog.Logger
	apps    webhookApps
	bodies  webhookBodies
	refused refusals
	books   *webhookBooks
	fetches *fetches
}

// webhookDelivery is a delivery that was accepted.
type webhookDelivery struct {
	app       string
	serverURL string
	arrived   time.Time
	list      []deliveries.Delivery // at least one
	fetches   []*fetch              // for those that are not done
}

// newWebhooks makes the handler of [webhookPath].
func newWebhooks(server *Server) *webhooks {
	config := server.config
	books := &webhookBooks{apps: config.Apps}
	return &webhooks{
		log:     config.Log,
		apps:    webhookApps{dir: config.Apps},
		bodies:  webhookBodies{budget: bodyBudget, within: bodyWithin},
		refused: refusals{log: config.Log},
		books:   books,
		fetches: newFetches(server, books),
	}
}

// start has fetched what an earlier server accepted and did not bring to its
// end. Call it before the first request.
func (h *webhooks) start() error {
	apps, err := h.books.withDeliveries()
	if err != nil {
		return fmt.Errorf("looking for deliveries: %w", err)
	}
	for _, app := range apps {
		book, err := h.books.of(app)
		var list []deliveries.Delivery
		if err == nil {
			list, err = book.Unfinished()
		}
		if err != nil { // the other apps' are not held up
			h.log.Error().Err(err).Str("app", app).Msg("webhooks accepted earlier")
			continue
		}
		h.fetches.submit(app, list...)
	}
	return nil
}

// stop starts no more fetches; the channel is closed when those that run have
// ended, which the server need not wait for.
func (h *webhooks) stop() <-chan struct{} { return h.fetches.stop() }

func (h *webhooks) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if r.Method != http.MethodPost {
		w.Header().Set("Allow", http.MethodPost)
		http.Error(w, "webhooks are sent by POST", http.StatusMethodNotAllowed)
		return
	}
	app := strings.TrimPrefix(r.URL.Path, webhookPath)
	body := h.bodies.open(w, r)
	defer body.release()
	accepted, err := h.accept(app, r, body)
	if err != nil {
		h.refuse(w, r, app, body, err)
		return
	}
	body.release()
	accepted.answer(w, r)
}

// accept believes a delivery or says why not. It is on the disk then, and
// handed over.
func (h *webhooks) accept(app string, r *http.Request, body *webhookBody) (webhookDelivery, error) {
	settings, err := h.apps.get(app, time.Now())
	if err != nil {
		return webhookDelivery{}, err
	}
	events, err := settings.receiver.Read(r.Header, body, r.ContentLength, time.Now())
	if err != nil {
		return webhookDelivery{}, err
	}
	accepted := webhookDelivery{app: app, serverURL: settings.serverURL, arrived: time.Now()}
	for _, d := range webhook.Decide(events, settings.rules) {
		accepted.list = append(accepted.list, deliveries.Delivery{
			Time: accepted.arrived.UTC().Round(time.Millisecond), ID: d.ID, Provider: d.Provider, Event: d.Name, Ref: d.Ref, Commit: d.Commit,
			Actor: cmp.Or(d.Actor, d.Provider), Verdict: d.Why, Done: !d.Fetch,
		})
	}
	if err := h.remember(accepted); err != nil {
		return webhookDelivery{}, err
	}
	wanted := slices.DeleteFunc(slices.Clone(accepted.list), func(d deliveries.Delivery) bool { return d.Done })
	accepted.fetches = h.fetches.submit(app, wanted...)
	first := accepted.list[0]
	h.log.Info().Str("app", app).Str("delivery", first.ID).Str("event", first.Event).Str("ref", first.Ref).
		Str("actor", first.Actor).Int("fetches", len(accepted.fetches)).Msg("webhook")
	return accepted, nil
}

// remember writes a delivery down, unless it was accepted before.
func (h *webhooks) remember(accepted webhookDelivery) error {
	book, err := h.books.of(accepted.app)
	if err != nil {
		return &webhookFailure{err}
	}
	seen, err := book.Seen(accepted.list[0].ID)
	if err == nil && !seen {
		err = book.Add(accepted.list...)
	}
	switch {
	case seen || errors.Is(err, deliveries.ErrSeen):
		return errReplayed
	case err != nil:
		return &webhookFailure{err}
	}
	return nil
}

// webhookFailure says that the server could not take what it believes.
type webhookFailure struct{ cause error }

func (e *webhookFailure) Error() string { return e.cause.Error() }

// refuse answers what is not accepted. The reason goes to the log alone.
func (h *webhooks) refuse(w http.ResponseWriter, r *http.Request, app string, body *webhookBody, reason error) {
	named := app
	if errors.Is(reason, errUnknownApp) {
		named = ""
	}
	h.refused.note(named, reason.Error(), r.RemoteAddr)
	reusable, err := body.drain()
	if !reusable {
		w.Header().Set("Connection", "close")
	}
	var failure *webhookFailure
	if errors.As(reason, &failure) || errors.Is(reason, errBusy) || errors.Is(err, errBusy) {
		w.Header().Set("Retry-After", "10")
		http.Error(w, "try again later", http.StatusServiceUnavailable)
		return
	}
	http.Error(w, "not accepted", http.StatusUnauthorized)
}
