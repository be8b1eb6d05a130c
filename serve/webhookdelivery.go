package serve

import (
	"errors"
	"fmt"
	"io/fs"
	"net/http"
	"slices"

	"repoint/internal/deliveries"
)

// deliveryLog answers with what a delivery caused: the log of its deploy, where
// there is one, else what the fetch said or says. The caller has made sure that
// the client may read the app's logs.
func (h *webhooks) deliveryLog(w http.ResponseWriter, r *http.Request, app, id string) {
	list, err := h.delivery(app, id)
	if err == nil && slices.ContainsFunc(list, func(d deliveries.Delivery) bool { return !d.Done }) {
		if live := h.fetches.of(app, list[0].ID); len(live) > 0 {
			listen(w, r).follow(live)
			return
		}
		list, err = h.delivery(app, id) // it may have ended just now
	}
	var ambiguous *deliveries.AmbiguousError
	switch {
	case errors.Is(err, deliveries.ErrNotFound):
		http.Error(w, "there is no such delivery", http.StatusNotFound)
	case errors.As(err, &ambiguous):
		http.Error(w, ambiguous.Error(), http.StatusNotFound)
	case err != nil:
		h.log.Error().Err(err).Str("app", app).Msg("reading the deliveries")
		http.Error(w, "the deliveries cannot be read", http.StatusInternalServerError)
	case deployOf(list) > 0:
		http.Redirect(w, r, fmt.Sprintf("/v1/apps/%s/deploys/%d/log", app, deployOf(list)), http.StatusSeeOther)
	default:
		verdicts(w, list)
	}
}

// delivery finds a delivery by its id, which may be shortened.
func (h *webhooks) delivery(app, id string) ([]deliveries.Delivery, error) {
	if !appPattern().MatchString(app) {
		return nil, deliveries.ErrNotFound
	}
	book, err := h.books.of(app)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, deliveries.ErrNotFound
	}
	if err != nil {
		return nil, err
	}
	return book.Find(id)
}

// deployOf is the deploy that a delivery caused, 0 when it is none or several.
func deployOf(list []deliveries.Delivery) (deploy int) {
	for _, d := range list {
		if !d.Done || d.Deploy > 0 && deploy > 0 && d.Deploy != deploy {
			return 0
		}
		deploy = max(deploy, d.Deploy)
	}
	return deploy
}

func verdicts(w http.ResponseWriter, list []deliveries.Delivery) {
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	w.Header().Set("Cache-Control", "no-store")
	for _, d := range list {
		verdict := d.Verdict
		if !d.Done {
			verdict = d.Ref + " is not fetched yet"
		}
		if d.Deploy > 0 {
			verdict += fmt.Sprintf(" (deploy %d)", d.Deploy)
		}
		fmt.Fprintln(w, verdict)
	}
}
