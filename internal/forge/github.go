package forge

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"strings"
)

// github is GitHub and its Enterprise Server.
// https://docs.github.com/en/rest/commits/statuses and …/rest/deployments
func github() dialect {
	return dialect{
		suffix: "/api/v3",
		states: map[State]string{Pending: "pending", Success: "success", Failure: "failure", Canceled: "error"},
		text:   140,
		authorize: func(h http.Header, token string) {
			h.Set("Authorization", "Bearer "+token)
			h.Set("Accept", "application/vnd.github+json")
			h.Set("X-GitHub-Api-Version", "2022-11-28")
		},
		status: commitStatus,
		api: func(host string) string {
			if host == "github.com" || strings.HasSuffix(host, ".ghe.com") {
				return "https://api." + host
			}
			return "https://" + host + "/api/v3"
		},
		also: setDeployment,
	}
}

// setDeployment sets the state of the deploy's deployment. To look for it and to
// make it is one try, so that it is found if the answer to making it was lost.
func setDeployment(ctx context.Context, f *Forge, s Status) error {
	var id int64
	err := f.retry(ctx, func(ctx context.Context) (err error) {
		if id, err = f.findDeployment(ctx, s); err == nil && id == 0 {
			id, err = f.makeDeployment(ctx, s)
		}
		return err
	})
	if err != nil {
		return err
	}
	states := map[State]string{Pending: "in_progress", Success: "success", Failure: "failure", Canceled: "inactive"}
	return f.send(ctx, s, call{
		doing: "setting the deployment's status", method: http.MethodPost, path: fmt.Sprintf("%s/deployments/%d/statuses", f.repo(), id),
		in: map[string]any{
			"state": states[s.State], "description": s.Text, "log_url": s.LogURL, "environment_url": s.AppURL, "auto_inactive": true,
		},
	})
}

// deployTask is GitHub's own word for an ordinary deploy.
const deployTask = "deploy"

func (s Status) environment() string { return cmp.Or(s.Environment, s.App) }

// findDeployment looks for the deploy's among the newest 100 of its commit and
// environment. It returns 0 if there is none.
func (f *Forge) findDeployment(ctx context.Context, s Status) (int64, error) {
	var known []struct {
		ID      int64           `json:"id"`
		Payload json.RawMessage `json:"payload"`
	}
	err := f.once(ctx, call{
		doing: "looking for the deployment", method: http.MethodGet, path: f.repo() + "/deployments", out: &known,
		query: url.Values{"sha": {s.Commit}, "environment": {s.environment()}, "task": {deployTask}, "per_page": {"100"}},
	})
	if err != nil {
		return 0, err
	}
	for _, deployment := range known {
		if is, ours := deployNumber(deployment.Payload); ours && is == s.Deploy {
			return deployment.ID, nil
		}
	}
	return 0, nil
}

// deployNumber reads a payload, which is also given back as a string of JSON. The
// payload of another program need not have a number.
func deployNumber(payload json.RawMessage) (number int, ours bool) {
	var text string
	if json.Unmarshal(payload, &text) == nil {
		payload = json.RawMessage(text)
	}
	var read struct {
		Deploy *int `json:"deploy"`
	}
	if json.Unmarshal(payload, &read) != nil || read.Deploy == nil {
		return 0, false
	}
	return *read.Deploy, true
}

func (f *Forge) makeDeployment(ctx context.Context, s Status) (int64, error) {
	var made struct {
		ID int64 `json:"id"`
	}
	err := f.once(ctx, call{
		doing: "making the deployment", method: http.MethodPost, path: f.repo() + "/deployments", out: &made,
		in: map[string]any{
			"ref": s.Commit, "task": deployTask, "environment": s.environment(), "transient_environment": false,
			"payload": map[string]int{"deploy": s.Deploy}, "description": fmt.Sprintf("%s, deploy %d", s.name(), s.Deploy),
			"auto_merge": false, "required_contexts": []string{},
		},
	})
	return made.ID, err
}
