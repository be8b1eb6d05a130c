package fleet

import (
	"context"
	"encoding/json"
	"time"

	"github.com/nats-io/nats.go"

	"repoint/config"
	"repoint/deploy"
	"repoint/internal/durable"
)

// View is one agent as people look at it.
type View struct {
	Name    string    `json:"name"`
	Labels  []string  `json:"labels,omitempty"`
	Joined  time.Time `json:"joined"`
	Drained bool      `json:"drained,omitempty"`
	Report  *Report   `json:"report"` // null: it says nothing
}

// Fleet is all of them, and what they are to have.
type Fleet struct {
	App        string `json:"app"`
	Generation uint64 `json:"generation"`
	Live       string `json:"live,omitempty"` // the commit that is to be live
	Next       string `json:"next,omitempty"` // the commit that is to be ready
	Agents     []View `json:"agents"`
}

// surveyWithin is how long agents may take to say how they are.
const surveyWithin = 2 * time.Second

// Survey asks all agents of an app how they are. What the records say is returned
// even with an error: that of not reaching them.
func Survey(ctx context.Context, disk durable.Disk, app *deploy.App, c config.Fleet) (Fleet, error) {
	f := Fleet{App: app.Name, Agents: []View{}}
	records, err := OpenRecords(disk, app.Dir)
	if err != nil {
		return f, err
	}
	s, _, err := records.State()
	members, err2 := records.Members()
	if err == nil {
		err = err2
	}
	if err != nil {
		records.Close()
		return f, err
	}
	f.Generation, f.Live, f.Next = s.Generation, s.Live.Commit, s.Next.Commit
	for _, m := range members {
		f.Agents = append(f.Agents, View{Name: m.Name, Labels: m.Labels, Joined: m.Joined, Drained: m.Drained})
	}
	hub, err := openFor(ctx, disk, app, c, records)
	if err != nil {
		return f, err
	}
	defer hub.Close()
	return f, hub.hear(ctx, f.Agents)
}

// hear fills in what agents say of themselves.
func (h *Hub) hear(ctx context.Context, agents []View) error {
	heard := make(chan *nats.Msg, 2*len(agents)+100)
	sub, err := h.conn.ChanSubscribe(reportSubject+h.app.Name+".*", heard)
	if err != nil {
		return err
	}
	defer sub.Unsubscribe()
	if err := h.conn.Publish(askSubject+h.app.Name, nil); err != nil {
		return err
	}
	byName := map[string]*View{}
	for i := range agents {
		byName[agents[i].Name] = &agents[i]
	}
	over := time.NewTimer(surveyWithin)
	defer over.Stop()
	for missing := len(agents); missing > 0; {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-over.C:
			return nil
		case m := <-heard:
			var r Report
			if json.Unmarshal(m.Data, &r) != nil || r.Lacks != "" || m.Subject != reportSubject+h.app.Name+"."+r.Agent {
				continue
			}
			if v := byName[r.Agent]; v != nil && v.Report == nil {
				v.Report = &r
				missing--
			}
		}
	}
	return nil
}
